//! `calls`: every call of a function.

use super::executions::{NUMBER, WHEN, head, none_shown, place_cells, table, window};
use super::locals::{self, Named, call_text};
use super::shown::ShownValue;
use super::total::total;
use super::{Argument, Arguments, Command, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, hex, thousands};
use crate::session::{Call, Ending, Place, Session};
use crate::timeline::StateError;
use serde::Serialize;

#[derive(Serialize)]
struct Calls {
    function: String,
    calls: Vec<Row>,
}

/// A call as its function is declared.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    call: Call,
    /// The parameters behind the prologue; none without debug information.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Vec<Named>>,
    /// The value returned, if its type is known, and where it is returned follows from that.
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<ShownValue>,
    /// The number of its thread, if there are several.
    #[serde(skip)]
    number: Option<usize>,
}

impl Row {
    fn new(session: &Session, call: Call) -> Result<Self, StateError> {
        session.interrupt.check()?;
        let entered = session.entered(&call)?;
        let parameters = entered.and_then(|scene| locals::arguments(&scene));
        let returned = session.returned(&call)?;
        let returned = returned.map(|(scene, value)| ShownValue::inner(&scene, &value));
        let number = session.thread_number(call.thread);
        Ok(Self { call, parameters, returned, number })
    }

    fn arguments(&self) -> String {
        let raw = || self.call.arguments.map(hex).join(" ");
        self.parameters.as_deref().map_or_else(raw, |all| call_text(all, text_of))
    }

    fn value(&self) -> String {
        match (self.call.ending, &self.returned) {
            (Ending::Running, _) => "still running".to_owned(),
            (Ending::Left, _) => "left".to_owned(),
            (_, Some(shown)) => text_of(&shown.value).to_owned(),
            // Its type is known, but not where it is.
            _ if self.parameters.is_some() => {
                self.call.value.map_or_else(String::new, |rax| format!("rax {}", hex(rax)))
            }
            _ => self.call.value.map(hex).unwrap_or_default(),
        }
    }
}

/// Of a pointer to text that is shown with it, the text alone: a table has little room.
fn text_of(value: &str) -> &str {
    match value.split_once(' ') {
        Some((address, text)) if address.starts_with("0x") && text.starts_with('"') => text,
        _ => value,
    }
}

/// `main at heap.c:38`; without a line, `main+12`, or else the module.
fn caller(place: &Place) -> String {
    let [function, at] = place_cells(place);
    match (&place.function, place.file.as_deref().zip(place.line)) {
        (Some(name), Some((file, line))) => {
            format!("{name} at {}:{line}", file.rsplit('/').next().unwrap_or(file))
        }
        (Some(_), None) => function,
        _ => at,
    }
}

/// The columns behind the tracepoint and the thread.
const HEADING: [&str; 4] = ["arguments", "value", "insns", "caller"];

impl Output for Calls {
    fn render(&self, page: &mut Page) {
        if self.calls.is_empty() {
            return page.line("Not called there. Inlined copies are no calls: see executions.");
        }
        let threads = self.calls.iter().any(|row| row.number.is_some());
        let first = if threads { 3 } else { 2 };
        let numbers: &[usize] = if threads { &[1, 2, 5] } else { &[1, 4] };
        let table = table(threads, &HEADING).numbers(numbers);
        let mut table = table.shrinks(&[first, first + 1, first + 3]);
        for row in &self.calls {
            let mut cells = head(row.call.current, row.call.tracepoint, row.number);
            cells.extend([row.arguments(), row.value()]);
            cells.push(row.call.instructions.map(thousands).unwrap_or_default());
            cells.push(row.call.caller.as_ref().map(caller).unwrap_or_default());
            table.row(cells);
        }
        table.render(page);
    }
}

fn calls(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let function = arguments.get("FUNCTION").unwrap_or_default().trim().to_owned();
    if let Some(times) = none_shown(session, arguments)? {
        return total(session.call_count(&function, times)?, "calls");
    }
    let found = session.calls(&function, window(arguments)?)?;
    let rows = found.into_iter().map(|call| Row::new(session, call));
    let calls = rows.collect::<Result<_, StateError>>()?;
    Ok(Box::new(Calls { function, calls }))
}

/// `calls`.
pub static CALLS: Command = Command {
    name: "calls",
    aliases: &[],
    group: Group::History,
    arguments: &[
        NUMBER,
        WHEN,
        Argument {
            name: "FUNCTION",
            form: Form::RequiredRest,
            short: None,
            kind: Kind::Location,
            help: "its name, or *ADDRESS of its first instruction",
        },
    ],
    help: "list the calls of a function: arguments, value, duration, caller",
    details: "Arguments are its parameters as they are behind its prologue, the value is what it \
              returned, both in their types. Without debug information they are what rdi, rsi, \
              rdx, rcx, r8 and r9 held at its entry, whether or not it has as many, and what rax \
              held when it returned; where its type does not tell how a value is returned, that \
              is shown as such. A call ends when the stack pointer rises above its frame; \
              \"left\" is by longjmp or an exception. `insns` is how many instructions it took. \
              Inlined copies are no calls.",
    run: calls,
};
