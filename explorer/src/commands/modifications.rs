//! `modification` and `last`: who wrote to something, and when.

use super::position::Position;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Table, thousands};
use crate::session::{Modification, Session, Subject, value_text};
use crate::timeline::Direction;
use serde::Serialize;

/// Modifications shown in each direction when nobody says how many.
const COUNT: u64 = 10;

/// Bytes of a value that the table shows.
const SHOWN: usize = 16;

#[derive(Serialize)]
struct Modifications {
    subject: Subject,
    modifications: Vec<Modification>,
}

impl Output for Modifications {
    fn render(&self, page: &mut Page) {
        if self.modifications.is_empty() {
            return page.line("No modifications there.");
        }
        let heading = ["", "tracepoint", "pc", "function", "where", "old", "new"];
        let mut table = Table::new(&heading).numbers(&[1]);
        self.modifications.iter().for_each(|one| table.row(cells(one)));
        table.render(page);
    }
}

fn cells(modification: &Modification) -> Vec<String> {
    let place = &modification.place;
    let offset = place.offset.filter(|offset| *offset > 0);
    let offset = offset.map_or_else(String::new, |offset| format!("+{offset}"));
    let function = place.function.as_ref().map_or("??".into(), |name| format!("{name}{offset}"));
    let column = place.column.map_or_else(String::new, |column| format!(":{column}"));
    let line = place.file.as_deref().zip(place.line);
    let line = line.map(|(file, line)| {
        let name = file.rsplit('/').next().unwrap_or(file);
        format!("{name}:{line}{column}")
    });
    let module = || place.module.as_deref().map(|m| m.rsplit('/').next().unwrap_or(m).to_owned());
    vec![
        if modification.current { "*" } else { "" }.to_owned(),
        format!("#{}", thousands(modification.tracepoint)),
        crate::render::hex(place.pc),
        function,
        line.or_else(module).unwrap_or_default(),
        shown(&modification.old),
        shown(&modification.new) + if modification.mapped { " (mapped)" } else { "" },
    ]
}

fn shown(value: &[Option<u8>]) -> String {
    match value.get(..SHOWN) {
        Some(part) if value.len() > SHOWN => value_text(part) + " …",
        _ => value_text(value),
    }
}

const SIZE: Argument = Argument {
    name: "BYTES",
    form: Form::Option,
    short: Some("-s"),
    kind: Kind::Count,
    help: "how many bytes of memory; a variable's own size, else 8, if left out",
};

const EXPRESSION: Argument = Argument {
    name: "EXPR",
    form: Form::RequiredRest,
    short: None,
    kind: Kind::Expression,
    help: "$REGISTER, a variable, an address, or a range FIRST..END",
};

fn subject(session: &Session, arguments: &Arguments) -> Result<Subject, CommandError> {
    let text = arguments.get(EXPRESSION.name).unwrap_or_default();
    let subject = session.subject(text, arguments.count(SIZE.name));
    subject.map_err(|error| CommandError::Other(error.to_string()))
}

fn list(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let count = arguments.count("N").unwrap_or(COUNT);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let (past, future) = match arguments.get("WHEN").unwrap_or("any") {
        "past" => (count, 0),
        "future" => (0, count),
        "any" => (count, count),
        other => return Err(arguments.error(format!("{other:?} is not past, future or any"))),
    };
    let subject = subject(session, arguments)?;
    let modifications = session.modifications(&subject, past, future)?;
    Ok(Box::new(Modifications { subject, modifications }))
}

/// `modification`.
pub static MODIFICATION: Command = Command {
    name: "modification",
    aliases: &["modification list", "mod list", "mod"],
    group: Group::History,
    arguments: &[
        Argument {
            name: "N",
            form: Form::Option,
            short: Some("-c"),
            kind: Kind::Count,
            help: "at most N in each direction; 10 if left out",
        },
        Argument {
            name: "WHEN",
            form: Form::Option,
            short: Some("-w"),
            kind: Kind::Text,
            help: "past (before the cursor), future (from it on), or any, as if left out",
        },
        SIZE,
        EXPRESSION,
    ],
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
