//! `syscalls`: in time order, with arguments, results and data.

use super::rows::{ListEnd, Rows, SLOW_BATCH};
use super::total::total;
use super::{
    Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output, jumping,
};
use crate::render::{Page, Style, thousands};
use crate::session::{Session, Span};
use crate::timeline::{Direction, StateError, Timeline};
use rdb_schema::event::{Event, EventKind, Syscall};
use rdb_schema::syscalls::{Call, describe, name, number_by_name};
use serde::Serialize;
use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::rc::Rc;

/// Calls shown when nobody says how many.
const COUNT: u64 = 100;

/// Bytes of output shown of one call.
const PREVIEW: u64 = 4096;

#[derive(Serialize)]
struct Syscalls {
    syscalls: Rows<Line>,
    /// The tracepoint to go on from, if there are more.
    next: Next,
    #[serde(flatten)]
    ending: ListEnd,
    #[serde(skip)]
    cursor: u64,
}

/// The tracepoint behind the list: known behind its last row.
#[derive(Clone, Default)]
struct Next(Rc<Cell<Option<u64>>>);

impl Serialize for Next {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        self.0.get().serialize(out)
    }
}

#[derive(Serialize)]
struct Line {
    tracepoint: u64,
    thread: u32,
    /// Its number, if there are several.
    #[serde(skip)]
    thread_number: Option<usize>,
    number: u64,
    name: String,
    arguments: Vec<Value>,
    /// rax as a signed number; absent when the call never came back.
    value: Option<i64>,
    result: String,
    /// What it wrote to standard output or standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    restarted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unknown_effects: bool,
}

#[derive(Serialize)]
struct Value {
    name: &'static str,
    text: String,
}

impl Line {
    fn new(session: &Session, event: &Event, syscall: &Syscall) -> Self {
        let timeline = session.timeline();
        let at = event.tracepoint;
        let call = Call { number: syscall.number, args: syscall.arguments, result: syscall.result };
        let before = |address, buffer: &mut [u8]| timeline.read(at, address, buffer);
        let after = |address, buffer: &mut [u8]| timeline.read(at + 1, address, buffer);
        let words = describe(&call, &before, &after);
        Self {
            tracepoint: at,
            thread: event.thread,
            thread_number: session.thread_number(event.thread),
            number: syscall.number,
            name: words.name,
            arguments: words
                .arguments
                .into_iter()
                .map(|argument| Value { name: argument.name, text: argument.text })
                .collect(),
            value: syscall.finished.then_some(syscall.result),
            result: if syscall.finished { words.result } else { "?".to_owned() },
            output: output(timeline, at, &call),
            restarted: syscall.restarted,
            unknown_effects: !syscall.known,
        }
    }

    fn tracepoint(&self) -> u64 {
        self.tracepoint
    }

    fn render(&self, page: &mut Page, cursor: u64) {
        page.put(Style::Current, if self.tracepoint == cursor { "=> " } else { "   " });
        page.put(Style::Tracepoint, format!("#{}", thousands(self.tracepoint)));
        if let Some(number) = self.thread_number {
            page.plain(format!("  thread {number}"));
        }
        let arguments: Vec<_> = self.arguments.iter().map(|a| a.text.as_str()).collect();
        page.plain("  ").put(Style::Function, &self.name);
        page.plain(format!("({}) = {}", arguments.join(", "), self.result));
        if self.restarted {
            page.put(Style::Dim, " (restarted)");
        }
        page.end();
        for line in self.output.iter().flat_map(|text| text.lines()) {
            page.put(Style::Dim, "        | ").plain(line).end();
        }
    }
}

/// What `write` put on standard output or standard error.
fn output(timeline: &Timeline, at: u64, call: &Call) -> Option<String> {
    let written = u64::try_from(call.result).ok()?.min(PREVIEW);
    if name(call.number) != Some("write") || !matches!(call.arg(0), 1 | 2) {
        return None;
    }
    let bytes = timeline.memory(at, call.arg(1), written as usize).ok()?;
    let bytes: Vec<u8> = bytes.into_iter().map_while(|byte| byte).collect();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

impl Output for Syscalls {
    fn render(&self, page: &mut Page) {
        if self.syscalls.first().is_empty() {
            page.line("No system calls there.");
        }
        self.syscalls.each(&mut |lines| {
            lines.iter().for_each(|line| line.render(page, self.cursor));
            page.is_wanted()
        });
        if let Some(next) = self.next.0.get() {
            page.put(
                Style::Dim,
                format!("There are more: syscalls --from {next}, or -c N; -c 0 counts them."),
            )
            .end();
        }
    }

    fn stopped(&self) -> Option<CommandError> {
        self.ending.stopped()
    }
}

fn list(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let number = match arguments.get("NAME") {
        None => None,
        Some(name) => {
            let number = number_by_name(name).or_else(|| name.parse().ok());
            Some(number.ok_or_else(|| arguments.error(format!("no system call {name:?}")))?)
        }
    };
    let timeline = session.timeline();
    let from = jumping::argument(session, arguments, "FROM")?.unwrap_or(0);
    let to = jumping::argument(session, arguments, "TO")?.unwrap_or(timeline.end());
    let count = arguments.rows(COUNT);
    let times = from..to.min(timeline.end()).max(from);
    if count == 0 {
        let mut all = 0;
        each(session, number, times, &mut |_, _| {
            all += 1;
            ControlFlow::Continue(())
        })?;
        return total(all, "system calls");
    }
    let (twin, next) = (session.twin(), Next::default());
    let told = next.clone();
    let all = Span { times, left: count, more: false };
    let syscalls = Rows::found_by(SLOW_BATCH, all, Line::tracepoint, move |times, most| {
        let mut lines = Vec::new();
        each(&twin, number, times, &mut |event, syscall| {
            lines.push(Line::new(&twin, event, syscall));
            match lines.len() < most {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        // The list goes on there, or ends before: it was asked for one more than it has.
        let behind = lines.get(most.saturating_sub(1)).map(Line::tracepoint);
        told.0.set(behind);
        Ok(lines)
    })?
    .until(&session.interrupt);
    let (ending, cursor) = (syscalls.ending().clone(), session.cursor());
    Ok(Box::new(Syscalls { syscalls, next, ending, cursor }))
}

/// Calls `visit` with the system calls of some tracepoints, or those of a number, until it breaks.
fn each(
    session: &Session,
    number: Option<u64>,
    times: Range<u64>,
    visit: &mut dyn FnMut(&Event, &Syscall) -> ControlFlow<()>,
) -> Result<(), StateError> {
    let mut stopped = false;
    session.timeline().events(times, Direction::Forward, &mut |event| {
        let EventKind::Syscall(syscall) = &event.kind else { return ControlFlow::Continue(()) };
        stopped = session.interrupt.raised();
        if stopped {
            return ControlFlow::Break(());
        }
        match number.is_some_and(|number| number != syscall.number) {
            true => ControlFlow::Continue(()),
            false => visit(event, syscall),
        }
    })?;
    if stopped { Err(StateError::Interrupted) } else { Ok(()) }
}

/// `syscalls`.
pub static SYSCALLS: Command = Command {
    name: "syscalls",
    aliases: &["info syscalls"],
    group: Group::History,
    arguments: &[
        Argument {
            name: "NAME",
            form: Form::Option,
            short: None,
            kind: Kind::Syscall,
            help: "only calls of this name or number",
        },
        Argument {
            name: "FROM",
            form: Form::Option,
            short: None,
            kind: Kind::Tracepoint,
            help: "the first tracepoint; the beginning if left out",
        },
        Argument {
            name: "TO",
            form: Form::Option,
            short: None,
            kind: Kind::Tracepoint,
            help: "one past the last tracepoint; the end if left out",
        },
        Argument::at_most("at most N calls; 100 if left out"),
    ],
    help: "list system calls in time order, with arguments, results and data",
    details: "What a call wrote to standard output or standard error stands below it, so that \
              every line of output has its tracepoint.",
    run: list,
};
