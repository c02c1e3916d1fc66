//! `info signals`.

use super::more;
use super::total::total;
use super::{Argument, Arguments, Command, CommandResult, Group, Output};
use crate::render::{Page, Style, thousands};
use crate::session::{Session, SignalStop};
use crate::timeline::{Direction, StateError};
use rdb_schema::event::EventKind;
use serde::Serialize;
use std::ops::ControlFlow;

/// Signals shown when nobody says how many.
const COUNT: u64 = 100;

#[derive(Serialize)]
struct Signals {
    signals: Vec<SignalStop>,
    /// Whether there are more.
    more: bool,
}

impl Output for Signals {
    fn render(&self, page: &mut Page) {
        if self.signals.is_empty() {
            page.line("No signals.");
        }
        for signal in &self.signals {
            page.put(Style::Tracepoint, format!("#{}", thousands(signal.at)));
            page.plain("  ").put(Style::Alert, &signal.signal);
            page.plain(format!(" {}, {}", signal.description, signal.disposition));
            if let Some(code) = signal.code {
                page.plain(format!(", {code}"));
            }
            if let Some(address) = &signal.address {
                page.plain(format!(", si_addr {address}"));
            }
            page.end();
        }
        more::say(page, self.more);
    }
}

fn list(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let count = arguments.count("N").unwrap_or(COUNT);
    let (mut signals, mut more, mut stopped, mut all) = (Vec::new(), false, false, 0);
    let timeline = session.timeline();
    timeline.events(0..timeline.end(), Direction::Forward, &mut |event| {
        stopped = session.interrupt.raised();
        if stopped {
            return ControlFlow::Break(());
        }
        let EventKind::Signal(signal) = &event.kind else { return ControlFlow::Continue(()) };
        all += 1;
        if count == 0 {
            return ControlFlow::Continue(());
        }
        more = signals.len() as u64 == count;
        if more {
            return ControlFlow::Break(());
        }
        signals.push(SignalStop::new(event.tracepoint, signal));
        ControlFlow::Continue(())
    })?;
    if stopped {
        Err(StateError::Interrupted.into())
    } else if count == 0 {
        total(all, "signals")
    } else {
        Ok(Box::new(Signals { signals, more }))
    }
}

/// `info signals`.
pub static INFO_SIGNALS: Command = Command {
    name: "info signals",
    aliases: &["signals"],
    group: Group::History,
    arguments: &[Argument::at_most("at most N signals; 100 if left out")],
    help: "list the signals the program received, in time order",
    details: "",
    run: list,
};
