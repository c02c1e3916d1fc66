//! What the program wrote to its files, line by line.

use super::Session;
use crate::timeline::{Direction, StateError, Timeline};
use rdb_schema::event::{Event, EventKind, Syscall};
use rdb_schema::syscalls::name;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Most bytes kept of one line, and taken of one call.
const MAX_LINE: usize = 4096;
const MAX_CALL: usize = 1 << 20;

/// Most parts of one writev (IOV_MAX, limits.h).
const MAX_PARTS: u64 = 1024;

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

/// Lines as they come, those of each descriptor on their own.
struct Lines {
    wanted: Wanted,
    count: usize,
    /// Of those from the wanted state on: how many.
    behind: usize,
    open: BTreeMap<u64, Open>,
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
        timeline.events(0..timeline.end(), Direction::Forward, &mut |event| {
            if self.interrupt.raised() {
                failed = Some(StateError::Interrupted);
                return ControlFlow::Break(());
            }
            let EventKind::Syscall(syscall) = &event.kind else { return ControlFlow::Continue(()) };
            if descriptor.is_none_or(|wanted| wanted == syscall.arguments[0])
                && let Some(bytes) = written(timeline, event, syscall)
            {
                lines.add((event.tracepoint, event.thread), syscall.arguments[0], &bytes);
            }
            if lines.are_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(lines.finish()),
        }
    }
}

/// What a call wrote, if it writes; unknown bytes as `?`.
fn written(timeline: &Timeline, event: &Event, syscall: &Syscall) -> Option<Vec<u8>> {
    let mut left = usize::try_from(syscall.result).ok().filter(|_| syscall.finished)?.min(MAX_CALL);
    let [_, address, count, ..] = syscall.arguments;
    let at = event.tracepoint;
    let mut bytes = Vec::new();
    let mut take = |address: u64, length: usize| {
        let part = timeline.memory(at, address, length.min(left)).unwrap_or_default();
        left -= part.len();
        bytes.extend(part.into_iter().map(|byte| byte.unwrap_or(b'?')));
    };
    match name(syscall.number)? {
        "write" | "pwrite64" | "sendto" => take(address, MAX_CALL),
        "writev" | "pwritev" | "pwritev2" => {
            // struct iovec: address, length (readv(2)).
            for index in 0..count.min(MAX_PARTS) {
                let mut part = [0; 16];
                let from = address.checked_add(index * 16)?;
                if !timeline.read(at, from, &mut part) {
                    break;
                }
                let word = |at: usize| Some(u64::from_le_bytes(*part.get(at..)?.first_chunk()?));
                take(word(0)?, usize::try_from(word(8)?).unwrap_or(MAX_CALL));
            }
        }
        _ => return None,
    }
    Some(bytes)
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

    fn add(&mut self, (tracepoint, thread): (u64, u32), descriptor: u64, bytes: &[u8]) {
        let counts = matches!(self.wanted, Wanted::Around { state, .. } if tracepoint >= state);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (count, behind) = (&mut self.count, &mut self.behind);
            let open = self.open.entry(descriptor).or_insert_with(|| {
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
                self.close(descriptor);
            }
        }
    }

    fn close(&mut self, descriptor: u64) {
        if let Some(Open { mut line, bytes }) = self.open.remove(&descriptor) {
            line.text = String::from_utf8_lossy(&bytes).into_owned();
            self.done.push(line);
        }
    }

    fn finish(mut self) -> Vec<OutputLine> {
        let open: Vec<u64> = self.open.keys().copied().collect();
        open.into_iter().for_each(|descriptor| self.close(descriptor));
        self.done.sort_by_key(|line| line.number);
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_enough_once_those_that_are_wanted_are_whole() {
        let mut lines = Lines::new(Wanted::Around { state: 20, behind: 1 });
        let mut write = |tracepoint, descriptor, text: &str| {
            lines.add((tracepoint, 1), descriptor, text.as_bytes());
            lines.are_enough()
        };
        assert!(!write(10, 2, "prompt> "), "begun before");
        assert!(!write(20, 1, "first\n"), "whether there is more is not known");
        assert!(!write(30, 1, "second"), "the prompt's line goes on");
        assert!(write(40, 2, "answer\n"), "only the second is not whole");
        let texts: Vec<String> = lines.finish().into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["prompt> answer", "first", "second"]);
        let mut lines = Lines::new(Wanted::UpTo(2));
        lines.add((5, 1), 1, b"one\n");
        assert!(!lines.are_enough());
        lines.add((6, 1), 1, b"two");
        assert!(lines.are_enough());
    }
}
