//! Breakpoints: set, delete, switch, list.

use super::asked::{places, say_content};
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, Table, hex, thousands};
use crate::session::{Access, Breakpoint, Content, Session, Subject, Watch};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Set {
    breakpoint: Breakpoint,
    /// The number of the thread it is for.
    #[serde(skip)]
    thread: Option<usize>,
    /// Of a container that is watched, where its content is.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

impl Set {
    /// What became of the breakpoint of a number.
    pub(super) fn result(session: &Session, number: u32) -> CommandResult {
        Self::with_content(session, number, None)
    }

    /// The same, with where the content is of the container that is watched.
    pub(super) fn with_content(
        session: &Session,
        number: u32,
        content: Option<Content>,
    ) -> CommandResult {
        let found = session.breakpoints.get(number).cloned();
        let none = || CommandError::Other(format!("no breakpoint number {number}"));
        let breakpoint = found.ok_or_else(none)?;
        let thread = breakpoint.thread.and_then(|id| session.thread_number(id));
        Ok(Box::new(Self { breakpoint, thread, content }))
    }
}

impl Output for Set {
    fn render(&self, page: &mut Page) {
        let Breakpoint { number, targets, watch, location, condition, .. } = &self.breakpoint;
        let mut only = self.thread.map_or_else(String::new, |number| format!(" thread {number}"));
        if self.breakpoint.ignore > 0 {
            let times = if self.breakpoint.ignore == 1 { "time" } else { "times" };
            only += &format!(", passed by {} {times}", thousands(self.breakpoint.ignore));
        }
        only += &condition.as_ref().map_or_else(String::new, |text| format!(" if {text}"));
        if let Some(watch) = watch {
            page.put(Style::Heading, format!("Watchpoint {number}")).plain(": ").plain(location);
            page.line(only);
            let command = match watch.access {
                Access::Write => "watch",
                Access::Read => "rwatch",
                Access::Any => "awatch",
            };
            return say_content(self.content.as_ref(), command, page);
        }
        let kind = if self.breakpoint.temporary { "Temporary breakpoint" } else { "Breakpoint" };
        page.put(Style::Heading, format!("{kind} {number}")).plain(" at ");
        match targets.as_slice() {
            [target] => page.line(target.describe() + &only),
            several => {
                page.line(format!("{} places{only}:", several.len()));
                for target in several {
                    page.line(format!("  {}", target.describe()));
                }
            }
        }
    }
}

/// What a breakpoint stops at only, a line each.
fn limits(breakpoint: &Breakpoint) -> Vec<String> {
    let Breakpoint { condition, thread, process, ignore, temporary, once, watch, .. } = breakpoint;
    let scope = watch.as_ref().and_then(|watch| watch.scope);
    let end = scope.and_then(|scope| scope.end).map(thousands);
    let lines = [
        condition.as_ref().map(|text| format!("only if {text}")),
        thread.map(|id| format!("only in the thread with id {id}")),
        process.map(|id| format!("only in the process with id {id}")),
        (*ignore > 0).then(|| format!("passed by {} more times", thousands(*ignore))),
        temporary.then(|| "deleted at its next hit".to_owned()),
        once.then(|| "disabled at its next hit".to_owned()),
        end.map(|end| format!("until its frame ends at #{end}")),
    ];
    lines.into_iter().flatten().collect()
}

/// `writes of $rax`.
fn watched(watch: &Watch) -> String {
    let access = match watch.access {
        Access::Write => "writes of",
        Access::Read => "reads of",
        Access::Any => "accesses to",
    };
    match &watch.subject {
        Subject::Variable(kept) => format!("{access} {}, {}", kept.variable, places(kept)),
        Subject::Register { name, .. } => format!("{access} ${name}"),
        Subject::Memory { address, bits: Some(bits), .. } => {
            let (size, first, address) = (bits.size, bits.offset, hex(*address));
            format!("{access} {size} bits from bit {first} on at {address}")
        }
        Subject::Memory { address, bytes, bits: None } => {
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
                cells.push(target.describe());
                table.row(std::mem::replace(&mut cells, vec![String::new(); 4]));
            }
            for limit in limits(breakpoint) {
                cells.push(limit);
                table.row(std::mem::replace(&mut cells, vec![String::new(); 4]));
            }
            if breakpoint.targets.is_empty() && breakpoint.watch.is_none() {
                cells.push("nowhere in this process".to_owned());
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

/// Most numbers that one command names.
const MOST_NUMBERS: usize = 10_000;

/// Numbers and ranges of them: `2 4-6`; the word gdb has before them may be there too.
///
/// # Errors
/// They are none.
fn numbers(arguments: &Arguments) -> Result<Option<Vec<u32>>, CommandError> {
    let text = arguments.get(NUMBERS.name).unwrap_or_default();
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty()).peekable();
    let _ = words.next_if(|word| *word == "breakpoints");
    let mut all = Vec::new();
    for word in words {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let wrong = || arguments.error(format!("{word:?} is no number of a breakpoint"));
        let parsed = first.parse::<u32>().ok().zip(last.parse::<u32>().ok());
        let (first, last) = parsed.ok_or_else(wrong)?;
        if first > last || (last - first) as usize >= MOST_NUMBERS || all.len() > MOST_NUMBERS {
            return Err(wrong());
        }
        all.extend(first..=last);
    }
    Ok(Some(all).filter(|all| !all.is_empty()))
}

fn change(
    session: &mut Session,
    arguments: &Arguments,
    done: &'static str,
    apply: impl FnOnce(&mut Session, Option<&[u32]>) -> Vec<u32>,
) -> CommandResult {
    let wanted = numbers(arguments)?;
    let missing = |n: &&u32| session.breakpoints.get(**n).is_none();
    if let Some(number) = wanted.iter().flatten().find(missing) {
        return Err(CommandError::Other(format!("no breakpoint number {number}")));
    }
    let breakpoints = apply(session, wanted.as_deref());
    Ok(Box::new(Changed { done, breakpoints }))
}

fn list(session: &Session) -> CommandResult {
    Ok(Box::new(List { breakpoints: session.breakpoints.iter().cloned().collect() }))
}

const NUMBERS: Argument = Argument {
    name: "NUMBERS",
    form: Form::Rest,
    short: None,
    kind: Kind::Text,
    help: "numbers of breakpoints, and ranges such as 2-4; all if left out",
};

/// `delete`.
pub static DELETE: Command = Command {
    name: "delete",
    aliases: &["d", "delete breakpoints"],
    group: Group::Breakpoints,
    arguments: &[NUMBERS],
    help: "delete breakpoints, or all",
    details: "",
    run: |session, arguments| {
        change(session, arguments, "deleted", |session, all| session.breakpoints.delete(all))
    },
};

/// `enable`.
pub static ENABLE: Command = Command {
    name: "enable",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[NUMBERS],
    help: "enable breakpoints, or all",
    details: "",
    run: |session, arguments| {
        change(session, arguments, "enabled", |session, all| session.breakpoints.enable(all, true))
    },
};

/// `enable once`.
pub static ENABLE_ONCE: Command = Command {
    name: "enable once",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[NUMBERS],
    help: "enable breakpoints, or all, until history stops there",
    details: "They are disabled where it does.",
    run: |session, arguments| {
        change(session, arguments, "enabled once", |session, all| {
            session.breakpoints.enable_once(all)
        })
    },
};

fn clear(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let targets = match arguments.get("LOCATION") {
        Some(location) => session.resolve(location)?,
        None => session.resolve(&format!("*{:#x}", session.selected_pc()?))?,
    };
    let there = |one: &Breakpoint| {
        one.targets.iter().any(|own| targets.iter().any(|target| target.address == own.address))
    };
    let all = session.breakpoints.iter().filter(|one| there(one));
    let numbers: Vec<u32> = all.map(|one| one.number).collect();
    if numbers.is_empty() {
        return Err(CommandError::Other("no breakpoint is there".to_owned()));
    }
    let breakpoints = session.breakpoints.delete(Some(&numbers));
    Ok(Box::new(Changed { done: "deleted", breakpoints }))
}

/// `clear`.
pub static CLEAR: Command = Command {
    name: "clear",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[Argument {
        name: "LOCATION",
        form: Form::Rest,
        short: None,
        kind: Kind::Location,
        help: "FUNCTION, FILE:LINE, LINE of the current file, or *ADDRESS; the cursor's own \
               address if left out",
    }],
    help: "delete the breakpoints at a place",
    details: "",
    run: clear,
};

/// `disable`.
pub static DISABLE: Command = Command {
    name: "disable",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[NUMBERS],
    help: "disable breakpoints, or all",
    details: "",
    run: |session, arguments| {
        change(session, arguments, "disabled", |session, all| {
            session.breakpoints.enable(all, false)
        })
    },
};

/// `info breakpoints`.
pub static INFO_BREAKPOINTS: Command = Command {
    name: "info breakpoints",
    aliases: &["info b", "info watchpoints"],
    group: Group::Breakpoints,
    arguments: &[],
    help: "list breakpoints, their places and hits",
    details: "",
    run: |session, _| list(session),
};
