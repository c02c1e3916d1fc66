//! Out of a frame on its own stack: coroutines and handlers of signals run on others, whose
//! addresses may be higher.

use super::calls::{Flow, flow};
use super::{Frames, Session};
use crate::symbols::unwind::Method;
use crate::timeline::{Direction, StateError};
use rdb_schema::event::{Disposition, EventKind};
use std::ops::{ControlFlow, RangeInclusive};

/// Frames that are walked for the end of a stack, and for the owner of a place in it.
pub(super) const MAX_FRAMES: usize = 256;

impl Session {
    /// The nearest state of a thread after (before) `inside`, a state in a frame or in what it
    /// called, at which the frame has been left: the stack pointer is at `limit` or above, on
    /// the stack that the frame is on, or on that of what a signal interrupted.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn find_outside(
        &self,
        thread: u32,
        inside: u64,
        direction: Direction,
        limit: u64,
    ) -> Result<Option<u64>, StateError> {
        let mut from = inside;
        while let Some(found) = self.find_above(thread, from, direction, limit)? {
            let found = self.on_own_stack((thread, inside), direction, (found, limit))?;
            match found {
                Some(state)
                    if direction == Direction::Backward && self.resumes(inside, state)? =>
                {
                    from = state;
                }
                found => return Ok(found),
            }
        }
        Ok(None)
    }

    /// Whether a state before `inside`, at which the stack pointer is where the frame of that
    /// ends, is of the frame's own function, which is about to resume the stack, as swapcontext(3)
    /// does, and not of the call.
    fn resumes(&self, inside: u64, state: u64) -> Result<bool, StateError> {
        let timeline = &self.timeline;
        let pc = timeline.pc(state)?;
        let calls = timeline.instruction(state)?.is_some_and(|i| flow(&i.bytes) == Flow::Call);
        let function = || self.locator.bounds(timeline, inside, timeline.pc(inside).ok()?);
        let same = || function().is_some_and(|f| (f.start..f.end).contains(&pc));
        Ok(!calls && same() && !self.is_handled_behind(state)?)
    }

    /// Whether the handler of a signal begins behind a tracepoint: what follows is no longer the
    /// same activation, whatever function it is of.
    fn is_handled_behind(&self, tracepoint: u64) -> Result<bool, StateError> {
        let mut found = false;
        let times = tracepoint..tracepoint.saturating_add(1);
        self.timeline.events(times, Direction::Forward, &mut |event| {
            found |= matches!(&event.kind, EventKind::Signal(signal)
                if signal.disposition == Disposition::Handled);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// `found`, the nearest state at which the stack pointer of a thread is at `limit` or above,
    /// if it is on the stack of the frame that state `inside` is in, or one of those that the
    /// frame's handler interrupted; else the nearest that is.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn on_own_stack(
        &self,
        (thread, inside): (u32, u64),
        direction: Direction,
        (found, limit): (u64, u64),
    ) -> Result<Option<u64>, StateError> {
        // Returns and calls are right there: no other stack has the address.
        if self.timeline.stack_pointer(found)? == limit {
            return Ok(Some(found));
        }
        let frames = Frames::walk(self, thread, inside, MAX_FRAMES)?;
        self.find_on_stacks((thread, found), direction, &self.stacks(&frames, limit)?)
    }

    /// The nearest of `found` and the states of its thread after (before) it at which the stack
    /// pointer is on one of `stacks`.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn find_on_stacks(
        &self,
        (thread, found): (u32, u64),
        direction: Direction,
        stacks: &[RangeInclusive<u64>],
    ) -> Result<Option<u64>, StateError> {
        let there = self.timeline.stack_pointer(found)?;
        if stacks.iter().any(|stack| stack.contains(&there)) {
            return Ok(Some(found));
        }
        let mut nearest = None;
        for stack in stacks {
            let found = self.find_on_stack(thread, found, direction, stack.clone())?;
            nearest = match direction {
                Direction::Forward => nearest.into_iter().chain(found).min(),
                Direction::Backward => nearest.max(found),
            };
        }
        Ok(nearest)
    }

    /// Where the stack pointer may be outside of the frame that ends at `base`: on its stack, up
    /// to where the outermost frame there ends; and on the stack of what a signal interrupted, if
    /// its handler runs on another (sigaltstack(2)). Beyond are the stacks of other coroutines.
    pub(super) fn stacks(
        &self,
        frames: &Frames,
        base: u64,
    ) -> Result<Vec<RangeInclusive<u64>>, StateError> {
        let space = self.timeline.shared_space(frames.state())?;
        let mapped = |top: u64| space.find(top.saturating_sub(1)).map(|mapping| mapping.end);
        let Some(mut end) = mapped(base) else { return Ok(vec![base..=u64::MAX]) };
        let all = &frames.walked().frames;
        if all.len() >= MAX_FRAMES {
            return Ok(vec![base..=end]);
        }
        let own = all.iter().position(|frame| frame.cfa.is_some_and(|cfa| cfa >= base));
        let (mut stacks, mut stack) = (Vec::new(), base..=base);
        for (frame, caller) in frames.walked().with_callers(own.unwrap_or(all.len())) {
            let interrupted = caller.filter(|caller| caller.method == Some(Method::SignalFrame));
            let top = match interrupted {
                Some(interrupted) => interrupted.registers.rsp(),
                None => frame.cfa,
            };
            let Some(top) = top else { break };
            if (*stack.end()..=end).contains(&top) {
                stack = *stack.start()..=top;
                continue;
            }
            let Some(other) = mapped(top).filter(|_| interrupted.is_some()) else { break };
            stacks.push(std::mem::replace(&mut stack, top..=top));
            end = other;
        }
        stacks.push(stack);
        Ok(stacks)
    }
}
