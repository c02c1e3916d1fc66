//! The text of one link.

use super::Row;
use super::tree::Told;
use crate::render::{Page, Style, brief, cut, thousands};
use crate::session::{Link, Note, value_text};

/// Bytes of a value that text shows.
const SHOWN: usize = 16;

/// Columns that what does not fit on a page is indented by.
const CONTINUED: usize = 4;
const TAB: usize = 8;

/// Characters of a variable's value that text shows.
const VALUE: usize = 120;

impl Row {
    /// Its text; what led to it is told at `same`, if that is elsewhere.
    pub(super) fn render(&self, page: &mut Page, pad: &str, same: Option<Told>) {
        let Link { tracepoint, place, .. } = &self.link;
        page.wrap(pad.len() + CONTINUED).plain(pad);
        if let Some(tracepoint) = tracepoint {
            page.put(Style::Tracepoint, format!("#{}", thousands(*tracepoint))).plain("  ");
        }
        if self.link.address {
            page.put(Style::Dim, "address: ");
        }
        page.put(Style::Current, brief(&self.link.name)).plain(format!(" = {}", self.value()));
        if self.link.leftover {
            page.put(Style::Heading, " (never written here: what the stack held before)");
        }
        if let Some(place) = place {
            page.plain("  ");
            place.render_brief(page);
        }
        page.end();
        self.render_code(page, pad);
        self.render_notes(page, pad);
        self.render_ends(page, pad, same);
    }

    fn value(&self) -> String {
        if let Some(shown) = &self.link.shown {
            return cut(&brief_cast(shown), Some(VALUE));
        }
        match self.link.value.get(..SHOWN) {
            Some(part) if self.link.value.len() > SHOWN => value_text(part) + " …",
            _ => value_text(&self.link.value),
        }
    }

    fn render_code(&self, page: &mut Page, pad: &str) {
        let line = self.link.place.as_ref().and_then(|place| place.line);
        if let (Some(line), Some(source)) = (line, &self.source) {
            page.wrap(pad.len() + TAB).plain(pad).put(Style::Dim, line).plain("\t").plain(source);
            page.end();
        }
        if let Some(instruction) = &self.instruction {
            page.wrap(pad.len() + TAB).plain(pad).plain("\t").put(Style::Dim, instruction);
            for (note, _) in self.notes().filter(|(_, instruction)| instruction.is_none()) {
                page.put(Style::Dim, format!("  {}", note.text));
            }
            page.end();
        }
    }

    /// The notes, and the instructions that they are about where those are not shown.
    fn notes(&self) -> impl Iterator<Item = (&Note, Option<&String>)> {
        self.link.notes.iter().zip(self.noted.iter().map(Option::as_ref))
    }

    fn render_notes(&self, page: &mut Page, pad: &str) {
        for (note, instruction) in self.notes() {
            let Some(instruction) = instruction else { continue };
            page.wrap(pad.len() + TAB).plain(pad).plain("\t").put(Style::Dim, instruction);
            page.put(Style::Dim, format!("  {}, at ", note.text));
            page.put(Style::Tracepoint, format!("#{}", thousands(note.tracepoint))).end();
        }
    }

    fn render_ends(&self, page: &mut Page, pad: &str, same: Option<Told>) {
        for (ending, text) in self.link.origins.iter().zip(&self.beginnings) {
            page.wrap(pad.len() + TAB).plain(pad).plain("\t").put(Style::Heading, "from ");
            ending.origin.render(page);
            if let (Some(text), Some(t)) = (text, ending.tracepoint) {
                page.plain(" ").put(Style::Tracepoint, format!("#{}", thousands(t)));
                page.plain("  ").put(Style::Dim, text);
            }
            page.end();
        }
        if let Some(same) = same {
            let place = match same.shown {
                true => "told elsewhere in this answer",
                false => "in what is not shown",
            };
            let at = thousands(same.tracepoint);
            let text = format!("\twhat led to it is {place}, at #{at}");
            page.wrap(pad.len() + TAB).plain(pad).put(Style::Dim, text).end();
        }
    }
}

/// A value with the type it is cast to shortened.
fn brief_cast(shown: &str) -> String {
    let cast = shown.starts_with('(').then(|| shown.split_once(") ")).flatten();
    match cast {
        Some((of, value)) => format!("{}) {value}", brief(of)),
        None => shown.to_owned(),
    }
}
