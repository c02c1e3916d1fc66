//! `modification` and `last`: who wrote to something, and when.

use super::asked::{Asked, EXPRESSION, Life, SIZE, nothing, say_below};
use super::executions::{NUMBER, WHEN, is_long, none_shown, place_cells, table, when, window};
use super::more;
use super::position::Position;
use super::rows::{BATCH, ListEnd, Rows, SLOW_BATCH};
use super::total::total;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Table, hex, thousands};
use crate::session::{Bytes, Content, Modification, Place, Session, Subject, Window, value_text};
use crate::symbols::datatypes::Type;
use crate::timeline::{Direction, StateError};
use crate::values::PlainNumber;
use compact_str::{CompactString, ToCompactString};
use serde::Serialize;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Bytes of a value that the table shows.
const SHOWN: usize = 16;

/// Rows of which values are shown with what they lead to: that takes a while.
const MOST_READ: usize = 1000;

/// Bytes that the values of a batch take together, about.
const BATCH_BYTES: u64 = 32 << 20;

/// Columns below which the table has no room for addresses of code; `function` says them too.
const NARROW: usize = 100;

#[derive(Serialize)]
struct Modifications {
    subject: Subject,
    modifications: Rows<Row>,
    /// Whether there are more, in some direction.
    #[serde(flatten)]
    ending: ListEnd,
    /// Of what is not mapped at the cursor, when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmapped: Option<String>,
    /// Of a local variable, while what it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    life: Option<Life>,
    /// Of a container, where its content is.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

impl Modifications {
    /// What is said below the rows, or instead of any.
    fn say(&self, page: &mut Page) {
        say_below(self.life.as_ref(), self.content.as_ref(), "mod list", page);
    }
}

/// A modification, with its values as the subject's type shows them.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    modification: Modification,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_value: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_value: Option<CompactString>,
    /// The number of its thread, if there are several.
    #[serde(skip)]
    number: Option<usize>,
}

impl Output for Modifications {
    fn render(&self, page: &mut Page) {
        if self.modifications.first().is_empty() {
            page.line(nothing("No modifications there.", self.unmapped.as_deref()));
            return self.say(page);
        }
        let threads = self.modifications.first().iter().any(|row| row.number.is_some());
        let narrow = page.width().is_some_and(|width| width < NARROW);
        let heading = ["pc", "function", "where", "old", "new"];
        let table = table(threads, heading.get(usize::from(narrow)..).unwrap_or_default());
        let function = if threads { 3 } else { 2 } + usize::from(!narrow);
        let (old, new) = (function + 2, function + 3);
        let mut table = table.shrinks(&[function + 1, function, old, new]).compares(old, new);
        let mut places = PlaceCells::new(narrow);
        self.modifications.each(&mut |rows| {
            rows.iter().for_each(|one| put(&mut table, one, &mut places));
            table.part(page);
            page.is_wanted()
        });
        more::say(page, self.ending.more());
        self.say(page);
    }

    fn stopped(&self) -> Option<CommandError> {
        self.ending.stopped()
    }
}

/// The cells of places: most rows of a list have the one before's.
struct PlaceCells {
    narrow: bool,
    last: Option<(Arc<Place>, Vec<String>)>,
}

impl PlaceCells {
    fn new(narrow: bool) -> Self {
        Self { narrow, last: None }
    }

    /// Of a place, without its address if there is no room for that.
    fn of(&mut self, place: &Arc<Place>) -> &[String] {
        let known = self.last.take().filter(|(last, _)| Arc::ptr_eq(last, place));
        let make = || {
            let pc = (!self.narrow).then(|| hex(place.pc));
            (place.clone(), pc.into_iter().chain(place_cells(place)).collect())
        };
        &self.last.insert(known.unwrap_or_else(make)).1
    }
}

/// Puts a row into the table.
fn put(table: &mut Table, row: &Row, places: &mut PlaceCells) {
    let modification = &row.modification;
    let mark = if modification.current { "*" } else { "" };
    let when = when(modification.tracepoint);
    let thread = row.number.map(|number| number.to_compact_string());
    let place = places.of(&modification.place);
    let old = text(row.old_value.as_ref(), &modification.old);
    let new = text(row.new_value.as_ref(), &modification.new);
    let new = match modification.mapped {
        true if modification.new.iter().all(Option::is_none) => new + " (unmapped)",
        true => new + " (mapped)",
        false => new,
    };
    let head = [mark, &*when].into_iter().chain(thread.as_deref());
    table.row(head.chain(place.iter().map(String::as_str)).chain([&*old, &*new]));
}

fn text<'r>(shown_as: Option<&'r CompactString>, value: &[Option<u8>]) -> Cow<'r, str> {
    shown_as.map_or_else(|| Cow::Owned(shown(value)), |text| Cow::Borrowed(&**text))
}

fn shown(value: &[Option<u8>]) -> String {
    match value.get(..SHOWN) {
        Some(part) if value.len() > SHOWN => value_text(part) + " …",
        _ => value_text(value),
    }
}

fn list(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let window = window(arguments)?;
    let asked = Asked::new(session, arguments)?;
    let subject = &asked.subject;
    if let Some(times) = none_shown(session, arguments)? {
        return total(session.modification_count(subject, asked.within(times))?, "writes");
    }
    let modifications = found(session, &asked, window)?;
    let ending = modifications.ending().clone();
    let unmapped = if modifications.first().is_empty() { asked.unmapped(session)? } else { None };
    let Asked { subject, life, content, .. } = asked;
    Ok(Box::new(Modifications { subject, modifications, ending, unmapped, life, content }))
}

/// The writes that `window` asks for.
fn found(session: &Session, asked: &Asked, window: Window) -> Result<Rows<Row>, CommandError> {
    let (subject, of) = (asked.subject.clone(), asked.of.clone());
    let number = of.as_ref().filter(|_| subject.bits().is_none()).and_then(PlainNumber::of);
    let mut shower = Shower { subject, of, number, shown: 0 };
    let (times, batch) = (asked.times(session), batch(&asked.subject));
    if !is_long(window, batch) {
        let mut found = session.modifications(&asked.subject, times, more::wider(window))?;
        let more = more::cut(&mut found, window, |one| one.tracepoint < session.cursor());
        return Ok(Rows::all(shower.rows(session, found)?, more));
    }
    let span = session.written_span(&asked.subject, times, window)?;
    let twin = session.twin_maker();
    let tracepoint = |row: &Row| row.modification.tracepoint;
    let rows = Rows::found_ahead(batch, span, tracepoint, move || {
        let twin = twin();
        // The last found, one of which may have been one too many.
        let mut latest: Vec<Modification> = Vec::new();
        move |times: Range<u64>, most| {
            let last = latest.iter().rfind(|one| one.tracepoint < times.start);
            let found = twin.modifications_behind(&shower.subject, times, most, last)?;
            latest = found.iter().rev().take(2).rev().cloned().collect();
            Ok(shower.rows(&twin, found)?)
        }
    });
    Ok(rows?.until(&session.interrupt))
}

/// How many rows are made together: of long values fewer, as some batches are held at a time, and
/// of what takes a look at each state.
fn batch(subject: &Subject) -> usize {
    match subject {
        // A row has two values, each byte of which takes two.
        Subject::Memory { bytes, bits: None, .. } => {
            (BATCH_BYTES / bytes.saturating_mul(4).max(1)).clamp(1, BATCH as u64) as usize
        }
        _ => SLOW_BATCH,
    }
}

/// Makes rows of writes, with the values of a type if there is one.
struct Shower {
    subject: Subject,
    of: Option<Type>,
    /// How values of that are shown, if as plain numbers.
    number: Option<PlainNumber>,
    /// Rows made so far.
    shown: usize,
}

impl Shower {
    fn rows(
        &mut self,
        session: &Session,
        found: Vec<Modification>,
    ) -> Result<Vec<Row>, StateError> {
        let scene = session.scene()?;
        let mut rows: Vec<Row> = Vec::with_capacity(found.len());
        for modification in found {
            let Modification { tracepoint: t, thread, .. } = modification;
            let value = |held: &Bytes, t| match &self.of {
                Some(of) if self.shown < MOST_READ => {
                    let text = session.value_held(&scene, (&self.subject, of), held, t)?;
                    Ok(text.map(CompactString::from))
                }
                Some(of) => Ok(match self.number {
                    Some(number) => number.text(held),
                    None => scene.typed_text(&self.subject, of, held).map(CompactString::from),
                }),
                None => Ok::<_, StateError>(None),
            };
            // What one leaves is mostly what the next one finds.
            let last = rows.last().filter(|_| self.shown > MOST_READ);
            let old_value = match last.filter(|last| last.modification.new == modification.old) {
                Some(last) => last.new_value.clone(),
                None => value(&modification.old, t)?,
            };
            let new_value = value(&modification.new, t + 1)?;
            let number = session.thread_number(thread);
            rows.push(Row { modification, old_value, new_value, number });
            self.shown += 1;
        }
        Ok(rows)
    }
}

/// `modification`.
pub static MODIFICATION: Command = Command {
    name: "modification",
    aliases: &["modification list", "mod list", "mod"],
    group: Group::History,
    arguments: &[NUMBER, WHEN, SIZE, EXPRESSION],
    help: "list the tracepoints that wrote to something, with its value before and after",
    details: "Instructions, system calls, changes of mappings and what others wrote all count. \
              A write counts even if it left the value as it was, and of a bit-field one that left \
              all of its bytes so, or changed its own bits. The cursor's own is marked *. \
              Addresses are evaluated at the cursor. Of a local \
              variable, only the writes while its frame is there are listed; &VARIABLE is about its \
              place at all times. Values are shown by their type: strings, \
              records and containers as they stand before and after, of the first 1,000 rows. \
              Of a container only its own bytes count: the last line says how to ask about its \
              content.",
    run: list,
};

/// That nothing wrote before the cursor, or after it.
fn not_written(
    session: &Session,
    asked: &Asked,
    direction: Direction,
) -> Result<CommandError, StateError> {
    let when = if direction == Direction::Backward { "before" } else { "after" };
    let cursor = thousands(session.cursor());
    let life = asked.life.as_ref().map(Life::text);
    let content = asked.content.as_ref().map(|content| content.text("last"));
    let more = asked.unmapped(session)?.or(life).map(|text| text.trim_end_matches('.').to_owned());
    let more = more.into_iter().chain(content).map(|text| format!("; {text}"));
    let more: String = more.collect();
    Ok(CommandError::Other(format!("not written {when} tracepoint {cursor}{more}")))
}

/// `last`.
pub static LAST: Command = Command {
    name: "last",
    aliases: &["last-write"],
    group: Group::History,
    arguments: &[
        Argument {
            name: "WHEN",
            form: Form::Option,
            short: Some("-w"),
            kind: Kind::Text,
            help: "past, as if left out, or future: go to the next write instead",
        },
        SIZE,
        EXPRESSION,
    ],
    help: "go back to the last write to something",
    details: "Stops at the instruction that wrote, before it writes; doing it again goes to the \
              write before. Of a local variable, only writes while its frame is there count.",
    run: |session, arguments| {
        let direction = match arguments.get("WHEN").unwrap_or("past") {
            "past" => Direction::Backward,
            "future" => Direction::Forward,
            other => return Err(arguments.error(format!("{other:?} is not past or future"))),
        };
        let asked = Asked::new(session, arguments)?;
        let times = asked.times(session);
        let Some(target) = session.nearest_write(&asked.subject, times, direction)? else {
            return Err(not_written(session, &asked, direction)?);
        };
        session.jump(target)?;
        Ok(Box::new(Position::of(session)?.with_content(asked.content)))
    },
};
