//! `reads`: who looked at something, and when.

use super::asked::{Asked, EXPRESSION, Life, SIZE, nothing, say_below};
use super::executions::{NUMBER, Row, WHEN, is_long, none_shown, render, window};
use super::more;
use super::rows::{BATCH, ListEnd, Rows};
use super::total::total;
use super::{Arguments, Command, CommandError, CommandResult, Group, Output};
use crate::render::{Page, Style};
use crate::session::{Content, Session, Subject, Window};
use serde::Serialize;
use std::ops::Range;

#[derive(Serialize)]
struct Reads {
    subject: Subject,
    reads: Rows<Row>,
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

impl Output for Reads {
    fn render(&self, page: &mut Page) {
        let below = |page: &mut Page| {
            say_below(self.life.as_ref(), self.content.as_ref(), "reads", page);
        };
        if self.reads.first().is_empty() {
            page.line(nothing("Not read there.", self.unmapped.as_deref()));
            return below(page);
        }
        render(&self.reads, page);
        more::say(page, self.ending.more());
        below(page);
        if self.subject.bits().is_some() {
            page.put(Style::Dim, "Loads take whole bytes: those for its neighbours count.").end();
        }
    }

    fn stopped(&self) -> Option<CommandError> {
        self.ending.stopped()
    }
}

/// The reads that `window` asks for.
fn found(
    session: &Session,
    asked: &Asked,
    addresses: Range<u64>,
    window: Window,
) -> Result<Rows<Row>, CommandError> {
    let times = asked.times(session);
    if !is_long(window, BATCH) {
        let mut reads = session.reads(&addresses, times, more::wider(window))?;
        let more = more::cut(&mut reads, window, |read| read.tracepoint < session.cursor());
        return Ok(Rows::all(Row::all(session, reads), more));
    }
    let span = session.read_span(&addresses, times, window)?;
    let twin = session.twin();
    let rows = Rows::found(span, Row::tracepoint, move |times, most| {
        Ok(Row::all(&twin, twin.reads_in(&addresses, times, most)?))
    });
    Ok(rows?.until(&session.interrupt))
}

fn reads(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let window = window(arguments)?;
    let asked = Asked::of_reads(session, arguments)?;
    let addresses = asked.subject.addresses().ok_or_else(|| {
        CommandError::Other("reads of registers are not told, only of memory".to_owned())
    })?;
    if let Some(times) = none_shown(session, arguments)? {
        return total(session.read_count(&addresses, asked.within(times))?, "reads");
    }
    let reads = found(session, &asked, addresses, window)?;
    let ending = reads.ending().clone();
    let unmapped = if reads.first().is_empty() { asked.unmapped(session)? } else { None };
    let Asked { subject, life, content, .. } = asked;
    Ok(Box::new(Reads { subject, reads, ending, unmapped, life, content }))
}

/// `reads`.
pub static READS: Command = Command {
    name: "reads",
    aliases: &[],
    group: Group::History,
    arguments: &[NUMBER, WHEN, SIZE, EXPRESSION],
    help: "list the tracepoints that read memory",
    details: "The addresses of reads follow from registers; no index has them, so a long history \
              takes seconds. What the kernel reads is not listed. The cursor's own is marked *. \
              Addresses are evaluated at the cursor; of a local variable, only reads while its \
              frame is there are listed.",
    run: reads,
};
