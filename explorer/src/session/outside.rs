//! Out of a frame on its own stack: coroutines and handlers of signals run on others, whose
//! addresses may be higher.

use super::calls::{Flow, flow};
use super::{Frames, Session};
use crate::timeline::{Direction, StateError};

/// Frames that are walked for the end of a stack, and for the owner of a place in it.
pub(super) const MAX_FRAMES: usize = 256;

impl Session {
    /// The nearest state of a thread after (before) `inside`, a state in a frame or in what it
    /// called, at which the frame has been left: the stack pointer is at `limit` or above, on
    /// the stack that the frame is on.
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
        Ok(!calls && same())
    }

    /// `found`, the nearest state at which the stack pointer of a thread is at `limit` or above,
    /// if it is on the stack of the frame that state `inside` is in; else the nearest that is.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn on_own_stack(
        &self,
        (thread, inside): (u32, u64),
        direction: Direction,
        (found, limit): (u64, u64),
    ) -> Result<Option<u64>, StateError> {
        let there = self.timeline.stack_pointer(found)?;
        // Returns and calls are right there: no other stack has the address.
        if there == limit {
            return Ok(Some(found));
        }
        let frames = Frames::walk(self, thread, inside, MAX_FRAMES)?;
        let top = self.top(&frames, limit)?;
        if there <= top {
            return Ok(Some(found));
        }
        self.find_on_stack(thread, found, direction, limit..=top)
    }

    /// The highest stack pointer on the stack of the frame that ends at `base`: where its
    /// outermost frame ends. Beyond are the stacks of other coroutines, or of a signal's handler.
    pub(super) fn top(&self, frames: &Frames, base: u64) -> Result<u64, StateError> {
        let space = self.timeline.shared_space(frames.state())?;
        let Some(mapping) = space.find(base.saturating_sub(1)) else { return Ok(u64::MAX) };
        let all = &frames.walked().frames;
        if all.len() >= MAX_FRAMES {
            return Ok(mapping.end);
        }
        let known = all.iter().filter_map(|frame| frame.cfa);
        let outer = known.skip_while(|cfa| *cfa < base);
        let mut top = base;
        for cfa in outer.take_while(|cfa| *cfa <= mapping.end) {
            if cfa < top {
                break;
            }
            top = cfa;
        }
        Ok(top)
    }
}
