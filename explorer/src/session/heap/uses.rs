//! What was done to blocks after they were freed.

use super::genuine::MAX_TRIED;
use super::{Block, Heap};
use crate::index::{Plans, Write, find_read};
use crate::session::Session;
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

/// Tracepoints swept over for reads.
const MAX_SWEPT: u64 = 8 << 20;

/// An access to a block after it was freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its tracepoint.
    pub tracepoint: u64,
    /// Whether it wrote.
    pub write: bool,
}

/// What is known of accesses after a free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The first, if there is one.
    pub first: Option<Use>,
    /// The state up to which reads were looked for.
    pub until: u64,
    /// Whether that is all the time until the memory was given out again.
    pub all: bool,
}

impl Session {
    /// The first access to `block` after it was freed and before its memory was given out
    /// again, other than the allocator's own; none if it was not freed.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn uses_after_free(&self, heap: &Heap, block: &Block) -> Result<Option<Uses>, StateError> {
        let Some(freed) = block.freed else { return Ok(None) };
        let reused = heap.blocks.iter().filter(|other| other.allocated >= freed);
        let mut reused = reused.filter(|other| {
            let (own, others) = (block.addresses(), other.addresses());
            own.start < others.end && others.start < own.end
        });
        let end = reused.next().map_or(self.timeline.end(), |other| other.allocated);
        let (write, written) = self.foreign_write(heap, block, freed..end)?;
        // A read is of interest only before the first write.
        let until = write.unwrap_or(end);
        let swept = until.min(freed.saturating_add(MAX_SWEPT));
        let (read, swept) = self.foreign_read(heap, block, freed..swept)?;
        let read = read.map(|tracepoint| Use { tracepoint, write: false });
        let write = write.map(|tracepoint| Use { tracepoint, write: true });
        let all = swept == until && written == end;
        Ok(Some(Uses { first: read.or(write), until: swept, all }))
    }

    /// The first genuine write in `times`; and until when that was looked for, the end of
    /// `times` if there is one.
    fn foreign_write(
        &self,
        heap: &Heap,
        block: &Block,
        times: Range<u64>,
    ) -> Result<(Option<u64>, u64), StateError> {
        let mut from = times.start;
        for _ in 0..MAX_TRIED {
            let write = self.next_foreign_write(heap, block, from..times.end)?;
            let Some(tracepoint) = write else { return Ok((None, times.end)) };
            if self.is_genuine(&Use { tracepoint, write: true }, block.addresses())? {
                return Ok((Some(tracepoint), times.end));
            }
            from = tracepoint + 1;
        }
        Ok((None, from))
    }

    /// The first write in `times` that no call of the allocator makes.
    fn next_foreign_write(
        &self,
        heap: &Heap,
        block: &Block,
        times: Range<u64>,
    ) -> Result<Option<u64>, StateError> {
        let mut found = None;
        self.ask_index(|index| {
            let visit = &mut |write: Write| {
                if write.mapped || heap.is_inside(write.tracepoint) {
                    return ControlFlow::Continue(());
                }
                found = Some(write.tracepoint);
                ControlFlow::Break(())
            };
            let addresses = block.addresses();
            index.writes(&self.timeline, addresses, times.clone(), Direction::Forward, visit)
        })?;
        Ok(found)
    }

    /// The first genuine read in `times`; and until when that was looked for.
    fn foreign_read(
        &self,
        heap: &Heap,
        block: &Block,
        times: Range<u64>,
    ) -> Result<(Option<u64>, u64), StateError> {
        let plans = Plans::with_reads(self.timeline.dictionary());
        let mut from = times.start;
        for _ in 0..MAX_TRIED {
            let (span, direction) = (from..times.end, Direction::Forward);
            let read = find_read(&self.timeline, &plans, &block.addresses(), span, direction)?;
            let Some(t) = read else { return Ok((None, times.end)) };
            let used = Use { tracepoint: t, write: false };
            if !heap.is_inside(t) && self.is_genuine(&used, block.addresses())? {
                return Ok((Some(t), times.end));
            }
            from = t + 1;
        }
        Ok((None, from))
    }
}
