//! Who wrote to registers.

use super::directory::take_summary;
use super::leaf::{STRIDE, Summary};
use super::tree::Wanted;
use super::{Index, IndexError};
use crate::plan::registers::{of_patch, of_slots};
use crate::timeline::{Direction, StateError, Timeline};
use rdb_schema::block::Block;
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::varint::Reader;
use std::ops::{ControlFlow, Range};

/// Where a question goes to.
struct Question<'a> {
    timeline: &'a Timeline,
    /// Registers, one bit each.
    bits: u64,
    times: Range<u64>,
    direction: Direction,
}

impl Index {
    /// Calls `visit` with the tracepoints of `times` that wrote to some of the
    /// registers `bits` (as [`super::register_bits`] gives them), in `direction`,
    /// until it breaks.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn register_writes(
        &self,
        timeline: &Timeline,
        bits: u64,
        times: Range<u64>,
        direction: Direction,
        visit: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        let times = times.start..times.end.min(timeline.end());
        if times.is_empty() {
            return Ok(());
        }
        let chunks = timeline.chunk_at(times.start)?..timeline.chunk_at(times.end - 1)? + 1;
        let question = Question { timeline, bits, times, direction };
        let wanted = |summary: &Summary| summary.writes & bits != 0;
        self.leaves(chunks, direction, &Wanted::Summary(&wanted), &mut |index, found| {
            let leaf = self.leaf(timeline, index)?;
            if !found && leaf.summary.writes & bits == 0 {
                return Ok(ControlFlow::Continue(()));
            }
            self.register_writes_in(&question, index, visit)
        })
    }

    fn register_writes_in(
        &self,
        question: &Question,
        index: usize,
        visit: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, IndexError> {
        let Question { timeline, bits, times, direction } = question;
        let strides = self.strides(timeline, index)?;
        let chunk = timeline.chunk_path(index)?;
        let mut masks = Masks::new(&chunk, timeline.dictionary(), *bits);
        let wanted = (0..).zip(&strides).filter(|(_, stride)| stride.writes & bits != 0);
        let mut wanted: Vec<u64> = wanted.map(|(at, _)| at).collect();
        if *direction == Direction::Backward {
            wanted.reverse();
        }
        for stride in wanted {
            if timeline.interrupt().raised() {
                return Err(StateError::Interrupted.into());
            }
            let start = chunk.first + stride * u64::from(STRIDE);
            let end = (start + u64::from(STRIDE)).min(chunk.end());
            let range = start.max(times.start)..end.min(times.end);
            if range.is_empty() {
                continue;
            }
            let mut found = masks.writes(range.clone());
            timeline.events(range, Direction::Forward, &mut |event| {
                if of_patch(&event.registers) & bits != 0 {
                    found.push(event.tracepoint);
                }
                ControlFlow::Continue(())
            })?;
            found.sort_unstable();
            found.dedup();
            let flow = match direction {
                Direction::Forward => found.into_iter().try_for_each(&mut *visit),
                Direction::Backward => found.into_iter().rev().try_for_each(&mut *visit),
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The summaries of the strides of chunk `index`.
    pub(super) fn strides(
        &self,
        timeline: &Timeline,
        index: usize,
    ) -> Result<Vec<Summary>, IndexError> {
        let bytes = self.part(&self.leaf(timeline, index)?.strides)?;
        let mut from = Reader::new(&bytes);
        let mut strides = Vec::new();
        while !from.is_empty() {
            strides.push(take_summary(&mut from)?);
        }
        Ok(strides)
    }
}

/// Which instructions of a chunk's blocks write to some registers.
struct Masks<'a> {
    chunk: &'a Chunk,
    dictionary: &'a Dictionary,
    bits: u64,
    /// By local block: one bit an instruction, of which a block has at most 64.
    known: Vec<Option<u64>>,
}

impl<'a> Masks<'a> {
    fn new(chunk: &'a Chunk, dictionary: &'a Dictionary, bits: u64) -> Self {
        Self { chunk, dictionary, bits, known: vec![None; chunk.blocks.len()] }
    }

    fn of(&mut self, local: u32) -> u64 {
        let Some(known) = self.known.get_mut(local as usize) else { return 0 };
        let id = self.chunk.blocks.get(local as usize).map(|rows| rows.id);
        let block = id.and_then(|id| self.dictionary.get(id));
        *known.get_or_insert_with(|| block.map_or(0, |block| writing(block, self.bits)))
    }

    /// The tracepoints of `range` at which one of them is executed to its end.
    fn writes(&mut self, range: Range<u64>) -> Vec<u64> {
        let mut found = Vec::new();
        let first = self.chunk.execution_at(range.start).unwrap_or(0);
        for (at, execution) in self.chunk.path.iter().enumerate().skip(first) {
            let start = self.chunk.first + u64::from(execution.start);
            if start >= range.end {
                break;
            }
            let mut mask = self.of(execution.block);
            if mask == 0 {
                continue;
            }
            let faulted = self.chunk.cut(at).is_some_and(|cut| cut.faulted);
            let length = self.chunk.execution_length(at).saturating_sub(faulted.into());
            mask &= 1u64.checked_shl(length).map_or(u64::MAX, |bit| bit - 1);
            while mask != 0 {
                let t = start + u64::from(mask.trailing_zeros());
                if range.contains(&t) {
                    found.push(t);
                }
                mask &= mask - 1;
            }
        }
        found
    }
}

/// The instructions of `block` that write to some of the registers `bits`.
fn writing(block: &Block, bits: u64) -> u64 {
    let all = 0..block.instructions().len().min(64);
    let writes = |index: &usize| of_slots(block.slots(*index)) & bits != 0;
    all.filter(writes).fold(0, |mask, index| mask | 1 << index)
}
