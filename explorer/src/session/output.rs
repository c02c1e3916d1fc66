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

/// A line in the making.
struct Open {
    line: OutputLine,
    bytes: Vec<u8>,
}

/// Lines as they come, those of each descriptor on their own.
#[derive(Default)]
struct Lines {
    count: usize,
    open: BTreeMap<u64, Open>,
    done: Vec<OutputLine>,
}

impl Session {
    /// All lines that the program wrote: to `descriptor`, if one is given.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn output(&self, descriptor: Option<u64>) -> Result<Vec<OutputLine>, StateError> {
        let timeline = &self.timeline;
        let (mut lines, mut failed) = (Lines::default(), None);
        timeline.events(0..timeline.end(), Direction::Forward, &mut |event| {
            if self.interrupt.raised() {
                failed = Some(StateError::Interrupted);
                return ControlFlow::Break(());
            }
            let EventKind::Syscall(syscall) = &event.kind else { return ControlFlow::Continue(()) };
            if descriptor.is_none_or(|wanted| wanted == syscall.arguments[0])
                && let Some(bytes) = written(timeline, event, syscall)
            {
                lines.add(event, syscall.arguments[0], &bytes);
            }
            ControlFlow::Continue(())
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
    fn add(&mut self, event: &Event, descriptor: u64, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let count = &mut self.count;
            let open = self.open.entry(descriptor).or_insert_with(|| {
                *count += 1;
                let (tracepoint, thread) = (event.tracepoint, event.thread);
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
