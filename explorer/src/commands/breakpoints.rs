//! Breakpoints: set, delete, switch, list.

use super::conditions::{self, split_condition};
use super::modifications::{EXPRESSION, SIZE};
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, Table, hex};
use crate::session::{Access, Breakpoint, Session, Subject, Target, Watch};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Set {
    pub(super) breakpoint: Breakpoint,
}

impl Output for Set {
    fn render(&self, page: &mut Page) {
        let Breakpoint { number, targets, watch, location, condition, .. } = &self.breakpoint;
        let only = condition.as_ref().map_or_else(String::new, |text| format!(" if {text}"));
        if watch.is_some() {
            page.put(Style::Heading, format!("Watchpoint {number}")).plain(": ").plain(location);
            return page.line(only);
        }
        page.put(Style::Heading, format!("Breakpoint {number}")).plain(" at ");
        match targets.as_slice() {
            [target] => page.line(describe(target) + &only),
            several => {
                page.line(format!("{} places{only}:", several.len()));
                for target in several {
                    page.line(format!("  {}", describe(target)));
                }
            }
        }
    }
}

fn describe(target: &Target) -> String {
    let mut text = hex(target.address);
    if let Some(function) = &target.function {
        text += &format!(" in {function}");
    }
    if let (Some(file), Some(line)) = (&target.file, target.line) {
        text += &format!(" at {file}:{line}");
    }
    text
}

/// `writes of $rax`.
fn watched(watch: &Watch) -> String {
    let access = match watch.access {
        Access::Write => "writes of",
        Access::Read => "reads of",
        Access::Any => "accesses to",
    };
    match &watch.subject {
        Subject::Register { name, .. } => format!("{access} ${name}"),
        Subject::Memory { address, bytes } => {
            format!("{access} {bytes} bytes at {}", hex(*address))
        }
    }
}

#[derive(Serialize)]
struct List {
    breakpoints: Vec<Breakpoint>,
}

impl Output for List {
    fn render(&self, page: &mut Page) {
        if self.breakpoints.is_empty() {
            return page.line("No breakpoints.");
        }
        let mut table = Table::new(&["num", "on", "hits", "location", "where"]).numbers(&[0, 2]);
        for breakpoint in &self.breakpoints {
            let mut cells = vec![
                breakpoint.number.to_string(),
                if breakpoint.enabled { "y" } else { "n" }.to_owned(),
                breakpoint.hits.to_string(),
                breakpoint.location.clone(),
            ];
            if let Some(watch) = &breakpoint.watch {
                cells.push(watched(watch));
                table.row(std::mem::replace(&mut cells, vec![String::new(); 4]));
            }
            for target in &breakpoint.targets {
                cells.push(describe(target));
                table.row(std::mem::replace(&mut cells, vec![String::new(); 4]));
            }
            if let Some(condition) = &breakpoint.condition {
                cells.push(format!("only if {condition}"));
                table.row(cells);
            }
        }
        table.render(page);
    }
}

#[derive(Serialize)]
struct Changed {
    #[serde(skip)]
    done: &'static str,
    breakpoints: Vec<u32>,
}

impl Output for Changed {
    fn render(&self, page: &mut Page) {
        let numbers: Vec<_> = self.breakpoints.iter().map(u32::to_string).collect();
        match numbers.as_slice() {
            [] => page.line("No breakpoints."),
            [one] => page.line(format!("Breakpoint {one} {}.", self.done)),
            _ => page.line(format!("Breakpoints {} {}.", numbers.join(", "), self.done)),
        }
    }
}

fn change(
    arguments: &Arguments,
    done: &'static str,
    apply: impl FnOnce(Option<u32>) -> Vec<u32>,
) -> CommandResult {
    let wanted = arguments.count("N");
    let number = wanted.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let breakpoints = apply(number);
    match (number, breakpoints.is_empty()) {
        (Some(number), true) => Err(CommandError::Other(format!("no breakpoint number {number}"))),
        _ => Ok(Box::new(Changed { done, breakpoints })),
    }
}

fn list(session: &Session) -> CommandResult {
    Ok(Box::new(List { breakpoints: session.breakpoints.iter().cloned().collect() }))
}

fn watch(session: &mut Session, arguments: &Arguments, access: Access) -> CommandResult {
    let text = arguments.get(EXPRESSION.name).unwrap_or_default();
    let (expression, condition) = split_condition(arguments, text)?;
    let subject = session.subject(expression, arguments.count(SIZE.name));
    let subject = subject.map_err(|error| CommandError::Other(error.to_string()))?;
    if access != Access::Write && subject.addresses().is_none() {
        let text = "reads of registers cannot be watched";
        return Err(CommandError::Other(text.to_owned()));
    }
    conditions::check(session, condition)?;
    let number = session.breakpoints.add_watch(expression, Watch { subject, access }).number;
    conditions::set(session, number, condition)
}

const NUMBER: Argument = Argument {
    name: "N",
    form: Form::Optional,
    short: None,
    kind: Kind::Count,
    help: "the breakpoint's number; all if left out",
};

/// `break`.
pub static BREAK: Command = Command {
    name: "break",
    aliases: &["b", "breakpoint"],
    group: Group::Breakpoints,
    arguments: &[Argument {
        name: "LOCATION",
        form: Form::Rest,
        short: None,
        kind: Kind::Location,
        help: "FUNCTION, FILE:LINE, LINE of the current file, or *ADDRESS; the cursor's own \
               address if left out; behind it, `if EXPR` makes a condition",
    }],
    help: "set a breakpoint",
    details: "At a function it stops behind the prologue, where the parameters are in place. A \
              line without code stands for the next line that has some. Every copy of inlined \
              code is a place of its own. History stops there in both directions; with a condition, only where that is true, \
              which is seen in the innermost frame of each stop. Where it has no value history \
              stops too, and says why.",
    run: |session, arguments| {
        let here = || session.pc().map(|pc| format!("*{pc:#x}"));
        let text = arguments.get("LOCATION").unwrap_or_default();
        let (location, condition) = split_condition(arguments, text)?;
        let location = if location.is_empty() { here()? } else { location.to_owned() };
        let targets = session.resolve(&location)?;
        conditions::check(session, condition)?;
        let number = session.breakpoints.add(&location, targets).number;
        conditions::set(session, number, condition)
    },
};

/// `watch`.
pub static WATCH: Command = Command {
    name: "watch",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[SIZE, EXPRESSION],
    help: "stop where something is written that changes what it holds",
    details: "Forwards it stops behind the write, backwards before it. There is no limit to how \
              many there are or how large. Addresses are evaluated at the cursor. A condition, \
              `watch EXPR if EXPR`, is looked at behind the write, in both directions.",
    run: |session, arguments| watch(session, arguments, Access::Write),
};

/// `rwatch`.
pub static RWATCH: Command = Command {
    name: "rwatch",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[SIZE, EXPRESSION],
    help: "stop where memory is read",
    details: "Reads are in no index: all instructions on the way are gone through. What a masked \
              load leaves out counts as read; gathers, xrstor and what the kernel reads do not.",
    run: |session, arguments| watch(session, arguments, Access::Read),
};

/// `awatch`.
pub static AWATCH: Command = Command {
    name: "awatch",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[SIZE, EXPRESSION],
    help: "stop where memory is read, or written whether or not that changes it",
    details: "As rwatch and watch together.",
    run: |session, arguments| watch(session, arguments, Access::Any),
};

/// `delete`.
pub static DELETE: Command = Command {
    name: "delete",
    aliases: &["d"],
    group: Group::Breakpoints,
    arguments: &[NUMBER],
    help: "delete a breakpoint, or all",
    details: "",
    run: |session, arguments| change(arguments, "deleted", |n| session.breakpoints.delete(n)),
};

/// `enable`.
pub static ENABLE: Command = Command {
    name: "enable",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[NUMBER],
    help: "enable a breakpoint, or all",
    details: "",
    run: |session, arguments| {
        change(arguments, "enabled", |number| session.breakpoints.enable(number, true))
    },
};

/// `disable`.
pub static DISABLE: Command = Command {
    name: "disable",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[NUMBER],
    help: "disable a breakpoint, or all",
    details: "",
    run: |session, arguments| {
        change(arguments, "disabled", |number| session.breakpoints.enable(number, false))
    },
};

/// `info breakpoints`.
pub static INFO_BREAKPOINTS: Command = Command {
    name: "info breakpoints",
    aliases: &["info b"],
    group: Group::Breakpoints,
    arguments: &[],
    help: "list breakpoints, their places and hits",
    details: "",
    run: |session, _| list(session),
};
