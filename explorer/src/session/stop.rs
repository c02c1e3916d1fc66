//! Why the cursor stands where it stands.

use super::signal::SignalStop;
use super::value::{Bytes, serialize_value, value_text};
use crate::render::{Page, Style, thousands};
use serde::Serialize;

/// What a watchpoint's subject held, as its type shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Typed {
    /// Before.
    pub old_value: String,
    /// Afterwards.
    pub new_value: String,
}

/// Why history stopped here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Stop {
    /// The first state.
    Start,
    /// As many steps as asked for.
    Step,
    /// The user named this tracepoint.
    Jump,
    /// Breakpoints are here.
    Breakpoint {
        /// Their numbers.
        breakpoints: Vec<u32>,
    },
    /// A watchpoint's subject is written or read: by the instruction before or,
    /// going back, by the next one.
    Watch {
        /// The watchpoint's number.
        number: u32,
        /// What it watches, as typed.
        expression: String,
        /// The tracepoint that does it.
        tracepoint: u64,
        /// What it held before.
        #[serde(serialize_with = "serialize_value")]
        old: Bytes,
        /// What it held afterwards.
        #[serde(serialize_with = "serialize_value")]
        new: Bytes,
        /// Both as its type shows them, if it has one.
        #[serde(flatten)]
        typed: Option<Typed>,
    },
    /// A function was left, or the call of it was reached.
    Out {
        /// The function.
        function: Option<String>,
    },
    /// The place that the user named.
    Until {
        /// As typed.
        location: String,
    },
    /// A signal arrived at the tracepoint before.
    Signal(SignalStop),
    /// The frame of a watched variable ends here, and with it the watchpoint.
    Scope {
        /// The number that the watchpoint had.
        number: u32,
        /// What it watched, as typed.
        expression: String,
    },
    /// The first tracepoint of the thread that was stepped.
    ThreadStart {
        /// Its id.
        thread: u32,
        /// Its number.
        #[serde(skip)]
        thread_number: usize,
    },
    /// Behind the last tracepoint of the thread that was stepped.
    ThreadEnd {
        /// Its id.
        thread: u32,
        /// Its number.
        #[serde(skip)]
        thread_number: usize,
    },
    /// The last state: the program exited.
    Exit {
        /// With this status.
        status: i32,
    },
    /// The last state, but the program had not ended.
    End,
    /// The user asked the query to stop.
    Interrupted,
}

impl Stop {
    /// One or two lines that say why; nothing after a plain step or jump.
    pub fn render(&self, page: &mut Page) {
        match self {
            Self::Step | Self::Jump => {}
            Self::Start => page.put(Style::Alert, "Start of the recorded history.").end(),
            Self::End => {
                page.put(Style::Alert, "End of the recording; the program had not ended.").end();
            }
            Self::Scope { .. } => page.put(Style::Alert, self.to_string()).end(),
            Self::ThreadStart { thread_number, .. } => {
                page.put(Style::Alert, format!("Thread {thread_number} starts here.")).end();
            }
            Self::ThreadEnd { thread_number, .. } => {
                let text = format!("Thread {thread_number} does not run again.");
                page.put(Style::Alert, text).end();
            }
            Self::Interrupted => page.put(Style::Alert, "Interrupted.").end(),
            Self::Exit { status } => {
                page.put(Style::Alert, format!("Program exited with status {status}.")).end();
            }
            Self::Breakpoint { breakpoints } => {
                let numbers: Vec<_> = breakpoints.iter().map(u32::to_string).collect();
                page.put(Style::Alert, format!("Breakpoint {}", numbers.join(", "))).end();
            }
            Self::Watch { number, expression, tracepoint, old, new, typed } => {
                page.put(Style::Alert, format!("Watchpoint {number}: {expression}"));
                let changed = old != new;
                let plain = || Typed { old_value: value_text(old), new_value: value_text(new) };
                let Typed { old_value: old, new_value: new } = typed.clone().unwrap_or_else(plain);
                page.plain(if changed { format!(", {old} -> {new}") } else { format!(" = {old}") });
                page.plain(", by ").put(Style::Tracepoint, format!("#{}", thousands(*tracepoint)));
                page.end();
            }
            Self::Out { function } => {
                let function = function.as_deref().unwrap_or("the function");
                page.put(Style::Alert, format!("Out of {function}.")).end();
            }
            Self::Until { location } => {
                page.put(Style::Alert, format!("Reached {location}.")).end();
            }
            Self::Signal(signal) => render_signal(signal, page),
        }
    }
}

impl std::fmt::Display for Stop {
    /// What is said of a watchpoint that ended; nothing of others.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Scope { number, expression } = self else { return Ok(()) };
        write!(
            out,
            "Watchpoint {number} ({expression}) deleted because the program has left the block in \
             which its expression is valid."
        )
    }
}

fn render_signal(signal: &SignalStop, page: &mut Page) {
    let head = format!("Program received signal {}, {}", signal.signal, signal.description);
    page.put(Style::Alert, head);
    if let Some(code) = signal.code {
        page.plain(format!(" ({code})"));
    }
    if let Some(address) = &signal.address {
        page.plain(", si_addr ").put(Style::Address, address);
    }
    page.line(match signal.disposition {
        "fatal" => "; it terminated the program.",
        "handled" => "; its handler runs next.",
        "stopped" => "; it stopped the program for a while.",
        _ => ".",
    });
}
