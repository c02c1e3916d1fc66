//! One recording, walked forwards.

use super::stream::Chunks;
use crate::timeline::{StateError, Timeline};
use crate::trace::difference;
use rdb_schema::block::Block;
use rdb_schema::chunk::Chunk;
use rdb_schema::event::Event;
use rdb_schema::replay::{Cursor, Sink};
use rdb_schema::space::AddressSpace;

/// Where an instruction stands in its chunk.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// Its block's id.
    pub id: u32,
    /// Its block.
    pub block: &'a Block,
    /// Its index in the block.
    pub index: usize,
    /// How many tracepoints of the execution are left, it included.
    pub left: usize,
    /// Whether the last of those faulted.
    pub faulted: bool,
    /// The execution's row.
    pub row: &'a [u8],
}

/// A recording with a cursor.
pub struct Side<'a> {
    timeline: &'a Timeline,
    chunks: Chunks,
    chunk: Chunk,
    cursor: Cursor,
    /// The execution that holds the cursor, or one before it.
    execution: usize,
    /// Mappings at the cursor.
    pub space: AddressSpace,
}

impl<'a> Side<'a> {
    /// At the first instruction.
    pub fn new(timeline: &'a Timeline, chunks: Chunks) -> Result<Self, StateError> {
        let chunk = Chunk::default();
        let mut side = Self {
            timeline,
            chunks,
            cursor: Cursor::new(&chunk),
            chunk,
            execution: 0,
            space: timeline.space(0)?,
        };
        if let Ok(first) = side.chunks.recv() {
            side.chunk = first?;
            side.cursor = Cursor::new(&side.chunk);
        }
        Ok(side)
    }

    /// Goes on to the next chunk at the end of one.
    ///
    /// # Errors
    /// The chunk cannot be read, or begins with other registers than replay
    /// ended with.
    pub fn settle(&mut self) -> Result<(), StateError> {
        while self.tracepoint() == self.chunk.end() {
            let Ok(next) = self.chunks.recv() else { return Ok(()) };
            let next = next?;
            if let Some(name) = difference(&self.cursor.registers, &next.keyframe) {
                let why = format!("replay ends with another {name} than the next chunk has");
                return Err(StateError::Damaged(self.chunk.first, self.chunk.end(), why));
            }
            self.cursor = Cursor::new(&next);
            self.chunk = next;
            self.execution = 0;
        }
        Ok(())
    }

    /// The cursor's tracepoint.
    pub fn tracepoint(&self) -> u64 {
        self.cursor.tracepoint
    }

    /// One past the last tracepoint that needs no other chunk.
    pub fn chunk_end(&self) -> u64 {
        self.chunk.end()
    }

    /// The state at the cursor.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The recording.
    pub fn timeline(&self) -> &'a Timeline {
        self.timeline
    }

    /// The instruction of tracepoint `t` of this chunk, which is not before the
    /// one asked for last.
    pub fn at(&mut self, t: u64) -> Option<At<'_>> {
        let offset = u32::try_from(t.checked_sub(self.chunk.first)?).ok()?;
        let started = |e: usize| self.chunk.path.get(e).is_some_and(|e| e.start <= offset);
        if !started(self.execution) {
            self.execution = self.chunk.execution_at(t)?;
        }
        while started(self.execution + 1) {
            self.execution += 1;
        }
        let execution = self.chunk.path.get(self.execution)?;
        let id = self.chunk.blocks.get(execution.block as usize)?.id;
        let block = self.timeline.dictionary().get(id)?;
        let index = offset.checked_sub(execution.start)? as usize;
        let length = self.chunk.execution_length(self.execution) as usize;
        Some(At {
            id,
            block,
            index,
            left: length.checked_sub(index).filter(|left| *left > 0)?,
            faulted: self.chunk.cut(self.execution).is_some_and(|cut| cut.faulted),
            row: self.chunk.row(execution, block.row_bytes())?,
        })
    }

    /// The events from tracepoint `t` on in this chunk.
    pub fn events_from(&self, t: u64) -> &[Event] {
        let first = self.chunk.events.partition_point(|event| event.tracepoint < t);
        self.chunk.events.get(first..).unwrap_or_default()
    }

    /// The events of tracepoint `t`.
    pub fn events_at(&self, t: u64) -> &[Event] {
        let from = self.events_from(t);
        from.get(..from.partition_point(|event| event.tracepoint == t)).unwrap_or_default()
    }

    /// Replays to state `t` of this chunk.
    ///
    /// # Errors
    /// The chunk contradicts itself.
    pub fn advance(&mut self, t: u64, sink: &mut impl Sink) -> Result<(), StateError> {
        let from = self.tracepoint();
        let replayed = self.cursor.advance(&self.chunk, self.timeline.dictionary(), t, sink);
        replayed
            .map_err(|e| StateError::Damaged(self.tracepoint(), self.chunk.end(), e.to_string()))?;
        if t > self.chunk.first && t == self.chunk.end() && from < t {
            self.check_end()?;
        }
        Ok(())
    }

    fn check_end(&self) -> Result<(), StateError> {
        let (rip, end) = (self.cursor.registers.rip, self.chunk.end_pc);
        if rip == end {
            return Ok(());
        }
        let why = format!("replay ends at {rip:#x}, the chunk at {end:#x}");
        Err(StateError::Damaged(self.chunk.first, self.chunk.end(), why))
    }
}
