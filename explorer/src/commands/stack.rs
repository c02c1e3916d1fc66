//! `backtrace`.

use super::position::source_line;
use super::{Argument, Command, Form, Group, Kind, Output};
use crate::render::{Page, Style, hex};
use crate::session::Frame;
use serde::Serialize;

/// Frames shown when nobody says how many.
const LIMIT: u64 = 1000;

#[derive(Serialize)]
struct Backtrace {
    frames: Vec<Frame>,
    /// Why there are no more, unless the outermost frame is the last.
    end: Option<String>,
    #[serde(skip)]
    more: bool,
    #[serde(skip)]
    source: Option<String>,
}

impl Output for Backtrace {
    fn render(&self, page: &mut Page) {
        for frame in &self.frames {
            page.put(Style::Heading, format!("#{:<2} ", frame.level));
            page.put(Style::Address, hex(frame.place.pc)).plain(" in ");
            frame.place.render(page);
            if frame.place.inlined {
                page.put(Style::Dim, " (inlined)");
            }
            match frame.method {
                Some("signal") => {
                    page.put(Style::Dim, " (interrupted by a signal)");
                }
                Some("frame-pointer" | "return-address") => {
                    page.put(Style::Dim, " (guessed)");
                }
                _ => {}
            }
            page.end();
        }
        if let (Some(text), Some(line)) =
            (&self.source, self.frames.first().and_then(|frame| frame.place.line))
        {
            page.put(Style::Dim, line).plain("\t").plain(text).end();
        }
        if self.more {
            page.put(Style::Dim, "(more frames follow)").end();
        } else if let Some(end) = &self.end {
            page.put(Style::Alert, format!("The backtrace ends here: {end}.")).end();
        }
    }
}

/// `backtrace`.
pub static BACKTRACE: Command = Command {
    name: "backtrace",
    aliases: &["bt", "info stack"],
    group: Group::State,
    arguments: &[Argument {
        name: "N",
        form: Form::Optional,
        short: Some("-c"),
        kind: Kind::Count,
        help: "at most N innermost frames; 1000 if left out",
    }],
    help: "show the call stack",
    details: "Says why when it ends before the outermost frame: a corrupted stack, for instance. \
              Frames found without call frame information are marked as guessed.",
    run: |session, arguments| {
        let limit = arguments.count("N").unwrap_or(LIMIT).clamp(1, 100_000);
        let stack = session.stack(limit as usize)?;
        let source = stack.frames.first().and_then(|frame| source_line(session, &frame.place));
        Ok(Box::new(Backtrace { frames: stack.frames, end: stack.end, more: stack.more, source }))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Place;

    #[test]
    fn levels_of_any_length_stand_apart_from_addresses() {
        let frame = |level| Frame { level, place: Place::bare(0x10), method: None };
        let frames = [1, 10, 1000].map(frame).into();
        let mut page = Page::new(None, false);
        Backtrace { frames, end: None, more: false, source: None }.render(&mut page);
        assert_eq!(page.finish(), "#1  0x10 in ??\n#10 0x10 in ??\n#1000 0x10 in ??\n");
    }
}
