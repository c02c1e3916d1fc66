//! `list`.

use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style};
use crate::session::{Listing, Session, SourceLine};
use serde::Serialize;

/// Most lines one command shows.
const MAX_LINES: u32 = 10_000;

#[derive(Serialize)]
struct Source {
    file: String,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    line: u32,
    text: String,
    current: bool,
}

impl Output for Source {
    fn render(&self, page: &mut Page) {
        for line in &self.lines {
            let (mark, style) = match line.current {
                true => ("=> ", Style::Current),
                false => ("   ", Style::Plain),
            };
            page.put(style, mark)
                .put(Style::Dim, line.line)
                .plain("\t")
                .put(style, &line.text)
                .end();
        }
    }
}

/// The first line and how many.
fn wanted(session: &Session, arguments: &Arguments) -> Result<(SourceLine, u32), CommandError> {
    let size = session.settings().list_size;
    let around = |mut at: SourceLine| {
        at.line = at.line.saturating_sub(size / 2).max(1);
        (at, size)
    };
    let Some(location) = arguments.get("LOCATION") else {
        let at = session.current_line().ok_or(CommandError::Other(
            "no source line here: name a function or FILE:LINE".to_owned(),
        ))?;
        return Ok(if session.listing.is_some() { (at, size) } else { around(at) });
    };
    let Some((first, last)) = location.split_once(',') else {
        return Ok(around(session.source_line(location)?));
    };
    let at = session.source_line(first)?;
    let last = last.trim().parse::<u32>().ok().filter(|last| *last >= at.line);
    let last =
        last.ok_or_else(|| arguments.error("the last line is not a line number after it"))?;
    let count = (last - at.line).saturating_add(1).min(MAX_LINES);
    Ok((at, count))
}

fn list(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let (at, count) = wanted(session, arguments)?;
    let Some(text) = session.sources().text(&at.file) else {
        let hint = "`set substitute-path FROM TO` says where sources are";
        return Err(CommandError::Other(format!("{} is not on this machine; {hint}", at.file)));
    };
    let place = session.place()?;
    let here = |line| place.file.as_deref() == Some(&at.file) && place.line == Some(line);
    let numbers = at.line..at.line.saturating_add(count);
    let lines: Vec<Line> = numbers
        .map_while(|line| {
            let text = text.line(line)?.to_owned();
            Some(Line { line, text, current: here(line) })
        })
        .collect();
    let Some(last) = lines.last() else {
        let text = format!("{} has {} lines", at.file, text.line_count());
        return Err(CommandError::Other(text));
    };
    session.listing = Some(Listing { file: at.file.clone(), next: last.line + 1 });
    Ok(Box::new(Source { file: at.file, lines }))
}

/// `list`.
pub static LIST: Command = Command {
    name: "list",
    aliases: &["l"],
    group: Group::State,
    arguments: &[Argument {
        name: "LOCATION",
        form: Form::Rest,
        short: None,
        kind: Kind::Location,
        help: "FUNCTION, FILE:LINE, LINE or FIRST,LAST; the cursor's line if left out, then the \
               lines behind those shown last",
    }],
    help: "show source lines",
    details: "=> marks the cursor's line. Sources are read from this machine, under the name they \
              were compiled under; see `set substitute-path`.",
    run: list,
};
