//! `output`: what the program wrote, and when.

use super::more;
use super::position::Position;
use super::total::total;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, thousands};
use crate::session::{OutputLine, OutputLines, Session, Wanted, Window};
use serde::Serialize;

/// Lines shown in each direction when nobody says how many.
const COUNT: u64 = 1000;

#[derive(Serialize)]
struct Lines {
    lines: Vec<OutputLine>,
    /// Whether there are more, in some direction.
    more: bool,
    #[serde(skip)]
    cursor: u64,
    /// Of their threads, if there are several.
    #[serde(skip)]
    numbers: Vec<Option<usize>>,
}

impl Output for Lines {
    fn render(&self, page: &mut Page) {
        if self.lines.is_empty() {
            return page.line("No output.");
        }
        let mut reached = false;
        for (line, number) in self.lines.iter().zip(&self.numbers) {
            // The cursor stands before the first line that is not written yet.
            let here = !reached && line.tracepoint >= self.cursor;
            reached |= here;
            page.put(Style::Current, if here { "=> " } else { "   " });
            page.put(Style::Dim, format!("{:>4} ", line.number));
            page.put(Style::Tracepoint, format!("#{}", thousands(line.tracepoint)));
            if let Some(number) = number {
                page.plain(format!(" thread {number}"));
            }
            page.put(Style::Dim, format!(" {}| ", line.descriptor));
            page.put(Style::Plain, &line.text).end();
        }
        more::say_held(page, self.more, self.lines.len());
    }
}

fn output(session: &mut Session, arguments: &Arguments) -> CommandResult {
    let descriptor = arguments.count("FD");
    let Some(number) = arguments.count("LINE") else { return list(session, arguments) };
    let lines = session.output(descriptor, Wanted::One(number))?.lines;
    let line = lines.first();
    let line = line.ok_or_else(|| CommandError::Other(format!("no line {number} of output")))?;
    session.jump(line.tracepoint)?;
    Position::result(session)
}

/// The lines nearest to the cursor.
fn list(session: &Session, arguments: &Arguments) -> CommandResult {
    let (count, cursor) = (arguments.held_rows(COUNT), session.cursor());
    let around = Wanted::Around { state: cursor, count };
    let wanted = if count == 0 { Wanted::Counted } else { around };
    let OutputLines { mut lines, count: all, cut } =
        session.output(arguments.count("FD"), wanted)?;
    if count == 0 {
        return total(all as u64, "lines");
    }
    let window = Window { past: count, future: count };
    let more = more::cut(&mut lines, window, |line| line.tracepoint < cursor);
    let more = more || cut;
    let numbers = lines.iter().map(|line| session.thread_number(line.thread)).collect();
    Ok(Box::new(Lines { lines, more, cursor, numbers }))
}

/// `output`.
pub static OUTPUT: Command = Command {
    name: "output",
    aliases: &[],
    group: Group::History,
    arguments: &[
        Argument::at_most("at most N lines before the cursor and as many behind; 1000 if left out"),
        Argument {
            name: "FD",
            form: Form::Option,
            short: None,
            kind: Kind::Count,
            help: "only what went to this file descriptor; lines are then numbered among these",
        },
        Argument {
            name: "LINE",
            form: Form::Optional,
            short: None,
            kind: Kind::Count,
            help: "go to the moment that line of this number was begun to be written",
        },
    ],
    help: "list what the program wrote to its files, line by line, or go to a line's moment",
    details: "Each line has its number, the tracepoint of the system call that wrote its first \
              byte, and the file descriptor. The arrow is at the first that is not yet written \
              at the cursor.",
    run: output,
};
