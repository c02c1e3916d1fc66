//! `condition`, and `… if EXPR` behind locations.

use super::breakpoints::Set;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind};
use crate::session::{CheckedAt, Session};

/// What stands before `if` and, if it is there, what stands behind it.
///
/// # Errors
/// Nothing stands behind it.
pub(super) fn split_condition<'a>(
    arguments: &Arguments,
    text: &'a str,
) -> Result<(&'a str, Option<&'a str>), CommandError> {
    let text = text.trim();
    let word = text.match_indices("if").map(|(at, _)| text.split_at(at)).find(|(before, rest)| {
        let behind = rest.get(2..).and_then(|rest| rest.chars().next());
        let alone = |c: char| c.is_whitespace() || c == '(';
        before.chars().next_back().is_none_or(char::is_whitespace) && behind.is_none_or(alone)
    });
    let Some((before, rest)) = word else { return Ok((text, None)) };
    match rest.get(2..).unwrap_or_default().trim() {
        "" => Err(arguments.error("nothing stands behind if")),
        condition => Ok((before.trim(), Some(condition))),
    }
}

/// Whether there is a condition that makes no sense where it will be evaluated.
///
/// # Errors
/// Why it makes none.
pub(super) fn check(
    session: &Session,
    condition: Option<&str>,
    at: CheckedAt<'_>,
) -> Result<(), CommandError> {
    Ok(condition.map_or(Ok(()), |condition| session.check_expression(condition, at))?)
}

/// Gives a breakpoint a condition, or none, and shows it.
pub(super) fn set(session: &mut Session, number: u32, condition: Option<&str>) -> CommandResult {
    session.set_condition(number, condition)?;
    Set::result(session, number)
}

/// `condition`.
pub static CONDITION: Command = Command {
    name: "condition",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[
        Argument {
            name: "N",
            form: Form::Required,
            short: None,
            kind: Kind::Count,
            help: "the breakpoint's or watchpoint's number",
        },
        Argument {
            name: "EXPR",
            form: Form::Rest,
            short: None,
            kind: Kind::Expression,
            help: "the condition; if left out, there is none any more",
        },
    ],
    help: "let a breakpoint stop only where an expression is true",
    details: "",
    run: |session, arguments| {
        let number = arguments.count("N").unwrap_or_default();
        let Ok(known) = u32::try_from(number) else {
            return Err(CommandError::Other(format!("no breakpoint number {number}")));
        };
        set(session, known, arguments.get("EXPR"))
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_if_parts_a_condition() {
        let split = |text| split_condition(&Arguments::default(), text).ok();
        assert_eq!(split("f"), Some(("f", None)));
        assert_eq!(split("iffy"), Some(("iffy", None)));
        assert_eq!(split("if.c:3 if a->if_b == 1"), Some(("if.c:3", Some("a->if_b == 1"))));
        assert_eq!(split("f if(n > 2)"), Some(("f", Some("(n > 2)"))));
        assert_eq!(split("if n"), Some(("", Some("n"))));
        assert_eq!(split("f if "), None);
    }
}
