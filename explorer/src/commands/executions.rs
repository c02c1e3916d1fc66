//! `executions`: when code ran.

use super::more;
use super::rows::{BATCH, ListEnd, Rows};
use super::total::total;
use super::{Argument, Arguments, Command, CommandError, Form, Group, Kind, Output};
use crate::render::{Page, Table, hex, with_thousands};
use crate::session::{Execution, Place, Session, Window};
use compact_str::CompactString;
use serde::Serialize;
use std::ops::Range;

/// What is shown in each direction when nobody says how many.
const COUNT: u64 = 10;

pub(super) const NUMBER: Argument =
    Argument::at_most("at most N in each direction; 10 if left out");

pub(super) const WHEN: Argument = Argument {
    name: "WHEN",
    form: Form::Option,
    short: Some("-w"),
    kind: Kind::Text,
    help: "past (before the cursor), future (from it on), or any, as if left out",
};

/// How many in each direction the arguments ask for.
///
/// # Errors
/// [`CommandError::Usage`].
pub(super) fn window(arguments: &Arguments) -> Result<Window, CommandError> {
    window_of(arguments, arguments.rows(COUNT))
}

fn window_of(arguments: &Arguments, count: usize) -> Result<Window, CommandError> {
    let (past, future) = match arguments.get(WHEN.name).unwrap_or("any") {
        "past" => (count, 0),
        "future" => (0, count),
        "any" => (count, count),
        other => return Err(arguments.error(format!("{other:?} is not past, future or any"))),
    };
    Ok(Window { past, future })
}

/// Whether only the total is asked for: of these tracepoints.
///
/// # Errors
/// [`CommandError::Usage`].
pub(super) fn none_shown(
    session: &Session,
    arguments: &Arguments,
) -> Result<Option<Range<u64>>, CommandError> {
    if arguments.count(NUMBER.name) != Some(0) {
        return Ok(None);
    }
    let (cursor, end) = (session.cursor(), session.timeline().end());
    let Window { past, future } = window_of(arguments, 1)?;
    Ok(Some(if past > 0 { 0 } else { cursor }..if future > 0 { end } else { cursor }))
}

/// The name of a file, without its folders.
pub(super) fn short(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `main+12`, or the address, and `prog.c:10:3` or the module.
pub(super) fn place_cells(place: &Place) -> [String; 2] {
    let offset = place.offset.filter(|offset| *offset > 0);
    let offset = offset.map_or_else(String::new, |offset| format!("+{offset}"));
    let named = place.function.as_ref().map(|name| format!("{name}{offset}"));
    let function = named.unwrap_or_else(|| hex(place.pc));
    let column = place.column.map_or_else(String::new, |column| format!(":{column}"));
    let line = place.file.as_deref().zip(place.line);
    let line = line.map(|(file, line)| format!("{}:{line}{column}", short(file)));
    let module = || place.module.as_deref().map(|path| short(path).to_owned());
    [function, line.or_else(module).unwrap_or_default()]
}

/// The first cells of a row: whether it is the cursor's, its tracepoint, and the number of
/// its thread, if there are several.
pub(super) fn head(current: bool, tracepoint: u64, thread: Option<usize>) -> Vec<String> {
    let mark = if current { "*" } else { "" }.to_owned();
    let mut cells = vec![mark, when(tracepoint).into_string()];
    cells.extend(thread.map(|number| number.to_string()));
    cells
}

/// A tracepoint as the cell of a table.
pub(super) fn when(tracepoint: u64) -> CompactString {
    with_thousands(tracepoint, |number| CompactString::from_iter(["#", number]))
}

/// A table of such rows: what stands over their other cells.
pub(super) fn table(threads: bool, rest: &[&'static str]) -> Table {
    let own: &[&'static str] =
        if threads { &["", "tracepoint", "thread"] } else { &["", "tracepoint"] };
    Table::new(&[own, rest].concat()).numbers(if threads { &[1, 2] } else { &[1] })
}

#[derive(Serialize)]
struct Executions {
    executions: Rows<Row>,
    /// Whether there are more, in some direction.
    #[serde(flatten)]
    ending: ListEnd,
}

impl Output for Executions {
    fn render(&self, page: &mut Page) {
        if self.executions.first().is_empty() {
            return page.line("Not executed there.");
        }
        render(&self.executions, page);
        more::say(page, self.ending.more());
    }

    fn stopped(&self) -> Option<CommandError> {
        self.ending.stopped()
    }
}

/// An execution, with the number of its thread if there are several.
#[derive(Serialize)]
pub(super) struct Row {
    #[serde(flatten)]
    execution: Execution,
    #[serde(skip)]
    number: Option<usize>,
}

impl Row {
    /// When it was.
    pub fn tracepoint(&self) -> u64 {
        self.execution.tracepoint
    }

    /// Those of executions.
    pub fn all(session: &Session, executions: Vec<Execution>) -> Vec<Self> {
        let row = |execution: Execution| {
            let number = session.thread_number(execution.thread);
            Self { execution, number }
        };
        executions.into_iter().map(row).collect()
    }
}

/// A table with one row an execution.
pub(super) fn render(rows: &Rows<Row>, page: &mut Page) {
    let threads = rows.first().iter().any(|row| row.number.is_some());
    let mut table = table(threads, &["pc", "function", "where"]);
    rows.each(&mut |rows| {
        for Row { execution: Execution { tracepoint, place, current, .. }, number } in rows {
            let mut cells = head(*current, *tracepoint, *number);
            cells.push(hex(place.pc));
            cells.extend(place_cells(place));
            table.row(cells);
        }
        table.part(page);
        page.is_wanted()
    });
}

/// The executions that `window` asks for.
fn executions(
    session: &Session,
    location: &str,
    window: Window,
) -> Result<Rows<Row>, CommandError> {
    if !is_long(window, BATCH) {
        let mut found = session.executions(location, more::wider(window))?;
        let more = more::cut(&mut found, window, |one| one.tracepoint < session.cursor());
        return Ok(Rows::all(Row::all(session, found), more));
    }
    let (span, targets) = session.executed_span(location, window)?;
    let twin = session.twin();
    let rows = Rows::found(span, Row::tracepoint, move |times, most| {
        Ok(Row::all(&twin, twin.executions_in(&targets, times, most)?))
    });
    Ok(rows?.until(&session.interrupt))
}

/// Whether a list may be too long to be held, if so many rows are held at a time.
pub(super) fn is_long(window: Window, batch: usize) -> bool {
    window.past.max(window.future) > batch / 2
}

/// `executions`.
pub static EXECUTIONS: Command = Command {
    name: "executions",
    aliases: &["ex"],
    group: Group::History,
    arguments: &[
        NUMBER,
        WHEN,
        Argument {
            name: "LOCATION",
            form: Form::RequiredRest,
            short: None,
            kind: Kind::Location,
            help: "FUNCTION, FILE:FUNCTION, FILE:LINE, LINE of the current file, or *ADDRESS",
        },
    ],
    help: "list the executions of a line, a function or an address",
    details: "The cursor's own is marked *. A line is executed each time that control comes to it\n\
              from another line. What only goes on with it, as behind arguments on lines of\n\
              their own, does not count again; but each block of a line's code does where that\n\
              is optimised, or jumps by a table that is not found. Breakpoints are set at the\n\
              lowest block of each function.",
    run: |session, arguments| {
        let location = arguments.get("LOCATION").unwrap_or_default();
        if let Some(times) = none_shown(session, arguments)? {
            return total(session.execution_count(location, times)?, "executions");
        }
        let executions = executions(session, location, window(arguments)?)?;
        let ending = executions.ending().clone();
        Ok(Box::new(Executions { executions, ending }))
    },
};
