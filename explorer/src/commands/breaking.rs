//! `break`, `tbreak`, `rbreak` and `ignore`.

use super::breakpoints::Set;
use super::conditions::{self, split_condition};
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind};
use crate::render::thousands;
use crate::session::{CheckedAt, Session};

/// What stands before `thread N` and, if it is there, N.
///
/// # Errors
/// N is no number.
fn split_thread<'a>(
    arguments: &Arguments,
    text: &'a str,
) -> Result<(&'a str, Option<u64>), CommandError> {
    let text = text.trim();
    let mut words = text.rsplitn(3, char::is_whitespace);
    let (last, before) = (words.next().unwrap_or_default(), words.next());
    let location = match (before, text.strip_prefix("thread ")) {
        (Some("thread"), _) => words.next().unwrap_or_default(),
        _ => return Ok((text, None)),
    };
    let number = last.parse();
    let wrong = |_| arguments.error(format!("{last:?} is not a thread's number"));
    Ok((location.trim(), Some(number.map_err(wrong)?)))
}

fn set(session: &mut Session, arguments: &Arguments, temporary: bool) -> CommandResult {
    let text = arguments.get(LOCATION.name).unwrap_or_default();
    let (text, condition) = split_condition(arguments, text)?;
    let (location, thread) = split_thread(arguments, text)?;
    let location = match location {
        "" => format!("*{:#x}", session.selected_pc()?),
        given => given.to_owned(),
    };
    place(session, &location, Limits { thread, condition, temporary })
}

/// What a breakpoint is limited to.
struct Limits<'a> {
    thread: Option<u64>,
    condition: Option<&'a str>,
    temporary: bool,
}

fn place(session: &mut Session, location: &str, limits: Limits) -> CommandResult {
    let Limits { thread, condition, temporary } = limits;
    let thread = thread.map(|number| session.thread_id(number)).transpose();
    let thread = thread.map_err(|error| CommandError::Other(error.to_string()))?;
    let targets = session.resolve(location)?;
    conditions::check(session, condition, CheckedAt::At(&targets))?;
    let location = session.understood(location);
    let number = session.add_breakpoint(&location, targets, thread, temporary);
    conditions::set(session, number, condition)
}

const LOCATION: Argument = Argument {
    name: "LOCATION",
    form: Form::Rest,
    short: None,
    kind: Kind::Location,
    help: "FUNCTION, FILE:FUNCTION, FILE:LINE, LINE of the current file, *ADDRESS, or /PATTERN/; \
           the cursor's own address if left out; behind it, `thread N` and `if EXPR`",
};

const NUMBER: Argument = Argument {
    name: "NUMBER",
    form: Form::Required,
    short: None,
    kind: Kind::Count,
    help: "the breakpoint's or watchpoint's number",
};

/// `break`.
pub static BREAK: Command = Command {
    name: "break",
    aliases: &["b", "breakpoint"],
    group: Group::Breakpoints,
    arguments: &[LOCATION],
    help: "set a breakpoint",
    details: "At a function it stops behind the prologue, where the parameters are in place. Its \
              name may have parameters, as over(double), and may stand in quotes. A \
              line without code stands for the next line that has some. Every copy of inlined \
              code is a place of its own. History stops there in both directions, whichever \
              thread comes there: with `thread N`, only where that one does; with a condition, \
              only where that is true, which is seen in the innermost frame of each stop. Where \
              it has no value history stops too, and says why.",
    run: |session, arguments| set(session, arguments, false),
};

/// `tbreak`.
pub static TBREAK: Command = Command {
    name: "tbreak",
    aliases: &["tb"],
    group: Group::Breakpoints,
    arguments: &[LOCATION],
    help: "set a breakpoint that is deleted when history stops there",
    details: "",
    run: |session, arguments| set(session, arguments, true),
};

/// `rbreak`.
pub static RBREAK: Command = Command {
    name: "rbreak",
    aliases: &["break-regex"],
    group: Group::Breakpoints,
    arguments: &[Argument {
        name: "PATTERN",
        form: Form::RequiredRest,
        short: None,
        kind: Kind::Pattern,
        help: "a regular expression over names, as grep -E has them: read_, ^std::, (add|sub)$",
    }],
    help: "set a breakpoint at all functions whose names match a pattern",
    details: "It is one breakpoint with a place for each function, and for each inlined copy; \
              at most 2000. `break /PATTERN/ thread N if EXPR` does the same.",
    run: |session, arguments| {
        let pattern = arguments.get("PATTERN").unwrap_or_default().trim();
        let limits = Limits { thread: None, condition: None, temporary: false };
        place(session, &format!("/{pattern}/"), limits)
    },
};

/// Times that a breakpoint may be told to be passed by, as in gdb.
const MOST_IGNORED: u64 = i32::MAX as u64;

/// `ignore`.
pub static IGNORE: Command = Command {
    name: "ignore",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[
        NUMBER,
        Argument {
            name: "COUNT",
            form: Form::Required,
            short: None,
            kind: Kind::Count,
            help: "how often; 0 to stop at the next",
        },
    ],
    help: "let history pass a breakpoint by a number of times",
    details: "Counts in either direction, from the cursor; a crossing at which the condition is \
              false does not count. What is passed by counts as a hit.",
    run: |session, arguments| {
        let number = arguments.count(NUMBER.name).unwrap_or_default();
        let count = arguments.count("COUNT").unwrap_or_default();
        if count > MOST_IGNORED {
            let most = thousands(MOST_IGNORED);
            return Err(arguments.error(format!("a breakpoint is passed by {most} times at most")));
        }
        let known = u32::try_from(number).ok();
        match known.filter(|known| session.ignore(*known, count).is_some()) {
            Some(known) => Set::result(session, known),
            None => Err(CommandError::Other(format!("no breakpoint number {}", thousands(number)))),
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_stands_last() {
        let split = |text| split_thread(&Arguments::default(), text).ok();
        assert_eq!(split("f"), Some(("f", None)));
        assert_eq!(split("f.c:3  thread 2"), Some(("f.c:3", Some(2))));
        assert_eq!(split("thread 2"), Some(("", Some(2))));
        assert_eq!(split("thread"), Some(("thread", None)));
        assert_eq!(split("f thread x"), None);
    }
}
