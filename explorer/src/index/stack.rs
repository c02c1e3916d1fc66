//! Where the stack pointer goes: an activation of a function ends when it rises
//! above where it stood at its entry, however the activation ends.

use super::leaf::{STRIDE, Summary};
use super::tree::Wanted;
use super::{Index, IndexError};
use crate::timeline::{Direction, StateError, Timeline};
use std::ops::{ControlFlow, Range, RangeInclusive};

/// A stack pointer that is waited for.
#[derive(Clone, Debug)]
pub struct Above {
    /// The values that will do: below, what it is waited for runs; beyond, another stack is in use.
    pub values: RangeInclusive<u64>,
    /// The thread whose stack it is.
    pub thread: u32,
}

impl Above {
    fn may_be_in(&self, summary: &Summary) -> bool {
        summary.high >= *self.values.start() && summary.low <= *self.values.end()
    }

    /// The nearest of `states` in chunk `index` at which it is.
    ///
    /// # Errors
    /// The history's.
    pub fn find_in(
        &self,
        timeline: &Timeline,
        index: usize,
        states: Range<u64>,
        direction: Direction,
    ) -> Result<Option<u64>, StateError> {
        let view = timeline.chunk_view(index)?;
        let chunk = view.chunk();
        if chunk.thread != self.thread {
            return Ok(None);
        }
        // Behind its end the thread waits, until its next chunk begins.
        let next = if chunk.end() == timeline.end() { chunk.end() + 1 } else { chunk.end() };
        let states = states.start..states.end.min(next);
        let dictionary = timeline.dictionary();
        Ok(view.find_stack_pointer(dictionary, states, direction, &self.values)?)
    }
}

impl Index {
    /// The nearest of `states` at which the stack pointer is `above`.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn find_above(
        &self,
        timeline: &Timeline,
        states: Range<u64>,
        direction: Direction,
        above: &Above,
    ) -> Result<Option<u64>, IndexError> {
        let states = states.start..states.end.min(timeline.end() + 1);
        if states.is_empty() {
            return Ok(None);
        }
        let chunks = timeline.chunk_at(states.start)?..timeline.chunk_at(states.end - 1)? + 1;
        let may = |summary: &Summary| above.may_be_in(summary);
        let mut found = None;
        self.leaves(chunks, direction, &Wanted::Summary(&may), &mut |index, _| {
            if timeline.interrupt().raised() {
                return Err(StateError::Interrupted.into());
            }
            found = self.find_above_in(timeline, index, &states, direction, above)?;
            Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }

    fn find_above_in(
        &self,
        timeline: &Timeline,
        index: usize,
        states: &Range<u64>,
        direction: Direction,
        above: &Above,
    ) -> Result<Option<u64>, IndexError> {
        if !timeline.schedule().is_of(index, above.thread) {
            return Ok(None);
        }
        let place = timeline.chunk_places().get(index).ok_or(IndexError::Damaged)?;
        let mut strides: Vec<_> = (0..).zip(self.strides(timeline, index)?).collect();
        if direction == Direction::Backward {
            strides.reverse();
        }
        for (at, _) in strides.iter().filter(|(_, stride)| above.may_be_in(stride)) {
            let start = place.first + at * u64::from(STRIDE);
            // The state behind the last instruction counts as well.
            let end = (start + u64::from(STRIDE)).min(place.end()) + 1;
            let part = start.max(states.start)..end.min(states.end);
            if part.is_empty() {
                continue;
            }
            let found = above.find_in(timeline, index, part, direction)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}
