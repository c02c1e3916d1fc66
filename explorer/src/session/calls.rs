//! Passing over calls, and leaving functions.

use super::Session;
use super::crossed::Ahead;
use super::stop::Stop;
use crate::index::Above;
use crate::timeline::{Direction, StateError};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Mnemonic};
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// Where an instruction leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Into a function.
    Call,
    /// Out of one.
    Return,
    /// To where a register or memory says: at times out of a function as well.
    Jump,
    /// Anywhere else.
    Other,
}

/// Where instructions lead, by address; each is decoded once.
#[derive(Default)]
pub struct Flows {
    known: HashMap<u64, Flow>,
}

impl Flows {
    /// Where the instruction of `state`, at `pc`, leads.
    pub fn of(&mut self, session: &Session, state: u64, pc: u64) -> Flow {
        let timeline = &session.timeline;
        let look = || match timeline.instruction(state) {
            Ok(Some(instruction)) => flow(&instruction.bytes),
            _ => Flow::Other,
        };
        *self.known.entry(pc).or_insert_with(look)
    }
}

/// Where the instruction in `bytes` leads.
pub fn flow(bytes: &[u8]) -> Flow {
    let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
    match instruction.flow_control() {
        // The kernel's, as of syscall, are passed over at once.
        FlowControl::Call | FlowControl::IndirectCall
            if instruction.mnemonic() == Mnemonic::Call =>
        {
            Flow::Call
        }
        FlowControl::Return => Flow::Return,
        FlowControl::IndirectBranch => Flow::Jump,
        _ => Flow::Other,
    }
}

/// A function that is left for one further out.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// The state whose instruction leaves it.
    at: u64,
    /// A state inside, near that.
    pub(super) inside: u64,
    /// Where the stack pointer is outside.
    limit: u64,
}

impl Left {
    /// What the instruction of state `at` leaves, where the stack pointer is `limit` outside.
    pub(super) fn since(at: u64, limit: u64) -> Self {
        Self { at, inside: at, limit }
    }
}

/// Most instructions between those with which longjmp sets the stack pointer and
/// the program counter.
const NEAR: u64 = 64;

/// States beside one that are looked at before an index is asked.
const BESIDE: u64 = 4096;

/// Where a walk goes on from, or where it stops instead.
pub type Passed = Result<u64, Option<(u64, Stop)>>;

impl Session {
    /// Passes over the call at `state`: the state from which a walk meets what
    /// follows it next.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn over_call(&self, state: u64, ahead: &mut Ahead) -> Result<Passed, StateError> {
        let limit = self.timeline.stack_pointer(state)?;
        let thread = self.timeline.thread(state)?;
        // The state behind the call is inside.
        let landed = match self.timeline.successor(state) {
            Some(inside) => self.find_outside(thread, inside, Direction::Forward, limit)?,
            None => None,
        };
        let instruction = self.timeline.instruction(state)?;
        let behind = instruction.map(|i| i.pc.wrapping_add(i.bytes.len() as u64));
        let landed = match landed {
            Some(landed) => self.settle(landed, behind)?,
            None => self.timeline.end(),
        };
        match ahead.next(self, state, Direction::Forward)? {
            Some(hit) if hit < landed => Ok(Err(Some((hit, breakpoint())))),
            _ => Ok(Ok((landed - 1).max(state + 1))),
        }
    }

    /// Passes back over the function that is left at `state`, to the call of it.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn back_over(&self, left: Left, ahead: &mut Ahead) -> Result<Passed, StateError> {
        let thread = self.timeline.thread(left.at)?;
        let landed = self.call_of(thread, left)?;
        match (ahead.next(self, left.at, Direction::Backward)?, landed) {
            (Some(hit), landed) if landed.is_none_or(|landed| hit > landed) => {
                Ok(Err(Some((hit, breakpoint()))))
            }
            (_, Some(landed)) => Ok(Ok(landed + 1)),
            (_, None) => Ok(Err(None)),
        }
    }

    /// The state of the call of a function that is left.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn call_of(&self, thread: u32, left: Left) -> Result<Option<u64>, StateError> {
        self.find_outside(thread, left.inside, Direction::Backward, left.limit)
    }

    /// Whether the instruction of `state`, which leads as `flow` says, leaves a
    /// function for one further out.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn leaves(&self, state: u64, flow: Flow) -> Result<Option<Left>, StateError> {
        let limit = || self.timeline.stack_pointer_after(state);
        match flow {
            Flow::Return => Ok(Some(Left { at: state, inside: state, limit: limit()? })),
            Flow::Jump => self.jumps_out(state, limit()?),
            _ => Ok(None),
        }
    }

    /// As longjmp does: first the stack pointer goes to where it was further out,
    /// then the program counter.
    fn jumps_out(&self, at: u64, limit: u64) -> Result<Option<Left>, StateError> {
        let pc = self.timeline.pc(at)?;
        let function = self.locator.bounds(&self.timeline, at, pc);
        let Some(function) = function.filter(|f| f.start < f.end) else { return Ok(None) };
        let within = |pc: u64| (function.start..function.end).contains(&pc);
        if within(self.timeline.pc_after(at)?) {
            return Ok(None);
        }
        let thread = self.timeline.thread(at)?;
        let mut inside = at;
        for _ in 0..=NEAR {
            if !within(self.timeline.pc(inside)?) {
                break;
            }
            if self.timeline.stack_pointer(inside)? < limit {
                return Ok(Some(Left { at, inside, limit }));
            }
            let Some(before) = self.timeline.predecessor(thread, inside) else { break };
            inside = before;
        }
        Ok(None)
    }

    /// Where a function that was left has led to, if the stack pointer came out of
    /// it at `landed`: there, at the expected address; or, as longjmp sets the stack
    /// pointer before it jumps, at the first state outside of the function there.
    pub(super) fn settle(&self, landed: u64, expected: Option<u64>) -> Result<u64, StateError> {
        let pc = self.timeline.pc(landed)?;
        let function = self.locator.bounds(&self.timeline, landed, pc);
        let Some(function) = function.filter(|f| f.start < f.end && expected != Some(pc)) else {
            return Ok(landed);
        };
        let thread = self.timeline.thread(landed)?;
        let outside = self.walk_until(Some(thread), landed, Direction::Forward, |_, pc| {
            (!(function.start..function.end).contains(&pc)).then_some(())
        })?;
        Ok(outside.map_or(self.timeline.end(), |(state, ())| state))
    }

    /// The nearest state of a thread after (before) `from` at which its stack pointer is at
    /// `limit` or above.
    pub(super) fn find_above(
        &self,
        thread: u32,
        from: u64,
        direction: Direction,
        limit: u64,
    ) -> Result<Option<u64>, StateError> {
        self.find_on_stack(thread, from, direction, limit..=u64::MAX)
    }

    /// The same where its stack pointer is in `values`.
    pub(super) fn find_on_stack(
        &self,
        thread: u32,
        from: u64,
        direction: Direction,
        values: RangeInclusive<u64>,
    ) -> Result<Option<u64>, StateError> {
        let states = match direction {
            Direction::Forward => from.saturating_add(1)..self.timeline.end() + 1,
            Direction::Backward => 0..from,
        };
        let above = Above { values, thread };
        let here = self.timeline.chunk_at(from)?;
        // An index knows better what is further than the next states.
        let indexed = self.timeline.chunk_count() > 1 && self.timeline.ready_index().is_some();
        let near = match direction {
            _ if !indexed => states.clone(),
            Direction::Forward => states.start..states.end.min(from.saturating_add(BESIDE)),
            Direction::Backward => from.saturating_sub(BESIDE)..from,
        };
        let found = above.find_in(&self.timeline, here, near, direction)?;
        if found.is_some() || self.timeline.chunk_count() == 1 {
            return Ok(found);
        }
        self.ask_index(|index| index.find_above(&self.timeline, states.clone(), direction, &above))
    }
}

/// The session finds which.
pub(super) fn breakpoint() -> Stop {
    Stop::Breakpoint { breakpoints: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_lead_into_functions() {
        assert_eq!(flow(&[0xe8, 0, 0, 0, 0]), Flow::Call);
        assert_eq!(flow(&[0xff, 0xd0]), Flow::Call);
        assert_eq!(flow(&[0x0f, 0x05]), Flow::Other, "syscall");
        assert_eq!(flow(&[0xcd, 0x80]), Flow::Other, "int 0x80");
        assert_eq!(flow(&[0xc3]), Flow::Return);
        assert_eq!(flow(&[0xff, 0xe0]), Flow::Jump);
    }
}
