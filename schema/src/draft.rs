//! A chunk as its writer has it: what [`Chunk`] holds, without what its reader
//! derives, in a few large buffers that serve one chunk after another.

use crate::chunk::{Chunk, Cut};
use crate::event::Event;
use crate::registers::Registers;

/// Stands for no piece in [`DraftBlock`] and [`Piece`].
pub const NO_PIECE: u32 = u32::MAX;

/// A block of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftBlock {
    /// Id in the dictionary.
    pub id: u32,
    /// Index of the first piece of its rows, or [`NO_PIECE`].
    pub first: u32,
    /// Index of the last.
    pub last: u32,
}

/// Rows of one block that stand together in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Offset of the first row.
    pub start: u32,
    /// One past the last row's last byte.
    pub end: u32,
    /// Index of the block's next piece, or [`NO_PIECE`].
    pub next: u32,
}

/// A chunk under construction, or finished and not yet encoded.
#[derive(Clone, Debug, Default)]
pub struct Draft {
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
    pub blocks: Vec<DraftBlock>,
    /// Where their rows are.
    pub pieces: Vec<Piece>,
    /// The rows, with bytes of no meaning between the pieces.
    pub arena: Vec<u8>,
    /// The block of every execution, as index in `blocks`.
    pub path: Vec<u32>,
    /// The executions that left their block early, in order.
    pub cuts: Vec<Cut>,
    /// Stores whose places or lengths vary: see [`crate::chunk::put_bulk`].
    pub bulk: Vec<u8>,
    /// Its events, by tracepoint.
    pub events: Vec<Event>,
}

impl Draft {
    /// The draft that `chunk` was made from.
    pub fn of(chunk: &Chunk) -> Self {
        let mut draft = Self {
            first: chunk.first,
            count: chunk.count,
            thread: chunk.thread,
            keyframe: chunk.keyframe,
            end_pc: chunk.end_pc,
            path: chunk.path.iter().map(|e| e.block).collect(),
            cuts: chunk.cuts.clone(),
            bulk: chunk.bulk.clone(),
            events: chunk.events.clone(),
            ..Self::default()
        };
        for (piece, block) in (0..).zip(&chunk.blocks) {
            let start = draft.arena.len() as u32;
            draft.arena.extend_from_slice(&block.rows);
            let end = draft.arena.len() as u32;
            draft.pieces.push(Piece { start, end, next: NO_PIECE });
            draft.blocks.push(DraftBlock { id: block.id, first: piece, last: piece });
        }
        draft
    }

    /// Makes it an empty chunk that starts at state `first` with these registers.
    /// Its buffers stay as large as they are, the arena with what it holds.
    pub fn restart(&mut self, first: u64, thread: u32, keyframe: Registers) {
        (self.first, self.count, self.thread) = (first, 0, thread);
        (self.keyframe, self.end_pc) = (keyframe, keyframe.rip);
        self.blocks.clear();
        self.pieces.clear();
        self.path.clear();
        self.cuts.clear();
        self.bulk.clear();
        self.events.clear();
    }

    /// One past its last tracepoint.
    pub fn end(&self) -> u64 {
        self.first + self.count
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        let events = self.events.iter().flat_map(|e| &e.memory).map(|(_, b)| b.len() + 64);
        // Pieces follow each other in the arena; what lies behind the last was not used.
        let rows = self.pieces.last().map_or(0, |last| last.end as usize);
        rows + self.path.len() * 4 + self.bulk.len() + events.sum::<usize>()
    }

    /// The rows of `block`, piece by piece.
    pub fn rows(&self, block: &DraftBlock) -> impl Iterator<Item = &[u8]> {
        let piece = |index: u32| self.pieces.get(index as usize);
        let pieces = std::iter::successors(piece(block.first), move |p| piece(p.next));
        pieces.map(|p| self.arena.get(p.start as usize..p.end as usize).unwrap_or(&[]))
    }
}
