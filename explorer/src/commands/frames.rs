//! `frame`, `up`, `down`: which frame names are looked up in.

use super::position::source_line;
use super::{Argument, Command, CommandError, CommandResult, Group, Output};
use crate::render::{Page, Style};
use crate::session::{Frame, Session};
use serde::Serialize;

#[derive(Serialize)]
struct Selected {
    #[serde(flatten)]
    frame: Frame,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl Output for Selected {
    fn render(&self, page: &mut Page) {
        let Frame { level, place, .. } = &self.frame;
        page.put(Style::Heading, format!("#{level:<2} "));
        place.render_frame(page, None);
        page.end();
        if let (Some(line), Some(text)) = (place.line, &self.source) {
            page.put(Style::Dim, line).plain("\t").plain(text).end();
        }
    }
}

/// Frames `up` and `frame` reach.
const MAX_LEVEL: u64 = 100_000;

fn select(session: &mut Session, level: u64) -> CommandResult {
    let none = || CommandError::Other(format!("there is no frame {level}"));
    let reached = usize::try_from(level).ok().filter(|_| level <= MAX_LEVEL);
    let level = reached.ok_or_else(none)?;
    if !session.select(level)? {
        return Err(none());
    }
    let mut frames = session.stack(level + 1)?.frames;
    let frame = frames.pop().filter(|frame| frame.level == level).ok_or_else(none)?;
    let source = source_line(session, &frame.place);
    Ok(Box::new(Selected { frame, source }))
}

fn up(session: &mut Session, by: u64) -> CommandResult {
    let now = session.selected() as u64;
    select(session, now.saturating_add(by)).map_err(|error| match error {
        CommandError::Other(_) if by == 1 => {
            CommandError::Other("this is the outermost frame".to_owned())
        }
        other => other,
    })
}

fn down(session: &mut Session, by: u64) -> CommandResult {
    match (session.selected() as u64, by) {
        (0, 1..) => Err(CommandError::Other("this is the innermost frame".to_owned())),
        (now, by) => select(session, now.saturating_sub(by)),
    }
}

const COUNT: Argument = Argument::number("how many frames; 1 if left out");

/// `frame`.
pub static FRAME: Command = Command {
    name: "frame",
    aliases: &["f", "frame select"],
    group: Group::State,
    arguments: &[Argument::number(
        "its number in the backtrace, 0 the innermost; the selected one if left out",
    )],
    help: "select a frame of the call stack, whose variables print and others see",
    details: "The cursor stays; moving it selects the innermost frame again. Inlined functions \
              are frames of their own.",
    run: |session, arguments| {
        let level = arguments.count("N").unwrap_or(session.selected() as u64);
        select(session, level)
    },
};

/// `up`.
pub static UP: Command = Command {
    name: "up",
    aliases: &[],
    group: Group::State,
    arguments: &[COUNT],
    help: "select the frame that called the selected one",
    details: "",
    run: |session, arguments| up(session, arguments.count("N").unwrap_or(1)),
};

/// `down`.
pub static DOWN: Command = Command {
    name: "down",
    aliases: &[],
    group: Group::State,
    arguments: &[COUNT],
    help: "select the frame that the selected one called",
    details: "",
    run: |session, arguments| down(session, arguments.count("N").unwrap_or(1)),
};
