//! What the program wrote to its files, line by line.

use super::Session;
use super::descriptors::Descriptors;
use super::written::{Written, written};
use crate::timeline::{Direction, StateError};
use rdb_schema::event::EventKind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Most bytes kept of one line.
const MAX_LINE: usize = 4096;

/// A line of output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutputLine {
    /// Its number among all lines, from 1, in the order of their first bytes.
    pub number: usize,
    /// The file descriptor.
    pub descriptor: u64,
    /// The system call that wrote its first byte.
    pub tracepoint: u64,
    /// The thread that made it.
    pub thread: u32,
    /// Its text, without the end of the line.
    pub text: String,
}

/// Which lines are wanted: what the program writes behind them is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    All,
    /// Those up to the one of this number.
    UpTo(u64),
    /// Those begun before a state, and at most so many from it on.
    Around {
        /// The state.
        state: u64,
        /// How many; if there are more, one more may be begun.
        behind: usize,
    },
}

/// A line in the making.
struct Open {
    line: OutputLine,
    bytes: Vec<u8>,
}

/// Lines as they come, those of each open file on their own.
struct Lines {
    wanted: Wanted,
    count: usize,
    /// Of those from the wanted state on: how many.
    behind: usize,
    /// By open file; what is at an offset, also by the tracepoint.
    open: BTreeMap<(u64, Option<u64>), Open>,
    done: Vec<OutputLine>,
}

impl Session {
    /// Lines that the program wrote: to `descriptor`, if one is given.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn output(
        &self,
        descriptor: Option<u64>,
        wanted: Wanted,
    ) -> Result<Vec<OutputLine>, StateError> {
        let timeline = &self.timeline;
        let (mut lines, mut failed) = (Lines::new(wanted), None);
        let mut descriptors = Descriptors::default();
        timeline.events(0..timeline.end(), Direction::Forward, &mut |event| {
            if self.interrupt.raised() {
                failed = Some(StateError::Interrupted);
                return ControlFlow::Break(());
            }
            if let EventKind::Syscall(syscall) = &event.kind
                // Descriptors are ints.
                && let number = syscall.arguments[0] & u64::from(u32::MAX)
                && descriptor.is_none_or(|wanted| wanted == number)
                && let Some(written) = written(timeline, event, syscall)
            {
                let file = descriptors.file(number);
                lines.add((event.tracepoint, event.thread), (number, file), &written);
            }
            descriptors.see(event);
            if lines.are_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(lines.finish()),
        }
    }
}

impl Lines {
    fn new(wanted: Wanted) -> Self {
        Self { wanted, count: 0, behind: 0, open: BTreeMap::new(), done: Vec::new() }
    }

    /// Whether all that is wanted is there, to its end, and it is known whether there is more.
    fn are_enough(&self) -> bool {
        match self.wanted {
            Wanted::All => false,
            Wanted::UpTo(number) => self.count as u64 >= number,
            Wanted::Around { behind, .. } => {
                let more = self.behind.checked_sub(behind).filter(|more| *more > 0);
                let last = more.and_then(|more| self.count.checked_sub(more));
                last.is_some_and(|last| self.open.values().all(|open| open.line.number > last))
            }
        }
    }

    fn add(
        &mut self,
        (tracepoint, thread): (u64, u32),
        (descriptor, file): (u64, u64),
        written: &Written,
    ) {
        // What goes to an offset does not go on where the file's last line stopped.
        let file = (file, written.offset.then_some(tracepoint));
        let counts = matches!(self.wanted, Wanted::Around { state, .. } if tracepoint >= state);
        for piece in written.bytes.split_inclusive(|byte| *byte == b'\n') {
            let (count, behind) = (&mut self.count, &mut self.behind);
            let open = self.open.entry(file).or_insert_with(|| {
                *count += 1;
                *behind += usize::from(counts);
                let text = String::new();
                let line = OutputLine { number: *count, descriptor, tracepoint, thread, text };
                Open { line, bytes: Vec::new() }
            });
            let text = piece.strip_suffix(b"\n");
            let room = MAX_LINE.saturating_sub(open.bytes.len());
            let kept = text.unwrap_or(piece);
            open.bytes.extend_from_slice(kept.get(..room).unwrap_or(kept));
            if text.is_some() {
                self.close(file);
            }
        }
        if written.offset {
            self.close(file);
        }
    }

    fn close(&mut self, file: (u64, Option<u64>)) {
        if let Some(Open { mut line, bytes }) = self.open.remove(&file) {
            line.text = String::from_utf8_lossy(&bytes).into_owned();
            self.done.push(line);
        }
    }

    fn finish(mut self) -> Vec<OutputLine> {
        let open: Vec<_> = self.open.keys().copied().collect();
        open.into_iter().for_each(|file| self.close(file));
        self.done.sort_by_key(|line| line.number);
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Written {
        Written { bytes: text.into(), offset: false }
    }

    #[test]
    fn lines_are_enough_once_those_that_are_wanted_are_whole() {
        let mut lines = Lines::new(Wanted::Around { state: 20, behind: 1 });
        let mut write = |tracepoint, descriptor, text: &str| {
            lines.add((tracepoint, 1), (descriptor, descriptor), &written(text));
            lines.are_enough()
        };
        assert!(!write(10, 2, "prompt> "), "begun before");
        assert!(!write(20, 1, "first\n"), "whether there is more is not known");
        assert!(!write(30, 1, "second"), "the prompt's line goes on");
        assert!(write(40, 2, "answer\n"), "only the second is not whole");
        let texts: Vec<String> = lines.finish().into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["prompt> answer", "first", "second"]);
        let mut lines = Lines::new(Wanted::UpTo(2));
        lines.add((5, 1), (1, 1), &written("one\n"));
        assert!(!lines.are_enough());
        lines.add((6, 1), (1, 1), &written("two"));
        assert!(lines.are_enough());
    }
}
