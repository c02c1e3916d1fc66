//! When code was executed, and how often.

use super::tree::Wanted;
use super::{Index, IndexError};
use crate::timeline::{Direction, StateError, Timeline};
use rdb_schema::varint::Reader;
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
    fn executing(
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
        let blocks = blocks_at(timeline, pcs);
        self.leaves(chunks, direction, &Wanted::Blocks(&blocks), &mut |index, executed| {
            if timeline.interrupt().raised() {
                return Err(StateError::Interrupted.into());
            }
            // Where a chunk goes is sure even if what it changes is not.
            let unsound = || self.directory.leaves.get(index).is_some_and(|l| l.unsound.is_some());
            if executed || unsound() { visit(index) } else { Ok(ControlFlow::Continue(())) }
        })
    }

    /// How often the blocks of chunk `index` were executed: ids, ascending, and
    /// counts.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn block_counts(
        &self,
        timeline: &Timeline,
        index: usize,
    ) -> Result<Vec<(u32, u32)>, IndexError> {
        let bytes = self.part(&self.leaf(timeline, index)?.blocks)?;
        let mut from = Reader::new(&bytes);
        let (mut id, mut counts) = (0u32, Vec::new());
        let take = |from: &mut Reader| {
            u32::try_from(from.varint()?).map_err(|_| rdb_schema::varint::Malformed)
        };
        while !from.is_empty() {
            id = id.checked_add(take(&mut from)?).ok_or(IndexError::Damaged)?;
            counts.push((id, take(&mut from)?));
        }
        Ok(counts)
    }
}

/// The blocks that have an instruction at one of `pcs` (ascending).
fn blocks_at(timeline: &Timeline, pcs: &[u64]) -> Vec<u64> {
    let dictionary = timeline.dictionary();
    let has = |id: &u32| {
        let block = dictionary.get(*id);
        block
            .is_some_and(|b| b.instructions().iter().any(|i| pcs.binary_search(&i.address).is_ok()))
    };
    (0..dictionary.len() as u32).filter(has).map(u64::from).collect()
}
