//! Steps by instructions, into calls and over them.

use super::calls::{Flow, Flows};
use super::crossed::Ahead;
use super::stop::Stop;
use super::{Calls, Session};
use crate::timeline::{Direction, StateError};

impl Session {
    /// Moves `count` instructions; stops early at breakpoints and signals.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub fn step_instructions(
        &mut self,
        count: u64,
        direction: Direction,
        calls: Calls,
    ) -> Result<(), StateError> {
        match calls {
            Calls::Into => self.step_into(count, direction),
            Calls::Over => self.step_over(count, direction),
        }
    }

    fn step_into(&mut self, count: u64, direction: Direction) -> Result<(), StateError> {
        let (mut target, mut stop) = self.stepped(count, direction)?;
        // One step arrives where it arrives; only longer ways can meet something.
        if self.cursor.abs_diff(target) > 1 {
            (target, stop) = self.breakpoint_before(target, stop, direction)?;
        }
        self.finish(target, stop, direction)
    }

    /// The first breakpoint on the way to `limit`, else `limit` itself.
    fn breakpoint_before(
        &self,
        limit: u64,
        arrived: Stop,
        direction: Direction,
    ) -> Result<(u64, Stop), StateError> {
        let addresses = self.breakpoints.addresses();
        if addresses.is_empty() {
            return Ok((limit, arrived));
        }
        let hit = |state, pc| addresses.binary_search(&pc).is_ok() && self.is_hit(state, pc);
        let found = self.walk_until(None, self.cursor, direction, |state, pc| {
            match (hit(state, pc), state == limit) {
                (true, _) => Some(Stop::Breakpoint { breakpoints: Vec::new() }),
                (_, true) => Some(arrived.clone()),
                _ => None,
            }
        })?;
        Ok(found.unwrap_or((limit, arrived)))
    }

    fn step_over(&mut self, count: u64, direction: Direction) -> Result<(), StateError> {
        let (mut flows, mut before) = (Flows::default(), self.cursor);
        for _ in 0..count {
            if self.interrupt.raised() {
                self.stop = Stop::Interrupted;
                break;
            }
            let found = match direction {
                Direction::Forward => self.instruction_after(&mut flows)?,
                Direction::Backward => self.instruction_before(&mut flows)?,
            };
            let (target, stop) = match found {
                Some(found) => found,
                None => self.thread_edge(direction)?,
            };
            self.finish(target, stop, direction)?;
            let moved = std::mem::replace(&mut before, self.cursor) != self.cursor;
            if self.stop != Stop::Step || self.cursor == self.edge(direction) || !moved {
                break;
            }
        }
        Ok(())
    }

    /// The state behind the instruction at the cursor; of a call, where it has returned.
    fn instruction_after(&self, flows: &mut Flows) -> Result<Option<(u64, Stop)>, StateError> {
        let from = self.position()?;
        let from = match flows.of(self, from, self.pc()?) {
            Flow::Call => match self.over_call(from, &mut Ahead::default())? {
                Ok(next) => next,
                Err(stop) => return Ok(stop),
            },
            _ => from,
        };
        self.neighbour(from, Direction::Forward)
    }

    /// The state before the cursor; behind a call, that of the call.
    fn instruction_before(&self, flows: &mut Flows) -> Result<Option<(u64, Stop)>, StateError> {
        let Some(before) = self.neighbour(self.cursor, Direction::Backward)? else {
            return Ok(None);
        };
        let (state, _) = before;
        let flow = flows.of(self, state, self.timeline.pc(state)?);
        let Some(left) = self.leaves(state, flow)? else { return Ok(Some(before)) };
        match self.back_over(left, &mut Ahead::default())? {
            Ok(next) => self.neighbour(next, Direction::Backward),
            Err(stop) => Ok(stop),
        }
    }

    /// The next state of the cursor's thread in a direction.
    fn neighbour(&self, from: u64, way: Direction) -> Result<Option<(u64, Stop)>, StateError> {
        self.walk_until(self.own_thread()?, from, way, |_, _| Some(Stop::Step))
    }
}
