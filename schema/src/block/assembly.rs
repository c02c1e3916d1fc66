//! Blocks in the making.

use super::{Block, Body, Composition};
use crate::effects::Effects;
use std::sync::Arc;

/// A block in the making. Used for one block after the other, it allocates for each
/// just once, and no more than the block needs.
#[derive(Debug, Default)]
pub struct Assembly {
    start: u64,
    /// One past the last instruction's last byte.
    end: u64,
    body: Body,
    row_bytes: usize,
}

impl Assembly {
    /// A block at `start` without instructions yet.
    pub fn new(start: u64) -> Self {
        Self { start, end: start, ..Self::default() }
    }

    /// Begins another block, at `start`.
    pub fn begin(&mut self, start: u64) {
        (self.start, self.end, self.row_bytes) = (start, start, 0);
        self.body.clear();
    }

    /// Appends an instruction of these bytes and effects, behind the last.
    pub fn push(&mut self, code: &[u8], effects: &Effects) {
        let (kind, list) = (effects.kind, &effects.list);
        self.row_bytes = self.body.push(self.end, code, kind, list, self.row_bytes);
        self.end = self.end.wrapping_add(code.len() as u64);
    }

    /// Appends all instructions of `part`, where they stand.
    pub(super) fn append(&mut self, part: &Block) {
        for (index, instruction) in part.instructions().iter().enumerate() {
            let effects = part.slots(index).iter().map(|slot| &slot.effect);
            let (code, kind) = (part.bytes(index), instruction.kind);
            let row_bytes = self.row_bytes;
            self.row_bytes = self.body.push(instruction.address, code, kind, effects, row_bytes);
        }
    }

    /// Address of its first instruction.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Bytes of one row so far.
    pub fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// The bytes of its instructions so far.
    pub fn code(&self) -> &[u8] {
        &self.body.code
    }

    /// The block as it is now.
    pub fn finish(&self) -> Block {
        Block {
            start: self.start,
            body: Arc::new(self.body.clone()),
            extent: self.body.extent(self.row_bytes),
            composition: Composition::Own,
        }
    }
}
