//! The events of a range of tracepoints, without decoding its chunks.

use super::chunks::damaged;
use super::{Direction, StateError, Timeline};
use rdb_schema::event::Event;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// The events of a chunk.
pub(super) struct ChunkEvents {
    /// In order.
    pub list: Vec<Event>,
    /// Indexes of those that change mappings.
    mappings: Vec<u32>,
}

impl ChunkEvents {
    fn new(list: Vec<Event>) -> Self {
        let changes = list.iter().enumerate().filter(|(_, e)| !e.mappings.is_empty());
        Self { mappings: changes.map(|(i, _)| i as u32).collect(), list }
    }

    /// Those that change mappings and show at state `t`.
    pub fn mapping_changes_before(&self, t: u64) -> &[u32] {
        let tracepoint = |i: &u32| self.list.get(*i as usize).map_or(u64::MAX, |e| e.tracepoint);
        let count = self.mappings.partition_point(|i| tracepoint(i) < t);
        self.mappings.get(..count).unwrap_or_default()
    }

    /// Those that change mappings, and show only after state `t`.
    pub fn mapping_changes_after(&self, t: u64) -> &[u32] {
        self.mappings.get(self.mapping_changes_before(t).len()..).unwrap_or_default()
    }

    /// The tracepoint of event `index`.
    pub fn tracepoint(&self, index: u32) -> Option<u64> {
        self.list.get(index as usize).map(|event| event.tracepoint)
    }

    fn weight(&self) -> usize {
        let memory = |e: &Event| e.memory.iter().map(|(_, b)| b.len() + 32).sum::<usize>();
        self.list.iter().map(|e| size_of::<Event>() + memory(e) + e.mappings.len() * 256).sum()
    }
}

impl Timeline {
    /// Calls `visit` with the events of the tracepoints in `range`, in order or
    /// (Backward) from the last to the first, until it breaks.
    ///
    /// # Errors
    /// [`StateError::Damaged`]. A range past the end is no error: nothing is there.
    pub fn events(
        &self,
        range: Range<u64>,
        direction: Direction,
        visit: &mut dyn FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let range = range.start..range.end.min(self.end());
        if range.is_empty() {
            return Ok(());
        }
        let chunks = self.chunk_at(range.start)?..=self.chunk_at(range.end)?;
        let mut one = |index: usize| -> Result<ControlFlow<()>, StateError> {
            let events = self.chunk_events(index)?;
            let before = |t: u64| events.list.partition_point(|e| e.tracepoint < t);
            let wanted = before(range.start)..before(range.end);
            let mut list = events.list.get(wanted).unwrap_or_default().iter();
            Ok(match direction {
                Direction::Forward => list.try_for_each(&mut *visit),
                Direction::Backward => list.rev().try_for_each(&mut *visit),
            })
        };
        in_order(chunks, direction, &mut one)
    }

    pub(super) fn chunk_events(&self, index: usize) -> Result<Arc<ChunkEvents>, StateError> {
        self.events.get_or(index, || {
            let place = self.place(index)?;
            let events = ChunkEvents::new(self.trace.events(place).map_err(|e| damaged(place, e))?);
            let weight = events.weight();
            Ok((Arc::new(events), weight))
        })
    }
}

/// Calls `visit` with the chunk indexes in `direction` until it breaks.
pub(super) fn in_order(
    chunks: std::ops::RangeInclusive<usize>,
    direction: Direction,
    visit: &mut dyn FnMut(usize) -> Result<ControlFlow<()>, StateError>,
) -> Result<(), StateError> {
    let (first, last) = (*chunks.start(), *chunks.end());
    for step in chunks {
        let index = match direction {
            Direction::Forward => step,
            Direction::Backward => last - (step - first),
        };
        if visit(index)?.is_break() {
            break;
        }
    }
    Ok(())
}
