//! Walking and searching program counters: by path and blocks, without replay.

use super::events::in_order;
use super::placed::Wanted;
use super::{Direction, StateError, Timeline};
use rdb_schema::block::Block;
use rdb_schema::chunk::{Chunk, Dictionary};
use std::ops::{ControlFlow, Range};

/// Whether to go on with the next chunk.
type Step = Result<ControlFlow<()>, StateError>;

impl Timeline {
    /// The nearest state after (before) `from`, of one thread or of all, whose pc is one of
    /// `pcs` (ascending). State N counts by its pc too. `interrupted` is polled at each chunk.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn find_pc(
        &self,
        thread: Option<u32>,
        from: u64,
        direction: Direction,
        pcs: &[u64],
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<u64>, StateError> {
        let (mut found, wanted) = (None, self.wanted(pcs));
        self.spans(thread, from, direction, &mut |chunk, range| {
            if interrupted() {
                return Err(StateError::Interrupted);
            }
            found = find_in(chunk, self.dictionary(), range, direction, &wanted);
            Ok(stop_if(found.is_some()))
        })?;
        let there = thread.is_none_or(|id| self.runs(self.end(), id));
        if found.is_none() && there && direction == Direction::Forward && from < self.end() {
            let pc = self.pc(self.end())?;
            found = pcs.binary_search(&pc).is_ok().then_some(self.end());
        }
        Ok(found)
    }

    /// The nearest tracepoint of chunk `index`, of those in `range`, whose pc is one
    /// of `pcs` (ascending).
    ///
    /// # Errors
    /// [`StateError`].
    pub fn find_pc_in(
        &self,
        index: usize,
        range: Range<u64>,
        direction: Direction,
        pcs: &[u64],
    ) -> Result<Option<u64>, StateError> {
        let chunk = self.chunk_path(index)?;
        let range = range.start.max(chunk.first)..range.end.min(chunk.end());
        if range.is_empty() {
            return Ok(None);
        }
        Ok(find_in(&chunk, self.dictionary(), range, direction, &self.wanted(pcs)))
    }

    /// All tracepoints of chunk `index`, of those in `range`, whose pc is one of
    /// `pcs` (ascending), in order.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn find_all_in(
        &self,
        index: usize,
        range: Range<u64>,
        pcs: &[u64],
    ) -> Result<Vec<u64>, StateError> {
        let chunk = self.chunk_path(index)?;
        let range = range.start.max(chunk.first)..range.end.min(chunk.end());
        let mut found = Vec::new();
        if range.is_empty() {
            return Ok(found);
        }
        let masks = self.wanted(pcs).masks(&chunk, self.dictionary());
        for at in executions(&chunk, &range) {
            let Some((local, part, first)) = clip(&chunk, at, &range) else { continue };
            let mask = masks.get(local).copied().unwrap_or(0);
            let mut mask = mask & below(part.end) & !below(part.start);
            while mask != 0 {
                found.push(first + u64::from(mask.trailing_zeros()));
                mask &= mask - 1;
            }
        }
        Ok(found)
    }

    /// All tracepoints of chunk `index`, of those in `range`, at which another part of some code
    /// is entered than was in use before, in order: `part_of` gives the part that a pc is in, and
    /// whether it is where the part begins, which counts as entering it; `None` for other code.
    /// What was in use before `range` is not known: its first pc of that code counts.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn find_entered(
        &self,
        index: usize,
        range: Range<u64>,
        part_of: &dyn Fn(u64) -> Option<(usize, bool)>,
    ) -> Result<Vec<u64>, StateError> {
        let chunk = self.chunk_path(index)?;
        let range = range.start.max(chunk.first)..range.end.min(chunk.end());
        let (mut found, mut last) = (Vec::new(), None);
        if range.is_empty() {
            return Ok(found);
        }
        let parts = |block: &Block| -> Vec<_> {
            let parts = block.instructions().iter().map(|i| part_of(i.address)).collect::<Vec<_>>();
            if parts.iter().all(Option::is_none) { Vec::new() } else { parts }
        };
        let block = |id: u32| self.dictionary().get(id).map_or_else(Vec::new, parts);
        let blocks: Vec<_> = chunk.blocks.iter().map(|b| block(b.id)).collect();
        for at in executions(&chunk, &range) {
            let Some((local, instructions, first)) = clip(&chunk, at, &range) else { continue };
            let Some(parts) = blocks.get(local).filter(|parts| !parts.is_empty()) else { continue };
            for instruction in instructions {
                let part = parts.get(instruction as usize).copied().flatten();
                let Some((part, begins)) = part else { continue };
                if begins || last != Some(part) {
                    found.push(first + instruction);
                }
                last = Some(part);
            }
        }
        Ok(found)
    }

    /// Calls `visit` with (t, pc) of each state after (before) `from`, of one thread or of
    /// all, until it breaks or history ends.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn walk(
        &self,
        thread: Option<u32>,
        from: u64,
        direction: Direction,
        visit: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let mut broken = false;
        self.spans(thread, from, direction, &mut |chunk, range| {
            broken = walk_in(chunk, self.dictionary(), range, direction, visit).is_break();
            Ok(stop_if(broken))
        })?;
        let there = thread.is_none_or(|id| self.runs(self.end(), id));
        if !broken && there && direction == Direction::Forward && from < self.end() {
            let _ = visit(self.end(), self.pc(self.end())?);
        }
        Ok(())
    }

    /// Calls `visit` with each chunk after (before) `from` of one thread or of all, and the
    /// part of its tracepoints that lies there. State N is in none.
    fn spans(
        &self,
        thread: Option<u32>,
        from: u64,
        direction: Direction,
        visit: &mut dyn FnMut(&Chunk, Range<u64>) -> Step,
    ) -> Result<(), StateError> {
        self.chunk_at(from)?;
        let wanted = match direction {
            Direction::Forward => from.saturating_add(1)..self.end(),
            Direction::Backward => 0..from,
        };
        if wanted.is_empty() {
            return Ok(());
        }
        let chunks = self.chunk_at(wanted.start)?..=self.chunk_at(wanted.end - 1)?;
        in_order(chunks, direction, &mut |index| {
            if thread.is_some_and(|id| !self.schedule().is_of(index, id)) {
                return Ok(ControlFlow::Continue(()));
            }
            let chunk = self.chunk_path(index)?;
            let range = wanted.start.max(chunk.first)..wanted.end.min(chunk.end());
            if range.is_empty() { Ok(ControlFlow::Continue(())) } else { visit(&chunk, range) }
        })
    }
}

fn stop_if(stop: bool) -> ControlFlow<()> {
    if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// The executions that have a tracepoint in `range`.
fn executions(chunk: &Chunk, range: &Range<u64>) -> Range<usize> {
    let start = chunk.execution_at(range.start).unwrap_or(0);
    let end = range.end.checked_sub(1).and_then(|last| chunk.execution_at(last));
    start..end.map_or(start, |e| e + 1)
}

/// Execution `index` cut to `range`: block, its instructions, the first's tracepoint.
fn clip(chunk: &Chunk, index: usize, range: &Range<u64>) -> Option<(usize, Range<u64>, u64)> {
    let execution = chunk.path.get(index)?;
    let first = chunk.first + u64::from(execution.start);
    let length = u64::from(chunk.execution_length(index));
    let start = range.start.saturating_sub(first);
    let end = range.end.saturating_sub(first).min(length);
    Some((execution.block as usize, start..end, first))
}

fn find_in(
    chunk: &Chunk,
    dictionary: &Dictionary,
    range: Range<u64>,
    direction: Direction,
    wanted: &Wanted<'_>,
) -> Option<u64> {
    let masks = wanted.masks(chunk, dictionary);
    if masks.iter().all(|m| *m == 0) {
        return None;
    }
    let look = |index: usize| {
        let mask = *masks.get(chunk.path.get(index)?.block as usize)?;
        if mask == 0 {
            return None;
        }
        let (_, part, first) = clip(chunk, index, &range)?;
        let mask = mask & below(part.end) & !below(part.start);
        Some(first + u64::from(nearest(mask, direction)?))
    };
    let mut wanted = executions(chunk, &range);
    match direction {
        Direction::Forward => wanted.find_map(look),
        Direction::Backward => wanted.rev().find_map(look),
    }
}

fn below(bit: u64) -> u64 {
    if bit >= 64 { u64::MAX } else { (1 << bit) - 1 }
}

fn nearest(mask: u64, direction: Direction) -> Option<u32> {
    match direction {
        _ if mask == 0 => None,
        Direction::Forward => Some(mask.trailing_zeros()),
        Direction::Backward => Some(63 - mask.leading_zeros()),
    }
}

fn walk_in(
    chunk: &Chunk,
    dictionary: &Dictionary,
    range: Range<u64>,
    direction: Direction,
    visit: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut one = |index: usize| {
        let Some((local, part, first)) = clip(chunk, index, &range) else {
            return ControlFlow::Continue(());
        };
        let id = chunk.blocks.get(local).map(|b| b.id);
        let Some(block) = id.and_then(|id| dictionary.get(id)) else {
            return ControlFlow::Continue(());
        };
        let mut show = |i: u64| visit(first + i, block.address(i as usize));
        match direction {
            Direction::Forward => part.into_iter().try_for_each(&mut show),
            Direction::Backward => part.into_iter().rev().try_for_each(&mut show),
        }
    };
    let mut wanted = executions(chunk, &range);
    match direction {
        Direction::Forward => wanted.try_for_each(&mut one),
        Direction::Backward => wanted.rev().try_for_each(&mut one),
    }
}
