//! `info source` and `info scope`: what debug information says of a file, and of a function's
//! variables.

use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style};
use crate::session::{Part, ScopeVariable, Session};
use crate::symbols::UnitFacts;
use serde::Serialize;

#[derive(Serialize)]
struct Source {
    file: String,
    /// How many lines it has, if it is on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<usize>,
    /// What the unit says that the code here is of.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    unit: Option<UnitFacts>,
}

impl Output for Source {
    fn render(&self, page: &mut Page) {
        page.plain("Current source file is ").put(Style::File, &self.file).end();
        let mut say = |what: &str, value: Option<String>| {
            if let Some(value) = value {
                page.line(format!("{what} {value}."));
            }
        };
        say("Contains", self.lines.map(|lines| format!("{lines} lines")));
        if let Some(unit) = &self.unit {
            say("Compilation directory is", unit.folder.clone());
            say("Source language is", unit.language.map(str::to_owned));
            say("Producer is", unit.producer.clone());
            say("Compiled with DWARF", Some(unit.dwarf.to_string()));
        }
    }
}

fn source(session: &mut Session, _: &Arguments) -> CommandResult {
    let none = || CommandError::Other("no current source file".to_owned());
    let file = session.current_line().ok_or_else(none)?.file;
    let lines = session.sources().text(&file).map(|text| text.line_count());
    let unit = session.unit_facts_of(&file)?;
    Ok(Box::new(Source { file, lines, unit }))
}

#[derive(Serialize)]
struct Scope {
    location: String,
    variables: Vec<ScopeVariable>,
}

impl Output for Scope {
    fn render(&self, page: &mut Page) {
        let location = &self.location;
        if self.variables.is_empty() {
            return page.line(format!("Scope for {location} contains no locals or arguments."));
        }
        page.line(format!("Scope for {location}:"));
        for variable in &self.variables {
            let bytes =
                variable.bytes.map_or_else(String::new, |bytes| format!(", length {bytes}"));
            page.plain("Symbol ").put(Style::Heading, &variable.name);
            page.plain(format!(" is {}{bytes}.", variable.place)).end();
        }
    }
}

fn scope(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let location = arguments.get(LOCATION.name).unwrap_or_default().trim().to_owned();
    let targets = session.resolve_part(&location, Part::Body)?;
    let variables = targets.first().and_then(|target| session.scope_variables(target));
    let none = || CommandError::Other(format!("no debug information tells of {location}"));
    Ok(Box::new(Scope { variables: variables.ok_or_else(none)?, location }))
}

const LOCATION: Argument = Argument {
    name: "LOCATION",
    form: Form::RequiredRest,
    short: None,
    kind: Kind::Location,
    help: "FUNCTION, FILE:LINE, LINE of the current file, or *ADDRESS",
};

/// `info source`.
pub static INFO_SOURCE: Command = Command {
    name: "info source",
    aliases: &[],
    group: Group::State,
    arguments: &[],
    help: "show what is known of the current source file",
    details: "It is the one whose lines `list` would show next. The folder, the language and the \
              compiler are those of the unit of the selected frame's function, if its code is of \
              that file.",
    run: source,
};

/// `info scope`.
pub static INFO_SCOPE: Command = Command {
    name: "info scope",
    aliases: &[],
    group: Group::State,
    arguments: &[LOCATION],
    help: "list the variables that are in scope at a place, and where they are",
    details: "Parameters and variables of the function and of the blocks around the place, \
              whether or not it is ever executed: `info locals` shows those of a frame with \
              their values.",
    run: scope,
};
