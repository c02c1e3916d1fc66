//! `processes` and `process`.

use super::position::Position;
use super::{Argument, Command, CommandError, CommandResult, Group, Output};
use crate::render::{Page, Table, thousands};
use crate::session::Session;
use serde::Serialize;

#[derive(Serialize)]
struct Row {
    number: usize,
    process: u32,
    parent: u32,
    program: String,
    arguments: Vec<String>,
    tracepoints: u64,
    current: bool,
}

#[derive(Serialize)]
struct Processes {
    processes: Vec<Row>,
}

impl Output for Processes {
    fn render(&self, page: &mut Page) {
        let heading = ["", "process", "id", "parent", "tracepoints", "program", "arguments"];
        let mut table = Table::new(&heading).numbers(&[1, 2, 3, 4]);
        for row in &self.processes {
            table.row(vec![
                if row.current { "*" } else { "" }.to_owned(),
                row.number.to_string(),
                row.process.to_string(),
                row.parent.to_string(),
                thousands(row.tracepoints),
                row.program.clone(),
                row.arguments.get(1..).unwrap_or_default().join(" "),
            ]);
        }
        table.render(page);
    }
}

fn list(session: &Session) -> CommandResult {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let row = |process: &crate::timeline::Process| Row {
        number: process.number,
        process: process.id,
        parent: process.start.parent,
        program: text(&process.start.executable),
        arguments: process.start.arguments.iter().map(text).collect(),
        tracepoints: process.tracepoints,
        current: process.id == session.timeline().process(),
    };
    Ok(Box::new(Processes { processes: session.processes().iter().map(row).collect() }))
}

/// Selects the process of a number or an id.
///
/// # Errors
/// There is none, or its history cannot be read.
pub(super) fn go_to(session: &mut Session, number: impl Into<u64>) -> Result<(), CommandError> {
    session.select_process(number.into()).map_err(|error| CommandError::Other(error.to_string()))
}

/// `processes`.
pub static PROCESSES: Command = Command {
    name: "processes",
    aliases: &["info inferiors", "info processes"],
    group: Group::Position,
    arguments: &[],
    help: "list the processes of the trace; each has a history of its own",
    details: "The selected one is marked *.",
    run: |session, _| list(session),
};

/// `process`.
pub static PROCESS: Command = Command {
    name: "process",
    aliases: &["inferior"],
    group: Group::Position,
    arguments: &[Argument::number(
        "its number, or its id; the selected one's position is shown if left out",
    )],
    help: "go to the history of another process, where it was left",
    details: "Tracepoints, threads and memory are then that process's. Breakpoints at functions \
              and lines hold in every process that has them; those at addresses, and \
              watchpoints, in the process they were made in.",
    run: |session, arguments| {
        if let Some(number) = arguments.count("N") {
            go_to(session, number)?;
        }
        Position::result(session)
    },
};
