//! `info functions`, `info variables`, `info types` and `info sources`.

use super::executions::short;
use super::total::total;
use super::{Argument, Arguments, Command, CommandResult, Form, Group, Kind, Output, more};
use crate::render::{Page, Table, hex};
use crate::session::{Defined, Defines, Session};
use crate::symbols::pattern::Pattern;
use serde::Serialize;

/// What is shown when nobody says how many.
const COUNT: u64 = 200;

#[derive(Serialize)]
struct List {
    defined: Vec<Defined>,
    /// Whether there are more.
    more: bool,
    #[serde(skip)]
    kind: Defines,
}

impl Output for List {
    fn render(&self, page: &mut Page) {
        if self.defined.is_empty() {
            return page.line("None.");
        }
        let addresses = matches!(self.kind, Defines::Functions | Defines::Variables);
        let (heading, shrinks): (&[&'static str], &[usize]) = match addresses {
            true => (&["address", "name", "type", "where"], &[2, 1, 3]),
            false => (&["name", "where"], &[0, 1]),
        };
        let mut table = Table::new(heading).shrinks(shrinks);
        for one in &self.defined {
            let mut cells = Vec::new();
            if addresses {
                cells.push(one.address.map_or_else(String::new, hex));
            }
            cells.push(one.name.clone());
            if addresses {
                cells.push(one.of.clone().unwrap_or_default());
            }
            cells.push(place(one));
            table.row(cells);
        }
        table.render(page);
        more::say_held(page, self.more, self.defined.len());
    }
}

/// `prog.c:12`, or the module where no line is known.
fn place(one: &Defined) -> String {
    match (&one.file, one.line) {
        (Some(file), Some(line)) => format!("{}:{line}", short(file)),
        _ => short(&one.module).to_owned(),
    }
}

fn list(session: &Session, kind: Defines, arguments: &Arguments) -> CommandResult {
    let pattern = arguments.get(PATTERN.name).map(|text| {
        Pattern::new(text).map_err(|why| arguments.error(format!("{text:?} is no pattern: {why}")))
    });
    let pattern = pattern.transpose()?;
    if arguments.count(NUMBER.name) == Some(0) {
        let (all, _) = session.defined(kind, pattern.as_ref(), usize::MAX)?;
        return total(all.len() as u64, "names");
    }
    let (defined, more) = session.defined(kind, pattern.as_ref(), arguments.held_rows(COUNT))?;
    Ok(Box::new(List { defined, more, kind }))
}

const PATTERN: Argument = Argument {
    name: "PATTERN",
    form: Form::Rest,
    short: None,
    kind: Kind::Pattern,
    help: "a regular expression that is found in the name; all if left out",
};

const NUMBER: Argument = Argument::at_most("at most N; 200 if left out");

/// `info functions`.
pub static INFO_FUNCTIONS: Command = Command {
    name: "info functions",
    aliases: &[],
    group: Group::State,
    arguments: &[NUMBER, PATTERN],
    help: "list functions by name",
    details: "Those of all modules that are loaded at the cursor, the program's own first; of \
              those without debug information, what symbol tables say.",
    run: |session, arguments| list(session, Defines::Functions, arguments),
};

/// `info variables`.
pub static INFO_VARIABLES: Command = Command {
    name: "info variables",
    aliases: &[],
    group: Group::State,
    arguments: &[NUMBER, PATTERN],
    help: "list variables outside functions by name",
    details: "Those of all modules that are loaded at the cursor, the program's own first; of \
              those without debug information, what symbol tables say.",
    run: |session, arguments| list(session, Defines::Variables, arguments),
};

/// `info types`.
pub static INFO_TYPES: Command = Command {
    name: "info types",
    aliases: &[],
    group: Group::State,
    arguments: &[NUMBER, PATTERN],
    help: "list types by name",
    details: "",
    run: |session, arguments| list(session, Defines::Types, arguments),
};

/// `info sources`.
pub static INFO_SOURCES: Command = Command {
    name: "info sources",
    aliases: &[],
    group: Group::State,
    arguments: &[NUMBER, PATTERN],
    help: "list the source files that debug information names",
    details: "",
    run: |session, arguments| list(session, Defines::Sources, arguments),
};
