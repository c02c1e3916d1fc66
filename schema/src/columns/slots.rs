//! Rows as columns: a block's slots are lanes of values, of as many as there are
//! executions. Lanes of one class share a column, so that like compresses with like.
//! A block's rows are taken in tiles, each lane's part of a tile in turn.

use super::lane::{TILE, TileEncoder, Values, decode_tile, with_width};
use crate::block::{Block, Slot};
use crate::chunk::{BlockRows, Dictionary, MAX_ROW_BYTES};
use crate::draft::Draft;
use crate::effects::Effect;
use crate::varint::{Malformed, Reader};
use std::sync::Arc;

/// Number of column classes: general registers, flags, stores, vectors, others.
pub const CLASSES: usize = 5;

fn class(effect: &Effect) -> u8 {
    match effect {
        Effect::Gpr { .. } => 0,
        Effect::StatusFlags | Effect::Flags => 1,
        Effect::Store { .. } | Effect::StoreBytes { .. } => 2,
        Effect::Vector { .. } => 3,
        _ => 4,
    }
}

/// Up to 8 bytes of a row that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    offset: u32,
    bytes: u8,
    class: u8,
}

impl Lane {
    /// The lanes of `slot`; none if it logs nothing.
    pub fn of(slot: &Slot) -> impl Iterator<Item = Self> + use<> {
        let (offset, length) = (slot.offset, slot.effect.slot_bytes() as u32);
        let class = class(&slot.effect);
        (0..length).step_by(8).map(move |at| Self {
            offset: offset + at,
            bytes: (length - at).min(8) as u8,
            class,
        })
    }
}

/// Encodes rows; its buffers serve one chunk after another.
pub struct RowEncoder {
    columns: [Vec<u8>; CLASSES],
    /// The last value of each lane so far.
    previous: Vec<u64>,
    tile: Vec<u8>,
    values: Box<Values>,
    encoder: Box<TileEncoder>,
}

impl Default for RowEncoder {
    fn default() -> Self {
        Self {
            columns: Default::default(),
            previous: Vec::new(),
            tile: Vec::new(),
            values: Box::new([0; TILE]),
            encoder: Box::default(),
        }
    }
}

impl RowEncoder {
    /// The rows of `draft` as one byte column a class; `blocks` has one block for
    /// each of its own.
    pub fn encode(&mut self, draft: &Draft, blocks: &[Arc<Block>]) -> &[Vec<u8>; CLASSES] {
        self.columns.iter_mut().for_each(Vec::clear);
        for (rows, block) in draft.blocks.iter().zip(blocks) {
            self.encode_block(draft.rows(rows), block);
        }
        &self.columns
    }

    fn encode_block<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>, block: &Block) {
        self.previous.clear();
        self.previous.resize(block.lanes().len(), 0);
        let full = TILE * block.row_bytes();
        let mut tile = std::mem::take(&mut self.tile);
        let mut pieces = pieces.filter(|piece| !piece.is_empty()).peekable();
        while let Some(mut piece) = pieces.next() {
            let last = pieces.peek().is_none();
            while tile.is_empty() && (piece.len() >= full || last && !piece.is_empty()) {
                let (whole, rest) = piece.split_at(piece.len().min(full));
                self.encode_tile(whole, block);
                piece = rest;
            }
            while !piece.is_empty() {
                let (head, rest) = piece.split_at(piece.len().min(full - tile.len()));
                tile.extend_from_slice(head);
                piece = rest;
                if tile.len() == full || last && piece.is_empty() {
                    self.encode_tile(&tile, block);
                    tile.clear();
                }
            }
        }
        self.tile = tile;
    }

    fn encode_tile(&mut self, rows: &[u8], block: &Block) {
        let stride = block.row_bytes();
        let values = &mut self.values[..rows.len() / stride];
        for (lane, previous) in block.lanes().iter().zip(&mut self.previous) {
            with_width!(lane.bytes, gather(rows, stride, lane.offset as usize, values));
            if let Some(column) = self.columns.get_mut(usize::from(lane.class)) {
                self.encoder.encode(values, previous, column);
            }
        }
    }
}

fn gather<const W: usize>(rows: &[u8], stride: usize, offset: usize, values: &mut [u64]) {
    for (row, value) in rows.chunks_exact(stride).zip(values) {
        let mut word = [0; 8];
        if let Some(cell) = row.get(offset..offset + W) {
            word[..W].copy_from_slice(cell);
        }
        *value = u64::from_le_bytes(word);
    }
}

fn scatter<const W: usize>(values: &[u64], stride: usize, offset: usize, rows: &mut [u8]) {
    for (row, value) in rows.chunks_exact_mut(stride).zip(values) {
        if let Some(cell) = row.get_mut(offset..offset + W) {
            cell.copy_from_slice(&value.to_le_bytes()[..W]);
        }
    }
}

/// Rebuilds the rows of `blocks`, given as (id, executions).
///
/// # Errors
/// [`Malformed`] when the columns do not fit the blocks, or would grow past
/// [`MAX_ROW_BYTES`].
pub fn decode_rows(
    blocks: &[(u32, u32)],
    columns: &[&[u8]; CLASSES],
    dictionary: &Dictionary,
) -> Result<Vec<BlockRows>, Malformed> {
    let mut all = allocate(blocks, dictionary)?;
    let mut readers = columns.map(Reader::new);
    let (mut previous, mut values) = (Vec::new(), [0; TILE]);
    for rows in &mut all {
        let block = dictionary.get(rows.id).ok_or(Malformed)?;
        let stride = block.row_bytes();
        previous.clear();
        previous.resize(block.lanes().len(), 0);
        for tile in rows.rows.chunks_mut((TILE * stride).max(1)) {
            let values = values.get_mut(..tile.len() / stride).ok_or(Malformed)?;
            for (lane, previous) in block.lanes().iter().zip(&mut previous) {
                let reader = readers.get_mut(usize::from(lane.class)).ok_or(Malformed)?;
                decode_tile(reader, values, previous)?;
                with_width!(lane.bytes, scatter(values, stride, lane.offset as usize, tile));
            }
        }
    }
    if readers.iter().all(Reader::is_empty) { Ok(all) } else { Err(Malformed) }
}

fn allocate(blocks: &[(u32, u32)], dictionary: &Dictionary) -> Result<Vec<BlockRows>, Malformed> {
    let mut budget = MAX_ROW_BYTES;
    let mut one = |&(id, executions): &(u32, u32)| {
        let row = dictionary.get(id).ok_or(Malformed)?.row_bytes();
        let length = row.checked_mul(executions as usize).ok_or(Malformed)?;
        budget = budget.checked_sub(length).ok_or(Malformed)?;
        Ok(BlockRows { id, rows: vec![0; length] })
    };
    blocks.iter().map(&mut one).collect()
}
