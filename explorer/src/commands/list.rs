//! `list`.

use super::each::split_list;
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
    if location.trim() == "-" {
        return before(session, size);
    }
    match *split_list(location) {
        [location] => Ok(around(session.source_line(location)?)),
        ["", last] => {
            let mut at = session.source_line(last)?;
            let first = at.line.saturating_sub(size.saturating_sub(1)).max(1);
            let count = at.line - first + 1;
            at.line = first;
            Ok((at, count))
        }
        [first, ""] => Ok((session.source_line(first)?, size)),
        [first, last] => {
            let at = session.source_line(first)?;
            let more = last.strip_prefix('+').and_then(|more| more.parse::<u32>().ok());
            let last = more.map(|more| at.line.saturating_add(more)).or(last.parse().ok());
            let last = last.filter(|last| *last >= at.line);
            let wrong = || arguments.error("the last line is not a line number after it");
            let last = last.ok_or_else(wrong)?;
            let count = (last - at.line).saturating_add(1).min(MAX_LINES);
            Ok((at, count))
        }
        _ => Err(arguments.error("more than FIRST,LAST")),
    }
}

/// The lines before those shown last, or before the cursor's.
fn before(session: &Session, size: u32) -> Result<(SourceLine, u32), CommandError> {
    let listing = session.listing.as_ref();
    let shown = listing.map(|shown| SourceLine { file: shown.file.clone(), line: shown.first });
    let none = || CommandError::Other("no source line here to go back from".to_owned());
    let mut at = shown.or_else(|| session.current_line()).ok_or_else(none)?;
    let first = at.line.saturating_sub(size).max(1);
    let count = at.line - first;
    if count == 0 {
        return Err(CommandError::Other(format!("{} begins there", at.file)));
    }
    at.line = first;
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
    let next = last.line.saturating_add(1);
    session.listing = Some(Listing { file: at.file.clone(), first: at.line, next });
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
        help: "FUNCTION, FILE:LINE, LINE, FIRST,LAST with either left out, FIRST,+N, or - for \
               those before those shown last; the cursor's line if left out, then the lines \
               behind those shown last",
    }],
    help: "show source lines",
    details: "=> marks the cursor's line. Sources are read from this machine, under the name they \
              were compiled under; see `set substitute-path`.",
    run: list,
};
