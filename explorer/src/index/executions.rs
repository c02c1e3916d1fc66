//! When code was executed, and how often.

use super::tree::Wanted;
use super::{Index, IndexError};
use crate::timeline::{Direction, StateError, Timeline};
use std::ops::{ControlFlow, Range};

impl Index {
    /// The nearest state after (before) `from` whose pc is one of `pcs`
    /// (ascending). State N counts by its pc too.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn find_pc(
        &self,
        timeline: &Timeline,
        from: u64,
        direction: Direction,
        pcs: &[u64],
    ) -> Result<Option<u64>, IndexError> {
        let end = timeline.end();
        let range = match direction {
            Direction::Forward => from.saturating_add(1)..end,
            Direction::Backward => 0..from.min(end),
        };
        let mut found = None;
        self.executing(timeline, range.clone(), direction, pcs, &mut |index| {
            found = timeline.find_pc_in(index, range.clone(), direction, pcs)?;
            Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if found.is_none() && direction == Direction::Forward && from < end {
            found = pcs.binary_search(&timeline.pc(end)?).is_ok().then_some(end);
        }
        Ok(found)
    }

    /// Calls `visit` with the chunks of `times` that may execute code at some of
    /// `pcs` (ascending), in `direction`, until it breaks.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn executing(
        &self,
        timeline: &Timeline,
        times: Range<u64>,
        direction: Direction,
        pcs: &[u64],
        visit: &mut dyn FnMut(usize) -> Result<ControlFlow<()>, IndexError>,
    ) -> Result<(), IndexError> {
        if times.is_empty() || pcs.is_empty() {
            return Ok(());
        }
        let chunks = timeline.chunk_at(times.start)?..timeline.chunk_at(times.end - 1)? + 1;
        let blocks: Vec<u64> = timeline.blocks_at(pcs).into_iter().map(u64::from).collect();
        self.leaves(chunks, direction, &Wanted::Blocks(&blocks), &mut |index, executed| {
            if timeline.interrupt().raised() {
                return Err(StateError::Interrupted.into());
            }
            // Where a chunk goes is sure even if what it changes is not.
            let unsound = || self.directory.leaves.get(index).is_some_and(|l| l.unsound.is_some());
            if executed || unsound() { visit(index) } else { Ok(ControlFlow::Continue(())) }
        })
    }

    /// Calls `visit` with the tracepoints of `times` whose pc is one of `pcs`
    /// (ascending), in `direction`, until it breaks.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn executions(
        &self,
        timeline: &Timeline,
        times: Range<u64>,
        direction: Direction,
        pcs: &[u64],
        visit: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        let times = times.start..times.end.min(timeline.end());
        self.executing(timeline, times.clone(), direction, pcs, &mut |index| {
            let found = timeline.find_all_in(index, times.clone(), pcs)?;
            Ok(match direction {
                Direction::Forward => found.into_iter().try_for_each(&mut *visit),
                Direction::Backward => found.into_iter().rev().try_for_each(&mut *visit),
            })
        })
    }
}
