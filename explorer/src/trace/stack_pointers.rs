//! Stack pointers of a chunk's states, a stride at a time: steps over calls ask for many that lie
//! near each other.

use super::view::{ChunkView, STRIDE, Unsound};
use crate::timeline::Direction;
use rdb_schema::chunk::Dictionary;
use std::collections::HashMap;
use std::ops::{ControlFlow, Range, RangeInclusive};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Strides kept.
const KEPT: usize = 8;

/// What is known of a chunk's stack pointers.
#[derive(Default)]
pub(super) struct Latest(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Those of the strides that were asked for last, the latest first: of each its first state,
    /// and those of the states from there on that can be trusted.
    values: Vec<(u64, Arc<[u64]>)>,
    /// Of all strides that were ever asked for, by their first states: how many states can be
    /// trusted, and their lowest and highest.
    extremes: HashMap<u64, (u64, RangeInclusive<u64>)>,
}

impl Latest {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChunkView {
    /// The stack pointer at state `t` of the chunk.
    ///
    /// # Errors
    /// The state cannot be trusted.
    pub fn stack_pointer(&self, dictionary: &Dictionary, t: u64) -> Result<u64, Unsound> {
        self.check(t)?;
        let (start, values) = self.stride_of(dictionary, t)?;
        let value = t.checked_sub(start).and_then(|at| values.get(at as usize));
        value.copied().map_or_else(|| Ok(self.registers(dictionary, t)?.rsp()), Ok)
    }

    /// The first state of `states` (Backward: the last) whose stack pointer is in `wanted`.
    /// Those of the chunk are its first to its end.
    ///
    /// # Errors
    /// The way leads through states that cannot be trusted.
    pub fn find_stack_pointer(
        &self,
        dictionary: &Dictionary,
        states: Range<u64>,
        direction: Direction,
        wanted: &RangeInclusive<u64>,
    ) -> Result<Option<u64>, Unsound> {
        let mut left = states.start.max(self.chunk().first)..states.end.min(self.chunk().end() + 1);
        while !left.is_empty() {
            let at = if direction == Direction::Forward { left.start } else { left.end - 1 };
            self.check(at)?;
            if let Some(passed) = self.without(wanted, at) {
                match direction {
                    Direction::Forward => left.start = passed.end.max(at + 1),
                    Direction::Backward => left.end = passed.start.min(at),
                }
                continue;
            }
            let (start, values) = self.stride_of(dictionary, at)?;
            let known = start.max(left.start)..(start + values.len() as u64).min(left.end);
            let part = values.get((known.start - start) as usize..(known.end - start) as usize);
            let part = part.unwrap_or_default();
            let is_wanted = |value: &u64| wanted.contains(value);
            let found = match direction {
                Direction::Forward => part.iter().position(is_wanted),
                Direction::Backward => part.iter().rposition(is_wanted),
            };
            if let Some(found) = found {
                return Ok(Some(known.start + found as u64));
            }
            match direction {
                Direction::Forward => left.start = known.end.max(at + 1),
                Direction::Backward => left.end = known.start.min(at),
            }
        }
        Ok(None)
    }

    /// The stride that state `t` is in, if that is known to have no stack pointer in `wanted`.
    fn without(&self, wanted: &RangeInclusive<u64>, t: u64) -> Option<Range<u64>> {
        let start = self.start_of(t);
        let known = self.stack_pointers.lock();
        let (count, extremes) = known.extremes.get(&start)?;
        let states = start..start + count;
        let apart = wanted.end() < extremes.start() || extremes.end() < wanted.start();
        (apart && states.contains(&t)).then_some(states)
    }

    /// The first state of the stride that state `t` is in.
    fn start_of(&self, t: u64) -> u64 {
        let first = self.chunk().first;
        first + t.saturating_sub(first) / STRIDE * STRIDE
    }

    /// The stride that state `t` is in.
    fn stride_of(&self, dictionary: &Dictionary, t: u64) -> Result<(u64, Arc<[u64]>), Unsound> {
        let start = self.start_of(t);
        let mut known = self.stack_pointers.lock();
        if let Some(at) = known.values.iter().position(|(first, _)| *first == start) {
            known.values[..=at].rotate_right(1);
            return Ok((start, known.values[0].1.clone()));
        }
        let trusted = self.unsound().map_or(u64::MAX, |unsound| unsound.first);
        let mut values = Vec::with_capacity(STRIDE as usize);
        self.visit(dictionary, start..(start + STRIDE).min(trusted), &mut |_, registers| {
            values.push(registers.rsp());
            ControlFlow::Continue(())
        })?;
        let values: Arc<[u64]> = values.into();
        if let (Some(low), Some(high)) = (values.iter().min(), values.iter().max()) {
            known.extremes.insert(start, (values.len() as u64, *low..=*high));
        }
        known.values.truncate(KEPT - 1);
        known.values.insert(0, (start, values.clone()));
        Ok((start, values))
    }
}
