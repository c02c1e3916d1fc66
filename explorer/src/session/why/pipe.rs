//! What a program reads from a pipe that it wrote into itself.

use crate::dataflow::{Place, Span};
use crate::session::Session;
use crate::session::descriptors::made_pair;
use crate::timeline::{Direction, StateError};
use rdb_schema::event::{Event, EventKind, Syscall};
use rdb_schema::syscalls::name;
use std::ops::ControlFlow;

/// Bytes of a pipe, counted from its beginning.
struct Pipe {
    /// The tracepoint that made it.
    made: u64,
    /// The descriptor of its end for writing.
    input: u64,
}

/// Bytes that went through a pipe.
pub(super) struct Passed {
    /// Where they were read to.
    pub to: Span,
    /// Where they were written from.
    pub from: Span,
    /// The tracepoint that wrote them.
    pub written: u64,
}

impl Session {
    /// The bytes of `part`, which the kernel wrote at `w`, that the program had written into a
    /// pipe.
    pub(super) fn through_pipe(&self, w: u64, part: &Span) -> Result<Vec<Passed>, StateError> {
        let Place::Memory(address) = part.place else { return Ok(Vec::new()) };
        let Some(read) = self.read_call(w)? else { return Ok(Vec::new()) };
        let [output, buffer, ..] = read.arguments;
        let Some(inside) = address.checked_sub(buffer) else { return Ok(Vec::new()) };
        let Some(pipe) = self.pipe_of(output, w)? else { return Ok(Vec::new()) };
        if !self.is_own(&pipe, output, w)? {
            return Ok(Vec::new());
        }
        let first = self.passed(pipe.made..w, "read", output)?.saturating_add(inside);
        let end = first.saturating_add(part.length.into());
        let (mut passed, mut found) = (0u64, Vec::new());
        self.each_call(pipe.made..w, &mut |t, call| {
            if closes(call, pipe.input) {
                return ControlFlow::Break(());
            }
            if !is_done(call, "write", pipe.input) {
                return ControlFlow::Continue(());
            }
            let next = passed.saturating_add(call.result.unsigned_abs());
            let (start, stop) = (first.max(passed), end.min(next));
            if start < stop {
                let [_, from, ..] = call.arguments;
                let length = (stop - start) as u32;
                let from = Span::memory(from.wrapping_add(start - passed), length);
                let to = part.part((start - first) as u32, length);
                found.push(Passed { to, from, written: t });
            }
            passed = next;
            if passed < end { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let same = found.iter().all(|passed| self.is_same(w, passed).unwrap_or(false));
        Ok(if same { found } else { Vec::new() })
    }

    /// Whether all bytes of a pipe went through it by `read` and `write` with its own two
    /// descriptors: no other descriptor means it, no child has it, and no other call moved bytes.
    fn is_own(&self, pipe: &Pipe, output: u64, w: u64) -> Result<bool, StateError> {
        let mut own = true;
        self.timeline.events(pipe.made + 1..w, Direction::Forward, &mut |event| {
            own &= match &event.kind {
                EventKind::Syscall(call) => !shares(call, [output, pipe.input]),
                EventKind::Exec(_) => false,
                _ => true,
            };
            if own { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(own)
    }

    /// Whether what was written is what was read at `w`.
    fn is_same(&self, w: u64, passed: &Passed) -> Result<bool, StateError> {
        let (Place::Memory(from), Place::Memory(to)) = (passed.from.place, passed.to.place) else {
            return Ok(false);
        };
        let length = passed.to.length as usize;
        let written = self.timeline.memory(passed.written, from, length)?;
        Ok(written == self.timeline.memory(w + 1, to, length)?)
    }

    /// The `read` of a tracepoint, if it is one.
    fn read_call(&self, w: u64) -> Result<Option<Syscall>, StateError> {
        let mut found = None;
        self.each_call(w..w + 1, &mut |_, call| {
            found = Some(call.clone()).filter(|call| name(call.number) == Some("read"));
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// The pipe that descriptor `output` reads from at `w`, if the program made it and neither
    /// end got its number another way since.
    fn pipe_of(&self, output: u64, w: u64) -> Result<Option<Pipe>, StateError> {
        let mut found = None;
        self.timeline.events(0..w, Direction::Backward, &mut |event| {
            let EventKind::Syscall(call) = &event.kind else { return ControlFlow::Continue(()) };
            if let Some((read, write)) = made_pipe(event, call)
                && read == output
            {
                found = Some(Pipe { made: event.tracepoint, input: write });
                return ControlFlow::Break(());
            }
            // Something else may have been opened with that number since.
            if closes(call, output) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }

    /// How many bytes calls of one name passed through a descriptor.
    fn passed(
        &self,
        times: std::ops::Range<u64>,
        wanted: &str,
        descriptor: u64,
    ) -> Result<u64, StateError> {
        let mut sum = 0u64;
        self.each_call(times, &mut |_, call| {
            if is_done(call, wanted, descriptor) {
                sum = sum.saturating_add(call.result.unsigned_abs());
            }
            ControlFlow::Continue(())
        })?;
        Ok(sum)
    }

    fn each_call(
        &self,
        times: std::ops::Range<u64>,
        visit: &mut dyn FnMut(u64, &Syscall) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        self.timeline.events(times, Direction::Forward, &mut |event| match &event.kind {
            EventKind::Syscall(call) => visit(event.tracepoint, call),
            _ => ControlFlow::Continue(()),
        })
    }
}

/// Whether a call of this name passed bytes through a descriptor.
fn is_done(call: &Syscall, wanted: &str, descriptor: u64) -> bool {
    let [own, ..] = call.arguments;
    name(call.number) == Some(wanted) && own == descriptor && call.result > 0
}

/// Whether a call closes a descriptor, also by making it mean something else.
fn closes(call: &Syscall, descriptor: u64) -> bool {
    let [first, second, ..] = call.arguments;
    match name(call.number) {
        Some("close") => first == descriptor,
        Some("dup2" | "dup3") => second == descriptor && first != second && call.result >= 0,
        Some("close_range") => (first..=second).contains(&descriptor),
        _ => false,
    }
}

/// Whether a call may move bytes through one of some descriptors other than by `read` and
/// `write`, or give them to others.
fn shares(call: &Syscall, descriptors: [u64; 2]) -> bool {
    /// linux/sched.h.
    const CLONE_THREAD: u64 = 0x10000;
    let names = |arguments: &[u64]| arguments.iter().any(|one| descriptors.contains(one));
    let [first, _, third, ..] = call.arguments;
    match name(call.number) {
        Some("fork" | "vfork" | "clone3") => true,
        Some("clone") => first & CLONE_THREAD == 0,
        Some(
            "readv" | "writev" | "preadv2" | "pwritev2" | "vmsplice" | "dup" | "dup2" | "dup3",
        ) => names(&[first]),
        Some("fcntl") => names(&[first]) && !HARMLESS.contains(&call.arguments[1]),
        Some("splice" | "tee" | "sendfile") => names(&[first, call.arguments[1], third]),
        Some("sendmsg" | "sendmmsg" | "io_uring_enter" | "io_submit") => true,
        _ => false,
    }
}

/// fcntl's commands that get and set flags (asm-generic/fcntl.h).
const HARMLESS: [u64; 4] = [1, 2, 3, 4];

/// The descriptors of the pipe that a call made: for reading, and for writing.
fn made_pipe(event: &Event, call: &Syscall) -> Option<(u64, u64)> {
    if !matches!(name(call.number), Some("pipe" | "pipe2")) || call.result != 0 {
        return None;
    }
    made_pair(event, call.arguments[0]).map(|[read, write]| (read, write))
}
