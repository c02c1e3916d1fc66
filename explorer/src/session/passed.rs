//! What calls were given and gave: each chunk that holds some is replayed once, several at a
//! time.

use super::Session;
use crate::progress::Progress;
use crate::timeline::{Direction, StateError, Timeline};
use crate::trace::Replay;
use rayon::prelude::*;
use rdb_schema::chunk::Chunk;
use rdb_schema::event::Event;
use rdb_schema::registers::{Gpr, Registers};
use rdb_schema::replay::Sink;
use rdb_schema::varint::Malformed;
use std::ops::Range;

/// Chunks that are replayed at a time, for each thread that does.
const BATCH: usize = 4;

/// Calls open at a time whose ends are waited for in a chunk; those further in have ended
/// before, but for recursion that never comes back.
const MAX_OPEN: usize = 1 << 12;

/// States of a thread's next chunk in which the ends of calls are waited for.
const NEAR: u64 = 1 << 14;

/// What the registers of the first integer arguments hold (System V ABI for x86-64, 3.2.3).
pub(super) fn arguments(registers: &Registers) -> [u64; 6] {
    [Gpr::RDI, Gpr::RSI, Gpr::RDX, Gpr::RCX, Gpr::R8, Gpr::R9]
        .map(|register| registers.gpr[register.index()])
}

fn rax(registers: &Registers) -> u64 {
    registers.gpr[Gpr::RAX.index()]
}

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Return {
    /// The state behind it.
    pub state: u64,
    /// Where its thread goes on there.
    pub pc: u64,
    /// What rax holds there.
    pub value: u64,
}

/// A call, as registers show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// The tracepoint of its first instruction.
    pub tracepoint: u64,
    /// Where that is.
    pub pc: u64,
    /// What the registers of integer arguments held.
    pub arguments: [u64; 6],
    /// Where the stack pointer is when it has returned.
    pub outside: u64,
    /// Where it returns to, if the instruction before pushed that.
    pub back: Option<u64>,
    /// How it ended, if that was in the chunk it began in, or soon after.
    pub end: Option<Return>,
}

impl Session {
    /// How a call ended, if it did.
    ///
    /// # Errors
    /// When history cannot be read there, or somebody asked to stop.
    pub(super) fn end_of(&self, call: &Passed) -> Result<Option<Return>, StateError> {
        if call.end.is_some() {
            return Ok(call.end);
        }
        let thread = self.timeline.thread(call.tracepoint)?;
        let found = self.find_above(thread, call.tracepoint, Direction::Forward, call.outside)?;
        found.map(|state| self.return_at(state)).transpose()
    }

    fn return_at(&self, state: u64) -> Result<Return, StateError> {
        let registers = self.timeline.registers(state)?;
        Ok(Return { state, pc: registers.rip, value: rax(&registers) })
    }

    /// How a call ended that seems to have by `end`, unless that is on another stack.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn end_on_own_stack(
        &self,
        call: &Passed,
        end: Return,
    ) -> Result<Option<Return>, StateError> {
        let t = call.tracepoint;
        let inside = (self.timeline.thread(t)?, t);
        let found = (end.state, call.outside);
        let state = self.on_own_stack(inside, Direction::Forward, found)?;
        state.map(|state| self.return_at(state)).transpose()
    }

    /// Where a call returns to, if memory where its frame begins is known.
    pub(super) fn back_of(&self, call: &Passed) -> Option<u64> {
        call.back.or_else(|| {
            let mut word = [0; 8];
            let at = call.outside.checked_sub(8)?;
            let known = self.timeline.read(call.tracepoint, at, &mut word);
            known.then(|| u64::from_le_bytes(word))
        })
    }

    /// Calls `visit` with the calls that begin at `entries`, which ascend, in order.
    ///
    /// # Errors
    /// When history cannot be read there, or somebody asked to stop.
    pub(super) fn calls_at(
        &self,
        entries: &[u64],
        visit: &mut dyn FnMut(Passed) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let timeline = &self.timeline;
        let chunk_of = |t: &u64| timeline.chunk_at(*t).unwrap_or(0);
        let chunks: Vec<&[u64]> = entries.chunk_by(|a, b| chunk_of(a) == chunk_of(b)).collect();
        let progress = Progress::new("reading calls", chunks.len() as u64);
        chunks.chunks(BATCH * rayon::current_num_threads()).try_for_each(|batch| {
            let one = |entries: &&[u64]| {
                timeline.interrupt().check()?;
                let found = calls_of(timeline, entries);
                progress.step();
                found
            };
            let found: Vec<Vec<Passed>> = batch.par_iter().map(one).collect::<Result<_, _>>()?;
            found.into_iter().flatten().try_for_each(&mut *visit)
        })
    }
}

/// The calls that begin at `entries`, which lie in one chunk.
fn calls_of(timeline: &Timeline, entries: &[u64]) -> Result<Vec<Passed>, StateError> {
    let Some(first) = entries.first() else { return Ok(Vec::new()) };
    let index = timeline.chunk_at(*first)?;
    let chunk = sound(timeline, index)?;
    let mut walk = Walk { timeline, calls: Vec::new(), open: Vec::new() };
    walk.over(&chunk, entries, chunk.first..chunk.end()).map_err(|e| damaged(&chunk, e))?;
    let follower = timeline.schedule().follower(index);
    if let Some(next) = follower.filter(|_| !walk.open.is_empty()) {
        let chunk = sound(timeline, next)?;
        let near = chunk.first..chunk.first.saturating_add(NEAR).min(chunk.end());
        walk.over(&chunk, &[], near).map_err(|error| damaged(&chunk, error))?;
    }
    Ok(walk.calls)
}

/// Chunk `index`, if what it does can be trusted.
fn sound(timeline: &Timeline, index: usize) -> Result<Chunk, StateError> {
    timeline.ask_index(|asked| asked.check(timeline, index))?;
    timeline.chunk(index)
}

fn damaged(chunk: &Chunk, error: Malformed) -> StateError {
    StateError::Damaged(chunk.first, chunk.end(), error.to_string())
}

/// A walk over chunks of a thread, from call to call.
struct Walk<'a> {
    timeline: &'a Timeline,
    calls: Vec<Passed>,
    /// Those that have not ended, by their places in `calls`, the innermost last.
    open: Vec<usize>,
}

impl Walk<'_> {
    /// Over the states of `states`, which begin where the chunk does; at the end of history,
    /// over the last as well. What lies before the next entry, and where the innermost call
    /// cannot end, is passed by whole blocks.
    fn over(
        &mut self,
        chunk: &Chunk,
        entries: &[u64],
        states: Range<u64>,
    ) -> Result<(), Malformed> {
        let end = states.end + u64::from(states.end == self.timeline.end());
        let dictionary = self.timeline.dictionary();
        let mut replay = Replay::new(chunk, dictionary, Some(self.timeline.plans()));
        let mut pushed = Pushed::default();
        let mut entries = entries.iter().copied().peekable();
        let mut next = states.start;
        loop {
            let entry = entries.peek().copied();
            let ahead = entry.unwrap_or(end).min(end);
            let begin = execution_of(chunk, ahead);
            match self.innermost() {
                None if entry.is_none() => return Ok(()),
                None => {
                    replay.advance(begin, &mut pushed)?;
                    next = ahead;
                }
                Some(outside) => {
                    replay.advance_below(begin, outside, &mut pushed)?;
                    next = next.max(replay.cursor.tracepoint);
                }
            }
            if next >= end {
                return Ok(());
            }
            replay.cursor.advance(chunk, dictionary, next, &mut pushed)?;
            self.close(next, &replay.cursor.registers);
            if entries.next_if_eq(&next).is_some() {
                self.enter(next, &replay.cursor.registers, &pushed);
            }
            next += 1;
        }
    }

    /// Where the stack pointer is when the innermost open call has returned.
    fn innermost(&self) -> Option<u64> {
        self.open.last().and_then(|at| self.calls.get(*at)).map(|call| call.outside)
    }

    /// Ends the calls whose frames the stack pointer has left.
    fn close(&mut self, state: u64, registers: &Registers) {
        let value = rax(registers);
        while let Some(call) = self.open.last().and_then(|at| self.calls.get_mut(*at))
            && registers.rsp() >= call.outside
        {
            call.end = Some(Return { state, pc: registers.rip, value });
            self.open.pop();
        }
    }

    fn enter(&mut self, tracepoint: u64, registers: &Registers, pushed: &Pushed) {
        if self.open.len() < MAX_OPEN {
            self.open.push(self.calls.len());
        }
        self.calls.push(Passed {
            tracepoint,
            pc: registers.rip,
            arguments: arguments(registers),
            outside: registers.rsp().saturating_add(8),
            back: pushed.0.filter(|(at, _)| *at == registers.rsp()).map(|(_, word)| word),
            end: None,
        });
    }
}

/// Where the execution of a block begins that state `t` is in.
fn execution_of(chunk: &Chunk, t: u64) -> u64 {
    let execution = chunk.execution_at(t).and_then(|at| chunk.path.get(at));
    execution.map_or(t, |execution| chunk.first + u64::from(execution.start))
}

/// The last word stored: where, and what.
#[derive(Default)]
struct Pushed(Option<(u64, u64)>);

impl Sink for Pushed {
    fn store(&mut self, _: u64, address: u64, bytes: &[u8]) {
        self.0 = bytes.try_into().ok().map(|word| (address, u64::from_le_bytes(word)));
    }

    fn event(&mut self, _: &Event) {}
}
