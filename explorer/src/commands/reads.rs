//! `reads`: who looked at something, and when.

use super::executions::{NUMBER, WHEN, none_shown, rows, window};
use super::modifications::{EXPRESSION, SIZE, nothing, nothing_of, subject};
use super::more;
use super::total::total;
use super::{Arguments, Command, CommandError, CommandResult, Group, Output};
use crate::render::{Page, Style};
use crate::session::{Execution, Session, Subject};
use serde::Serialize;

#[derive(Serialize)]
struct Reads {
    subject: Subject,
    reads: Vec<Execution>,
    /// Whether there are more, in some direction.
    more: bool,
    /// Of what is not mapped at the cursor, when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmapped: Option<String>,
    /// Of their threads, if there are several.
    #[serde(skip)]
    numbers: Vec<Option<usize>>,
}

impl Output for Reads {
    fn render(&self, page: &mut Page) {
        if self.reads.is_empty() {
            return page.line(nothing("Not read there.", self.unmapped.as_deref()));
        }
        rows(&self.reads, &self.numbers).render(page);
        more::say(page, self.more);
        if self.subject.bits().is_some() {
            page.put(Style::Dim, "Loads take whole bytes: those for its neighbours count.").end();
        }
    }
}

fn reads(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let window = window(arguments)?;
    let subject = subject(session, arguments)?;
    let addresses = subject.addresses().ok_or_else(|| {
        CommandError::Other("reads of registers are not told, only of memory".to_owned())
    })?;
    if let Some(times) = none_shown(session, arguments)? {
        return total(session.read_count(&addresses, times)?, "reads");
    }
    let mut reads = session.reads(&addresses, more::wider(window))?;
    let cursor = session.cursor();
    let more = more::cut(&mut reads, window, |read| read.tracepoint < cursor);
    let numbers = reads.iter().map(|read| session.thread_number(read.thread)).collect();
    let unmapped = if reads.is_empty() { nothing_of(session, &subject)? } else { None };
    Ok(Box::new(Reads { subject, reads, more, unmapped, numbers }))
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
              Addresses are evaluated at the cursor.",
    run: reads,
};
