//! A chunk: a contiguous range of tracepoints, as rows and events.

pub use crate::dictionary::{Dictionary, MAX_JOINED};
use crate::event::Event;
use crate::registers::Registers;
use crate::varint::put;

/// Most tracepoints a chunk may hold.
pub const MAX_TRACEPOINTS: u64 = 1 << 25;

/// Most executions a chunk may hold.
pub const MAX_EXECUTIONS: usize = 1 << 22;

/// Most bytes a chunk's rows may take together.
pub const MAX_ROW_BYTES: usize = 256 << 20;

/// Executions behind another that are looked at one by one.
const NEAR: usize = 16;

/// One execution of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Index of the block in [`Chunk::blocks`].
    pub block: u32,
    /// Index of its row among the rows of that block.
    pub row: u32,
    /// Its first tracepoint, relative to the chunk's.
    pub start: u32,
}

/// An execution that left its block early: a fault, a signal, the chunk's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Index of the execution in [`Chunk::path`].
    pub execution: u32,
    /// Tracepoints it took, at least 1.
    pub tracepoints: u16,
    /// Whether the last of them faulted, and so changed nothing.
    pub faulted: bool,
}

/// All rows of one block in a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockRows {
    /// Id in the dictionary.
    pub id: u32,
    /// The rows, one after the other, each of the block's row length. Slots of
    /// instructions that a cut left out are zero.
    pub rows: Vec<u8>,
}

/// A contiguous range of tracepoints of one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Its first tracepoint.
    pub first: u64,
    /// How many tracepoints it holds.
    pub count: u64,
    /// Thread id.
    pub thread: u32,
    /// Registers at state `first`.
    pub keyframe: Registers,
    /// rip at state `first + count`.
    pub end_pc: u64,
    /// The blocks it executes, in order of first execution.
    pub blocks: Vec<BlockRows>,
    /// Every execution, in order.
    pub path: Vec<Execution>,
    /// The executions that left their block early, in order.
    pub cuts: Vec<Cut>,
    /// Stores whose places or lengths vary: see [`put_bulk`].
    pub bulk: Vec<u8>,
    /// Its events, by tracepoint.
    pub events: Vec<Event>,
}

impl Chunk {
    /// One past its last tracepoint.
    pub fn end(&self) -> u64 {
        self.first + self.count
    }

    /// Index of the execution that holds `tracepoint`.
    pub fn execution_at(&self, tracepoint: u64) -> Option<usize> {
        let offset = u32::try_from(tracepoint.checked_sub(self.first)?).ok()?;
        if u64::from(offset) >= self.count {
            return None;
        }
        self.path.partition_point(|e| e.start <= offset).checked_sub(1)
    }

    /// The same, which is execution `near` or one of those behind it, mostly.
    pub fn execution_near(&self, tracepoint: u64, near: usize) -> Option<usize> {
        let offset = u32::try_from(tracepoint.checked_sub(self.first)?).ok()?;
        let behind = self.path.get(near..).unwrap_or_default().iter().take(NEAR + 1);
        let begun = behind.take_while(|execution| execution.start <= offset).count();
        match u64::from(offset) < self.count && (1..=NEAR).contains(&begun) {
            true => Some(near + begun - 1),
            false => self.execution_at(tracepoint),
        }
    }

    /// Tracepoints of execution `index`.
    pub fn execution_length(&self, index: usize) -> u32 {
        let Some(execution) = self.path.get(index) else { return 0 };
        let end = self.path.get(index + 1).map_or(self.count as u32, |next| next.start);
        end.saturating_sub(execution.start)
    }

    /// The row of `execution`, of `length` bytes.
    pub fn row(&self, execution: &Execution, length: usize) -> Option<&[u8]> {
        let start = (execution.row as usize).checked_mul(length)?;
        self.blocks.get(execution.block as usize)?.rows.get(start..start.checked_add(length)?)
    }

    /// The cut of execution `index`, if it has one.
    pub fn cut(&self, index: usize) -> Option<&Cut> {
        let key = u32::try_from(index).ok()?;
        self.cuts.binary_search_by_key(&key, |c| c.execution).ok().map(|i| &self.cuts[i])
    }
}

/// Appends one bulk store: how many segments, then each one's address (8
/// bytes), length (varint) and bytes.
pub fn put_bulk<B: AsRef<[u8]>>(out: &mut Vec<u8>, segments: &[(u64, B)]) {
    put(out, segments.len() as u64);
    for (address, bytes) in segments {
        out.extend(address.to_le_bytes());
        let bytes = bytes.as_ref();
        put(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_near_others_are_those_looked_for() {
        let starts = (0..60u32).map(|index| index * 3 + index % 2);
        let path: Vec<Execution> =
            starts.map(|start| Execution { block: 0, row: 0, start }).collect();
        let chunk = Chunk { first: 100, count: 190, path, ..Chunk::default() };
        for tracepoint in 95..295 {
            for near in 0..64 {
                let found = chunk.execution_near(tracepoint, near);
                assert_eq!(found, chunk.execution_at(tracepoint), "{tracepoint} near {near}");
            }
        }
    }
}
