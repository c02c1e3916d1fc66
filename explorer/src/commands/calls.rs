//! `calls`: every call of a function.

use super::executions::{NUMBER, WHEN, head, none_shown, place_cells, table, window};
use super::locals::{self, Named, call_text};
use super::more;
use super::returned::{not_known, own_rax, rax_text};
use super::rows::{ListEnd, Rows};
use super::shown::ShownValue;
use super::total::total;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, hex, thousands};
use crate::session::{Call, Ending, Place, Returned, Session, Target};
use crate::timeline::StateError;
use serde::Serialize;

#[derive(Serialize)]
struct Calls {
    function: String,
    /// Where it is entered.
    places: Vec<Target>,
    calls: Rows<Row>,
    /// Whether there are more, in some direction.
    #[serde(flatten)]
    ending: ListEnd,
}

impl Calls {
    /// Whether the name alone does not say which function was called.
    fn is_ambiguous(&self) -> bool {
        let other = |place: &Target| place.function.as_ref().is_some_and(|f| *f != self.function);
        let several = self.places.len() > 1;
        several || self.places.iter().any(|place| place.indirect.is_some() || other(place))
    }
}

/// Places told that a name means.
const MOST_PLACES: usize = 8;

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
    /// Whether its type is known, but not for sure where it is returned.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unsure: bool,
    /// The number of its thread, if there are several.
    #[serde(skip)]
    number: Option<usize>,
}

impl Row {
    fn new(session: &Session, call: Call) -> Result<Self, StateError> {
        session.interrupt.check()?;
        let entered = session.entered(&call)?;
        let parameters = entered.and_then(|scene| locals::arguments(&scene));
        let (returned, unsure) = match session.returned(&call)? {
            Returned::Known(known) => (Some(ShownValue::inner(&known.0, &known.1)), false),
            Returned::Unsure => (None, true),
            Returned::Untyped => (None, false),
        };
        let number = session.thread_number(call.thread);
        Ok(Self { call, parameters, returned, unsure, number })
    }

    fn arguments(&self) -> String {
        let registers = ["rdi", "rsi", "rdx", "rcx", "r8", "r9"].iter().zip(self.call.arguments);
        let raw = || {
            let each = registers.map(|(name, value)| format!("{name}={}", hex(value)));
            each.collect::<Vec<_>>().join(" ")
        };
        self.parameters.as_deref().map_or_else(raw, |all| call_text(all, text_of))
    }

    fn value(&self) -> String {
        match (self.call.ending, &self.returned) {
            (Ending::Running, _) => "still running".to_owned(),
            (Ending::Left, _) => "left".to_owned(),
            (_, Some(shown)) => text_of(&shown.value).to_owned(),
            _ if self.unsure => not_known(own_rax(&self.call).map(rax_text).as_deref()),
            // Its type is not known.
            _ => self.call.value.map_or_else(String::new, rax_text),
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

/// `main at heap.c:38`; without a line, `main+12`, or else the address and the module.
fn caller(place: &Place) -> String {
    let [function, at] = place_cells(place);
    match (&place.function, place.file.as_deref().zip(place.line)) {
        (Some(name), Some((file, line))) => {
            format!("{name} at {}:{line}", file.rsplit('/').next().unwrap_or(file))
        }
        (Some(_), None) => function,
        _ => format!("{function} {at}"),
    }
}

/// The columns behind the tracepoint and the thread; the first where there are several functions.
const HEADING: [&str; 5] = ["function", "arguments", "value", "insns", "caller"];

impl Output for Calls {
    fn render(&self, page: &mut Page) {
        let told = self.places.iter().filter(|_| self.is_ambiguous());
        for place in told.take(MOST_PLACES) {
            page.put(Style::Function, &self.function).plain(" is ").line(place.describe());
        }
        if self.places.len() > MOST_PLACES {
            let more = thousands((self.places.len() - MOST_PLACES) as u64);
            page.put(Style::Dim, format!("… and {more} more")).end();
        }
        if self.calls.first().is_empty() {
            return page.line("Not called there. Inlined copies are no calls: see executions.");
        }
        let threads = self.calls.first().iter().any(|row| row.number.is_some());
        let named = usize::from(self.places.len() > 1);
        let heading = HEADING.get(1 - named..).unwrap_or_default();
        let first = if threads { 3 } else { 2 } + named;
        let numbers: &[usize] = if threads { &[1, 2] } else { &[1] };
        let numbers = [numbers, &[first + 2]].concat();
        let table = table(threads, heading).numbers(&numbers);
        let mut table = table.shrinks(&[first, first + 1, first + 3]);
        self.calls.each(&mut |rows| {
            for row in rows {
                let mut cells = head(row.call.current, row.call.tracepoint, row.number);
                cells.extend(row.call.function.clone().filter(|_| named > 0));
                cells.resize(first, "??".to_owned());
                cells.extend([row.arguments(), row.value()]);
                cells.push(row.call.instructions.map(thousands).unwrap_or_default());
                cells.push(row.call.caller.as_ref().map(caller).unwrap_or_default());
                table.row(cells);
            }
            table.part(page);
            page.is_wanted()
        });
        more::say(page, self.ending.more());
    }

    fn stopped(&self) -> Option<CommandError> {
        self.ending.stopped()
    }
}

fn calls(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let function = arguments.get("FUNCTION").unwrap_or_default().trim().to_owned();
    if let Some(times) = none_shown(session, arguments)? {
        return total(session.call_count(&function, times)?, "calls");
    }
    let places = session.entries_of(&function)?;
    let (window, cursor) = (window(arguments)?, session.cursor());
    let mut entered = session.executed(&places, more::wider(window))?;
    let more = more::cut(&mut entered, window, |t| *t < cursor);
    let calls = Rows::of(
        entered,
        more,
        |entered| rows(session, &places, entered),
        || {
            let (twin, places) = (session.twin(), places.clone());
            Box::new(move |entered| rows(&twin, &places, entered))
        },
    )?
    .until(&session.interrupt);
    let ending = calls.ending().clone();
    Ok(Box::new(Calls { function, places, calls, ending }))
}

/// The calls of functions that begin at some tracepoints.
fn rows(session: &Session, places: &[Target], entered: &[u64]) -> Result<Vec<Row>, CommandError> {
    let calls = session.calls_entered(places, entered)?.into_iter();
    Ok(calls.map(|call| Row::new(session, call)).collect::<Result<_, StateError>>()?)
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
            help: "its name, FILE:FUNCTION, *ADDRESS of its first instruction, /PATTERN/, or FILE:LINE in it",
        },
    ],
    help: "list the calls of a function: arguments, value, duration, caller",
    details: "Arguments are its parameters as they are behind its prologue, the value is what it \
              returned, both in their types. Without debug information they are what rdi, rsi, \
              rdx, rcx, r8 and r9 held at its entry, whether or not it has as many, and what rax \
              held when it returned, as rdi=0x1 and rax=0x2; where its type does not tell how a \
              value is returned, it is not known, and rax is shown with that. A name that is in \
              several modules means all of them; one whose implementation is chosen at run time \
              (IFUNC, as strlen), what was chosen. A call ends when the stack pointer rises above \
              its frame; \"left\" is by longjmp or an exception. `insns` is how many instructions \
              it took. Inlined copies are no calls.",
    run: calls,
};
