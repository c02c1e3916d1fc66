//! `backtrace`.

use super::locals::{self, Named};
use super::position::source_line;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, thousands};
use crate::session::{Frame, MOST_TAIL_CALLS, Scene, Session, TailCall};
use serde::Serialize;

/// Frames shown when nobody says how many.
const LIMIT: i64 = 1000;

/// Most frames that are walked.
const MOST: usize = 100_000;

#[derive(Serialize)]
struct Backtrace {
    frames: Vec<Line>,
    /// Why there are no more, unless the outermost frame is the last.
    end: Option<String>,
    #[serde(skip)]
    more: bool,
    #[serde(skip)]
    source: Option<String>,
}

/// A frame with its arguments, and its variables if they were asked for.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    frame: Frame,
    /// None without debug information.
    arguments: Option<Vec<Named>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locals: Option<Vec<Named>>,
}

impl Line {
    fn new(scene: &Scene<'_>, frame: Frame, full: bool) -> Self {
        let arguments = locals::arguments(scene);
        let locals = if full { locals::locals(scene) } else { None };
        Self { frame, arguments, locals }
    }

    fn call(&self) -> Option<String> {
        self.arguments.as_deref().map(|all| locals::call_text(all, |text| text))
    }
}

impl Output for Backtrace {
    fn render(&self, page: &mut Page) {
        for line in &self.frames {
            let frame = &line.frame;
            page.put(Style::Heading, format!("#{:<2} ", frame.level));
            frame.place.render_frame(page, line.call().as_deref());
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
                Some("history") => {
                    page.put(Style::Dim, " (from history)");
                }
                Some("history-overwritten") => {
                    page.put(Style::Alert, " (from history: the return address was overwritten)");
                }
                _ => {}
            }
            page.end();
            line.render_locals(page);
            render_tail_calls(page, &frame.tail_calls);
        }
        if let (Some(text), Some(line)) =
            (&self.source, self.frames.first().and_then(|line| line.frame.place.line))
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

impl Line {
    fn render_locals(&self, page: &mut Page) {
        for variable in self.locals.iter().flatten() {
            page.plain("        ").put(Style::Heading, &variable.name);
            page.plain(format!(" = {}", variable.shown.value)).end();
        }
    }
}

fn render_tail_calls(page: &mut Page, all: &[TailCall]) {
    for one in all.iter().take(MOST_TAIL_CALLS) {
        page.put(Style::Dim, format!("    (tail call #{} in ", thousands(one.tracepoint)));
        one.place.render(page);
        page.put(Style::Dim, ")").end();
    }
    if all.len() > MOST_TAIL_CALLS {
        page.put(Style::Dim, "    (more tail calls before)").end();
    }
}

fn backtrace(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let count = arguments.either_end("N").unwrap_or(LIMIT);
    let shown = usize::try_from(count.unsigned_abs()).unwrap_or(MOST).clamp(1, MOST);
    let limit = if count < 0 { MOST } else { shown };
    let mut stack = session.stack(limit)?;
    if count < 0 && stack.more {
        let most = thousands(MOST as u64);
        return Err(arguments.error(format!("there are more than {most} frames here")));
    }
    let inner = stack.frames.len().saturating_sub(shown);
    stack.frames.drain(..inner);
    let source = stack.frames.first().and_then(|frame| source_line(session, &frame.place));
    let scene = session.scene_of(session.thread()?, session.cursor(), limit)?;
    let full = arguments.get("full").is_some();
    let mut frames = Vec::new();
    for frame in stack.frames {
        if session.interrupt.raised() {
            return Err(CommandError::State(crate::timeline::StateError::Interrupted));
        }
        frames.push(Line::new(&scene.at_level(frame.level), frame, full));
    }
    Ok(Box::new(Backtrace { frames, end: stack.end, more: stack.more, source }))
}

/// `backtrace`.
pub static BACKTRACE: Command = Command {
    name: "backtrace",
    aliases: &["bt", "info stack"],
    group: Group::State,
    arguments: &[
        Argument {
            name: "full",
            form: Form::Word,
            short: None,
            kind: Kind::Text,
            help: "the local variables of every frame as well",
        },
        Argument {
            name: "N",
            form: Form::Optional,
            short: Some("-c"),
            kind: Kind::EitherEnd,
            help: "at most N innermost frames, or if negative, outermost; 1000 if left out",
        },
    ],
    help: "show the call stack",
    details: "Says why when it ends before the outermost frame: a corrupted stack, for instance. \
              Where there is no call frame information, or the stack was overwritten, callers are \
              those whose calls the history has, and marked so; if it has none, they are marked \
              as guessed. Tail calls, by which functions hand their frames on, are told below the \
              frame, the last first, as history has them: of calls through pointers, for the 8 \
              innermost.",
    run: backtrace,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Place;

    #[test]
    fn levels_of_any_length_stand_apart_from_addresses() {
        let frame = |level| Line {
            frame: Frame { level, place: Place::bare(0x10), method: None, tail_calls: Vec::new() },
            arguments: None,
            locals: None,
        };
        let frames = [1, 10, 1000].map(frame).into();
        let mut page = Page::new(None, false);
        Backtrace { frames, end: None, more: false, source: None }.render(&mut page);
        assert_eq!(page.finish(), "#1  0x10 in ??\n#10 0x10 in ??\n#1000 0x10 in ??\n");
    }
}
