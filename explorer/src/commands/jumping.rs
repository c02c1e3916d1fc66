//! Going to a tracepoint.

use super::position::Position;
use super::{Argument, Arguments, Command, CommandError, Form, Group, Kind};
use crate::render::thousands;
use crate::session::Session;

/// A tracepoint as typed: `1200`, `+5`, `-5`, `start`, `end`, `50%`. Thousands
/// may be set apart with `,` or `_`, as output shows them.
pub fn tracepoint(session: &Session, text: &str) -> Option<u64> {
    let (cursor, end) = (session.cursor(), session.timeline().end());
    relative(text, cursor, end)
}

fn relative(text: &str, cursor: u64, end: u64) -> Option<u64> {
    let plain: String = text.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    let text = plain.strip_prefix('#').unwrap_or(&plain);
    match text {
        "start" | "begin" => return Some(0),
        "end" => return Some(end),
        _ => {}
    }
    if let Some(percent) = text.strip_suffix('%') {
        let percent: f64 = percent.parse().ok().filter(|p| (0.0..=100.0).contains(p))?;
        return Some((((end as f64) * percent / 100.0) as u64).min(end));
    }
    if let Some(count) = text.strip_prefix('+') {
        return cursor.checked_add(count.parse().ok()?).filter(|there| *there <= end);
    }
    if let Some(count) = text.strip_prefix('-') {
        return cursor.checked_sub(count.parse().ok()?);
    }
    text.parse().ok()
}

/// The tracepoint of an argument, if it was given.
///
/// # Errors
/// [`CommandError::Usage`] when it is none.
pub fn argument(
    session: &Session,
    arguments: &Arguments,
    name: &str,
) -> Result<Option<u64>, CommandError> {
    let Some(text) = arguments.get(name) else { return Ok(None) };
    let found = tracepoint(session, text);
    let last = thousands(session.timeline().end());
    let wrong = || format!("{text:?} is not a tracepoint of this history (0 to {last})");
    found.map(Some).ok_or_else(|| arguments.error(wrong()))
}

/// `jump`.
pub static JUMP: Command = Command {
    name: "jump",
    aliases: &["jt", "goto"],
    group: Group::Moving,
    arguments: &[Argument {
        name: "T",
        form: Form::Required,
        short: Some("-t"),
        kind: Kind::Tracepoint,
        help: "a tracepoint, start, end, +N, -N, or a percentage of the history such as 50%",
    }],
    help: "go to a tracepoint",
    details: "",
    run: |session, arguments| {
        let target = argument(session, arguments, "T")?.unwrap_or_default();
        session.jump(target)?;
        Position::result(session)
    },
};

/// `step-back-until-start`.
pub static STEP_BACK_UNTIL_START: Command = Command {
    name: "step-back-until-start",
    aliases: &["sbs"],
    group: Group::Moving,
    arguments: &[],
    help: "go back to the beginning, whatever breakpoints there are",
    details: "",
    run: |session, _| {
        session.jump(0)?;
        Position::result(session)
    },
};

/// `replay-until-end`.
pub static REPLAY_UNTIL_END: Command = Command {
    name: "replay-until-end",
    aliases: &["rend"],
    group: Group::Moving,
    arguments: &[],
    help: "go forward to the end, whatever breakpoints there are",
    details: "Shows how the program ended: its exit status, or the signal that killed it.",
    run: |session, _| {
        session.jump(session.timeline().end())?;
        Position::result(session)
    },
};

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn tracepoints_are_absolute_relative_or_a_share() {
        assert_eq!(relative("12", 5, 100), Some(12));
        assert_eq!(relative("#1,200", 5, 100), Some(1200));
        assert_eq!(relative("+7", 5, 100), Some(12));
        assert_eq!(relative("+700", 5, 100), None);
        assert_eq!(relative("-5", 5, 100), Some(0));
        assert_eq!(relative("-7", 5, 100), None);
        assert_eq!(relative("50%", 5, 101), Some(50));
        assert_eq!(relative("100%", 5, 101), Some(101));
        assert_eq!(relative("end", 5, 100), Some(100));
        assert_eq!(relative("start", 5, 100), Some(0));
        assert_eq!(relative("101%", 5, 100), None);
        assert_eq!(relative("x", 5, 100), None);
    }
}
