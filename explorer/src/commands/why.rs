//! `why`: where a value came from.

use super::executions::NUMBER;
use super::modifications::{EXPRESSION, SIZE, typed_subject};
use super::position::source_line;
use super::{Argument, Command, CommandError, Form, Group, Kind, Output, operands};
use crate::render::{Page, Style, thousands};
use crate::session::{Link, Reach, Session, Why, value_text};
use serde::Serialize;

/// Links one behind the other when nobody says how many, and the most.
const COUNT: u64 = 24;
const MAX_COUNT: u64 = 200;

/// Bytes of a value that text shows.
const SHOWN: usize = 16;

#[derive(Serialize)]
struct Answer {
    expression: String,
    tracepoint: u64,
    links: Vec<Row>,
    more: bool,
}

/// A link, with the text of its line and of its instruction.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    link: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instruction: Option<String>,
}

impl Output for Answer {
    fn render(&self, page: &mut Page) {
        let first: Vec<usize> = self.children(None);
        self.branch(page, &first, 0);
        if self.more {
            page.put(Style::Dim, "There is more; say how far with -c, or jump and ask there.")
                .end();
        }
    }
}

impl Answer {
    fn children(&self, of: Option<usize>) -> Vec<usize> {
        self.links.iter().filter(|row| row.link.of == of).map(|row| row.link.number).collect()
    }

    /// Links that have one reader: each with what it comes from.
    fn branch(&self, page: &mut Page, links: &[usize], indent: usize) {
        let mut links = links.to_vec();
        loop {
            let alone = links.len() == 1;
            let mut next = Vec::new();
            for number in &links {
                let Some(row) = self.links.get(*number) else { continue };
                let indent = if alone { indent } else { indent + 1 };
                row.render(page, indent, &self.links);
                let children = self.children(Some(*number));
                if alone {
                    next = children;
                } else {
                    self.branch(page, &children, indent);
                }
            }
            if next.is_empty() {
                return;
            }
            links = next;
        }
    }
}

impl Row {
    fn render(&self, page: &mut Page, indent: usize, all: &[Row]) {
        let pad = "  ".repeat(indent);
        let Link { tracepoint, place, .. } = &self.link;
        page.plain(&pad);
        if let Some(tracepoint) = tracepoint {
            page.put(Style::Tracepoint, format!("#{}", thousands(*tracepoint))).plain("  ");
        }
        if self.link.address {
            page.put(Style::Dim, "address: ");
        }
        page.put(Style::Current, &self.link.name).plain(format!(" = {}", self.value()));
        if let Some(place) = place {
            page.plain("  ");
            place.render(page);
        }
        page.end();
        self.render_code(page, &pad);
        self.render_ends(page, &pad, all);
    }

    fn value(&self) -> String {
        if let Some(shown) = &self.link.shown {
            return shown.clone();
        }
        match self.link.value.get(..SHOWN) {
            Some(part) if self.link.value.len() > SHOWN => value_text(part) + " …",
            _ => value_text(&self.link.value),
        }
    }

    fn render_code(&self, page: &mut Page, pad: &str) {
        let line = self.link.place.as_ref().and_then(|place| place.line);
        if let (Some(line), Some(source)) = (line, &self.source) {
            page.plain(pad).put(Style::Dim, line).plain("\t").plain(source);
            page.end();
        }
        if let Some(instruction) = &self.instruction {
            page.plain(pad).plain("\t").put(Style::Dim, instruction);
            if let Some(note) = &self.link.note {
                page.put(Style::Dim, format!("  {note}"));
            }
            page.end();
        }
    }

    fn render_ends(&self, page: &mut Page, pad: &str, all: &[Row]) {
        for origin in &self.link.origins {
            page.plain(pad).plain("\t").put(Style::Heading, "from ");
            origin.render(page);
            page.end();
        }
        let same = self.link.same_as.and_then(|known| all.get(known)?.link.tracepoint);
        if let Some(same) = same {
            let text =
                format!("\twhat led to #{} is told elsewhere in this answer", thousands(same));
            page.plain(pad).put(Style::Dim, text).end();
        }
        if self.link.more {
            page.plain(pad).put(Style::Dim, "\t…").end();
        }
    }
}

fn answer(session: &Session, expression: &str, why: Why) -> Result<Answer, CommandError> {
    let row = |link: Link| {
        let source = link.place.as_ref().and_then(|place| source_line(session, place));
        let shown = link.computed_at.or(link.tracepoint).filter(|_| !link.steps.is_empty());
        let executed = shown.map(|t| session.timeline().instruction(t)).transpose()?.flatten();
        let text = |(t, executed): (u64, crate::timeline::Instruction)| {
            operands::decode_at(session, t, executed.pc, &executed.bytes).text
        };
        let instruction = shown.zip(executed).map(text);
        Ok::<_, CommandError>(Row { link, source, instruction })
    };
    let links = why.links.into_iter().map(row).collect::<Result<_, _>>()?;
    let (expression, tracepoint) = (expression.to_owned(), session.cursor());
    Ok(Answer { expression, tracepoint, links, more: why.more })
}

const ADDRESSES: Argument = Argument {
    name: "--addresses",
    form: Form::Word,
    short: None,
    kind: Kind::Text,
    help: "follow the registers that make addresses, too",
};

/// `why`.
pub static WHY: Command = Command {
    name: "why",
    aliases: &["origin"],
    group: Group::History,
    arguments: &[
        Argument { help: "at most N links one behind the other; 24 if left out", ..NUMBER },
        ADDRESSES,
        SIZE,
        EXPRESSION,
    ],
    help: "follow a value backwards to where it came from",
    details: "Moves, copies and arithmetic lead to what they read, up to constants, files, \
              arguments of the program and data of system calls. What one visit of a source line \
              does is one link; where several values come together, each has its own branch.",
    run: |session, arguments| {
        let (subject, _) = typed_subject(session, arguments)?;
        let span = subject.span().map_err(CommandError::Other)?;
        let depth = arguments.count(NUMBER.name).unwrap_or(COUNT).clamp(1, MAX_COUNT) as usize;
        let addresses = arguments.get(ADDRESSES.name).is_some();
        let why = session.why(span, session.cursor(), Reach { depth, addresses })?;
        let expression = arguments.get(EXPRESSION.name).unwrap_or_default();
        Ok(Box::new(answer(session, expression, why)?))
    },
};
