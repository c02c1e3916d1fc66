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

/// Most bytes of all lines that are kept.
const MAX_TEXT: usize = 128 << 20;

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
    /// None: they are counted.
    Counted,
    /// The one of this number.
    One(u64),
    /// The last begun before a state, and the first from it on.
    Around {
        /// The state.
        state: u64,
        /// How many on each side; if there are more, at least one of them.
        count: usize,
    },
}

/// Lines of output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputLines {
    /// Those wanted, in order.
    pub lines: Vec<OutputLine>,
    /// How many there are, as far as was looked.
    pub count: usize,
    /// Whether some are left out because all together are too long.
    pub cut: bool,
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
    /// The bytes of those.
    bytes: usize,
    cut: bool,
    /// Whether no more are kept.
    full: bool,
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
    ) -> Result<OutputLines, StateError> {
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
        let (open, done) = (BTreeMap::new(), Vec::new());
        Self { wanted, count: 0, behind: 0, open, done, bytes: 0, cut: false, full: false }
    }

    /// Whether all that is wanted is there, to its end, and it is known whether there is more.
    fn are_enough(&self) -> bool {
        match self.wanted {
            Wanted::Counted => false,
            Wanted::One(number) => self.count as u64 >= number,
            Wanted::Around { .. } if self.full => true,
            Wanted::Around { count, .. } => {
                let more = self.behind.checked_sub(count).filter(|more| *more > 0);
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
            let is_kept = match self.wanted {
                Wanted::Counted => false,
                Wanted::One(number) => line.number as u64 == number,
                Wanted::Around { .. } => !self.full,
            };
            if is_kept {
                line.text = String::from_utf8_lossy(&bytes).into_owned();
                self.bytes += size_of::<OutputLine>() + line.text.len();
                self.done.push(line);
                self.trim();
            }
        }
    }

    /// Lets go of what is further from the state than what is wanted, and of what is too much.
    fn trim(&mut self) {
        let Wanted::Around { state, count } = self.wanted else { return };
        let wanted = count.saturating_add(1);
        let too_long = self.bytes > MAX_TEXT;
        let past = self.done.len().saturating_sub(self.behind);
        if past <= wanted.saturating_mul(2) && !too_long {
            return;
        }
        self.done.sort_by_key(|line| line.number);
        let past = self.done.iter().take_while(|line| line.tracepoint < state).count();
        self.forget(past.saturating_sub(wanted));
        if self.bytes > MAX_TEXT {
            self.cut = true;
            let past = past.min(wanted);
            self.forget(past / 2);
            self.full = past == 0;
        }
    }

    /// Lets the first lines go.
    fn forget(&mut self, lines: usize) {
        let size = |line: OutputLine| size_of::<OutputLine>() + line.text.len();
        let bytes: usize = self.done.drain(..lines).map(size).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn finish(mut self) -> OutputLines {
        let open: Vec<_> = self.open.keys().copied().collect();
        open.into_iter().for_each(|file| self.close(file));
        self.done.sort_by_key(|line| line.number);
        OutputLines { lines: self.done, count: self.count, cut: self.cut }
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
        let mut lines = Lines::new(Wanted::Around { state: 20, count: 1 });
        let mut write = |tracepoint, descriptor, text: &str| {
            lines.add((tracepoint, 1), (descriptor, descriptor), &written(text));
            lines.are_enough()
        };
        assert!(!write(10, 2, "prompt> "), "begun before");
        assert!(!write(20, 1, "first\n"), "whether there is more is not known");
        assert!(!write(30, 1, "second"), "the prompt's line goes on");
        assert!(write(40, 2, "answer\n"), "only the second is not whole");
        let texts: Vec<String> = lines.finish().lines.into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["prompt> answer", "first", "second"]);
        let mut lines = Lines::new(Wanted::One(2));
        lines.add((5, 1), (1, 1), &written("one\n"));
        assert!(!lines.are_enough());
        lines.add((6, 1), (1, 1), &written("two"));
        assert!(lines.are_enough());
    }

    #[test]
    fn what_is_too_much_is_let_go_and_said() {
        let mut lines = Lines::new(Wanted::Around { state: 1 << 20, count: 3 });
        for t in 0..100 {
            lines.add((t, 1), (1, 1), &written(&format!("line {t}\n")));
            assert!(lines.done.len() <= 9);
        }
        let output = lines.finish();
        assert_eq!((output.count, output.cut), (100, false));
        let last: Vec<usize> = output.lines.iter().map(|line| line.number).collect();
        assert!(last.ends_with(&[97, 98, 99, 100]), "{last:?}");
        for state in [0, 1 << 20] {
            let mut lines = Lines::new(Wanted::Around { state, count: 1 << 20 });
            let long = written(&format!("{}\n", "x".repeat(MAX_LINE)));
            for t in 0..40_000 {
                lines.add((t, 1), (1, 1), &long);
                assert!(lines.bytes <= MAX_TEXT + 2 * MAX_LINE);
            }
            let output = lines.finish();
            assert!(output.cut && output.lines.len() > 10_000, "{}", output.lines.len());
            let first = output.lines[0].number;
            assert_eq!(first == 1, state == 0, "what is nearest to the state is kept");
        }
    }
}
