//! `reads`: who looked at something, and when.

use super::asked::{Asked, EXPRESSION, Life, SIZE, nothing, say_below};
use super::executions::{NUMBER, WHEN, none_shown, rows, window};
use super::more;
use super::total::total;
use super::{Arguments, Command, CommandError, CommandResult, Group, Output};
use crate::render::{Page, Style};
use crate::session::{Content, Execution, Session, Subject};
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
    /// Of a local variable, while what it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    life: Option<Life>,
    /// Of a container, where its content is.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    /// Of their threads, if there are several.
    #[serde(skip)]
    numbers: Vec<Option<usize>>,
}

impl Output for Reads {
    fn render(&self, page: &mut Page) {
        let below = |page: &mut Page| {
            say_below(self.life.as_ref(), self.content.as_ref(), "reads", page);
        };
        if self.reads.is_empty() {
            page.line(nothing("Not read there.", self.unmapped.as_deref()));
            return below(page);
        }
        rows(&self.reads, &self.numbers).render(page);
        more::say(page, self.more);
        below(page);
        if self.subject.bits().is_some() {
            page.put(Style::Dim, "Loads take whole bytes: those for its neighbours count.").end();
        }
    }
}

fn reads(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let window = window(arguments)?;
    let asked = Asked::new(session, arguments)?;
    let addresses = asked.subject.addresses().ok_or_else(|| {
        CommandError::Other("reads of registers are not told, only of memory".to_owned())
    })?;
    if let Some(times) = none_shown(session, arguments)? {
        return total(session.read_count(&addresses, asked.within(times))?, "reads");
    }
    let mut reads = session.reads(&addresses, asked.times(session), more::wider(window))?;
    let cursor = session.cursor();
    let more = more::cut(&mut reads, window, |read| read.tracepoint < cursor);
    let numbers = reads.iter().map(|read| session.thread_number(read.thread)).collect();
    let unmapped = if reads.is_empty() { asked.unmapped(session)? } else { None };
    let Asked { subject, life, content, .. } = asked;
    Ok(Box::new(Reads { subject, reads, more, unmapped, life, content, numbers }))
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
