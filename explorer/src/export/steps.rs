//! What happens to the stack pointer in one chunk.

use super::marks::Marks;
use crate::index::{Found, Plans, Span, Stored, sweep_soundly};
use crate::timeline::{StateError, Timeline};
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::event::{Event, EventKind};

/// A moment behind which the call stack may be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state behind it.
    pub state: u64,
    /// The stack pointer there.
    pub stack: u64,
    /// The program counter there.
    pub pc: u64,
    /// What it was.
    pub kind: Kind,
}

/// What changes a call stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call instruction.
    Call,
    /// Any other instruction.
    Other,
    /// An event: a signal's handler is entered, or left.
    Event,
    /// The process executes another program.
    Exec,
}

/// What of a chunk the call stack depends on.
pub struct Steps {
    /// Its thread.
    pub thread: u32,
    /// Its first state.
    pub first: u64,
    /// The program counter there.
    pub pc: u64,
    /// Its last state.
    pub end: u64,
    /// The steps, in order.
    pub list: Vec<Step>,
}

/// The steps of chunk `index`.
///
/// # Errors
/// [`StateError`].
pub fn steps(
    timeline: &Timeline,
    plans: &Plans,
    marks: &Marks,
    index: usize,
) -> Result<Steps, StateError> {
    let chunk = timeline.chunk(index)?;
    let mut collector = Collector {
        dictionary: timeline.dictionary(),
        chunk: &chunk,
        marks,
        execution: 0,
        exec: false,
        list: Vec::new(),
    };
    sweep_soundly(timeline, plans, (index, &chunk), &mut collector)?;
    let list = collector.list;
    let pc = timeline.pc_in(&chunk, chunk.first);
    Ok(Steps { thread: chunk.thread, first: chunk.first, pc, end: chunk.end(), list })
}

struct Collector<'a> {
    dictionary: &'a Dictionary,
    chunk: &'a Chunk,
    marks: &'a Marks,
    /// Index of the execution that the last step was in.
    execution: usize,
    /// Whether the last event executed a program.
    exec: bool,
    list: Vec<Step>,
}

impl Collector<'_> {
    /// Goes on to the execution that holds `time`.
    fn enter(&mut self, time: u32) {
        let next = |at: usize| self.chunk.path.get(at + 1).map(|execution| execution.start);
        let mut at = self.execution;
        while next(at).is_some_and(|start| start <= time) {
            at += 1;
        }
        self.execution = at;
    }

    /// Id of an execution's block.
    fn block(&self, execution: usize) -> Option<u32> {
        let local = self.chunk.path.get(execution)?.block;
        Some(self.chunk.blocks.get(local as usize)?.id)
    }

    /// Whether the instruction of `time` calls, and where the program counter is behind it.
    fn around(&self, time: u32) -> Option<(bool, u64)> {
        let id = self.block(self.execution)?;
        let execution = self.chunk.path.get(self.execution)?;
        let index = time.checked_sub(execution.start)?;
        let calls = self.marks.of(id).calls.checked_shr(index)? & 1 == 1;
        let within = index + 1 < self.chunk.execution_length(self.execution);
        let next = match (within, self.block(self.execution + 1)) {
            (true, _) => self.dictionary.get(id)?.address(index as usize + 1),
            (false, Some(next)) => self.dictionary.get(next)?.start(),
            (false, None) => self.chunk.end_pc,
        };
        Some((calls, next))
    }
}

impl Found for Collector<'_> {
    fn store(&mut self, _: Stored) {}

    fn span(&mut self, _: Span) {}

    fn event(&mut self, event: &Event, _: u64) {
        self.exec |= matches!(event.kind, EventKind::Exec(_));
    }

    fn stack_pointer(&mut self, time: u32, stack: u64, event: bool) {
        self.enter(time);
        let Some((calls, pc)) = self.around(time) else { return };
        let kind = match (event, calls) {
            (true, _) if std::mem::take(&mut self.exec) => Kind::Exec,
            (true, _) => Kind::Event,
            (false, true) => Kind::Call,
            (false, false) => Kind::Other,
        };
        let state = self.chunk.first + u64::from(time) + 1;
        // Of several signals at once, the last one's handler is entered; the others begin when
        // that returns.
        if kind == Kind::Event
            && self.list.last().is_some_and(|last| (last.state, last.kind) == (state, kind))
        {
            self.list.pop();
        }
        self.list.push(Step { state, stack, pc, kind });
    }
}
