//! `modification` and `last`: who wrote to something, and when.

use super::executions::{NUMBER, WHEN, head, none_shown, place_cells, table, window};
use super::position::Position;
use super::total::total;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, thousands};
use crate::session::{Modification, Session, Subject, value_text};
use crate::symbols::datatypes::{Shape, Type};
use crate::timeline::Direction;
use crate::values::{Format, Value};
use serde::Serialize;

/// Bytes of a value that the table shows.
const SHOWN: usize = 16;

#[derive(Serialize)]
struct Modifications {
    subject: Subject,
    modifications: Vec<Row>,
}

/// A modification, with its values as the subject's type shows them.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    modification: Modification,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_value: Option<String>,
    /// The number of its thread, if there are several.
    #[serde(skip)]
    number: Option<usize>,
}

impl Output for Modifications {
    fn render(&self, page: &mut Page) {
        if self.modifications.is_empty() {
            return page.line("No modifications there.");
        }
        let threads = self.modifications.iter().any(|row| row.number.is_some());
        let mut table = table(threads, &["pc", "function", "where", "old", "new"]);
        self.modifications.iter().for_each(|one| table.row(cells(one)));
        table.render(page);
    }
}

fn cells(row: &Row) -> Vec<String> {
    let modification = &row.modification;
    let (old, new) = (row.old_value.clone(), row.new_value.clone());
    let mut cells = head(modification.current, modification.tracepoint, row.number);
    cells.push(crate::render::hex(modification.place.pc));
    cells.extend(place_cells(&modification.place));
    let mapped = if modification.mapped { " (mapped)" } else { "" };
    cells.push(old.unwrap_or_else(|| shown(&modification.old)));
    cells.push(new.unwrap_or_else(|| shown(&modification.new)) + mapped);
    cells
}

fn shown(value: &[Option<u8>]) -> String {
    match value.get(..SHOWN) {
        Some(part) if value.len() > SHOWN => value_text(part) + " …",
        _ => value_text(value),
    }
}

pub(super) const SIZE: Argument = Argument {
    name: "BYTES",
    form: Form::Option,
    short: Some("-s"),
    kind: Kind::Count,
    help: "how many bytes of memory; a variable's own size, else 8, if left out",
};

pub(super) const EXPRESSION: Argument = Argument {
    name: "EXPR",
    form: Form::RequiredRest,
    short: None,
    kind: Kind::Expression,
    help: "$REGISTER, a variable, an address, or a range FIRST..END",
};

/// What the arguments ask about.
///
/// # Errors
/// It is nothing that can be asked about.
pub(super) fn subject(session: &Session, arguments: &Arguments) -> Result<Subject, CommandError> {
    typed_subject(session, arguments).map(|(subject, _)| subject)
}

fn list(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let window = window(arguments)?;
    let (subject, of) = typed_subject(session, arguments)?;
    let of = of.filter(|of| by_bytes(of, 0));
    if let Some(times) = none_shown(session, arguments)? {
        return total(session.modification_count(&subject, times)?, "writes");
    }
    let found = session.modifications(&subject, window)?;
    let scene = session.scene()?;
    let value = |bytes: &[Option<u8>]| {
        let known: Option<Vec<u8>> = bytes.iter().copied().collect();
        let (of, mut known) = (of.as_ref()?, known?);
        // Of a register, the variable may be a part.
        known.truncate(usize::try_from(of.size()?).unwrap_or(usize::MAX));
        Some(scene.text(&Value::computed(of.clone(), known), Format::default()))
    };
    let row = |modification: Modification| {
        let (old_value, new_value) = (value(&modification.old), value(&modification.new));
        let number = session.thread_number(modification.thread);
        Row { modification, old_value, new_value, number }
    };
    let modifications = found.into_iter().map(row).collect();
    Ok(Box::new(Modifications { subject, modifications }))
}

/// Nesting of arrays whose elements are shown.
const DEPTH: u32 = 3;

/// Whether a value's bytes say all that is shown of it.
fn by_bytes(of: &Type, depth: u32) -> bool {
    let stripped = of.stripped();
    match stripped.shape() {
        Shape::Base { .. } | Shape::Enumeration(_) => true,
        Shape::Pointer { .. } => {
            let target = of.target().map(|target| target.stripped());
            let is_char = |to: Type| to.size() == Some(1);
            !of.is_reference() && !target.is_some_and(is_char)
        }
        Shape::Array { .. } => {
            depth < DEPTH && of.element().is_some_and(|(element, _)| by_bytes(&element, depth + 1))
        }
        _ => false,
    }
}

/// The same, with its type.
///
/// # Errors
/// It is nothing that can be asked about.
pub(super) fn typed_subject(
    session: &Session,
    arguments: &Arguments,
) -> Result<(Subject, Option<Type>), CommandError> {
    let text = arguments.get(EXPRESSION.name).unwrap_or_default();
    let subject = session.typed_subject(text, arguments.count(SIZE.name));
    subject.map_err(|error| CommandError::Other(error.to_string()))
}

/// `modification`.
pub static MODIFICATION: Command = Command {
    name: "modification",
    aliases: &["modification list", "mod list", "mod"],
    group: Group::History,
    arguments: &[NUMBER, WHEN, SIZE, EXPRESSION],
    help: "list the tracepoints that wrote to something, with its value before and after",
    details: "Instructions, system calls, changes of mappings and what others wrote all count. \
              A write counts even if it left the value as it was. The cursor's own is marked *. \
              Addresses are evaluated at the cursor.",
    run: list,
};

/// `last`.
pub static LAST: Command = Command {
    name: "last",
    aliases: &["last-write"],
    group: Group::History,
    arguments: &[
        Argument {
            name: "WHEN",
            form: Form::Option,
            short: Some("-w"),
            kind: Kind::Text,
            help: "past, as if left out, or future: go to the next write instead",
        },
        SIZE,
        EXPRESSION,
    ],
    help: "go back to the last write to something",
    details: "Stops at the instruction that wrote, before it writes; doing it again goes to the \
              write before.",
    run: |session, arguments| {
        let direction = match arguments.get("WHEN").unwrap_or("past") {
            "past" => Direction::Backward,
            "future" => Direction::Forward,
            other => return Err(arguments.error(format!("{other:?} is not past or future"))),
        };
        let subject = subject(session, arguments)?;
        let Some(target) = session.nearest_write(&subject, direction)? else {
            let when = if direction == Direction::Backward { "before" } else { "after" };
            let cursor = thousands(session.cursor());
            return Err(CommandError::Other(format!("not written {when} tracepoint {cursor}")));
        };
        session.jump(target)?;
        Position::result(session)
    },
};
