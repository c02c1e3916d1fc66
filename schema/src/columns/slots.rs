//! Rows as columns: a block's slots are lanes of values, of as many as there are
//! executions. Lanes of one class share a column, so that like compresses with like.
//! A block's rows are taken in tiles, each lane's part of a tile in turn.

use super::lane::{TILE, TileEncoder, Values, decode_tile, encode_period, with_width};
use super::periods::Periods;
use crate::block::{Block, Slot};
use crate::chunk::{BlockRows, Dictionary, MAX_ROW_BYTES};
use crate::draft::Draft;
use crate::effects::Effect;
use crate::varint::{Malformed, Reader};
use std::sync::Arc;

/// Bytes of a row from which it pays to look whether rows as a whole repeat
/// themselves.
const LONG_ROW: usize = 64;

/// Number of column classes: general registers, flags, stores, vectors, others.
pub const CLASSES: usize = 5;

fn class(effect: &Effect) -> u8 {
    match effect {
        Effect::Gpr { .. } => 0,
        Effect::StatusFlags | Effect::Flags => 1,
        Effect::Store { .. } | Effect::StoreBytes { .. } => 2,
        Effect::Vector { .. } | Effect::Loaded { .. } => 3,
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
    periods: Periods,
}

impl Default for RowEncoder {
    fn default() -> Self {
        Self {
            columns: Default::default(),
            previous: Vec::new(),
            tile: Vec::new(),
            values: Box::new([0; TILE]),
            encoder: Box::default(),
            periods: Periods::default(),
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
        let count = rows.len() / stride;
        let period = if stride < LONG_ROW { None } else { self.periods.find(rows, stride) };
        for (lane, previous) in block.lanes().iter().zip(&mut self.previous) {
            let Some(column) = self.columns.get_mut(usize::from(lane.class)) else { continue };
            let (offset, bytes) = (lane.offset as usize, usize::from(lane.bytes));
            let period = period.filter(|_| self.periods.holds(offset..offset + bytes));
            let values = &mut self.values[..period.unwrap_or(count)];
            with_width!(lane.bytes, gather(rows, stride, offset, values));
            match period {
                Some(_) => encode_period(values, count, previous, column),
                None => self.encoder.encode(values, previous, column),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::Chunk;
    use crate::effects::{Effects, Kind};
    use proptest::prelude::*;

    const ROW: usize = 88;

    /// A block that logs one byte more than fits eight, to have lanes of two widths.
    fn block() -> Block {
        let vector = |register| Effect::Vector { register, bytes: 16, zero_upper: true };
        let mut list: Vec<_> = (0..5).map(vector).collect();
        list.extend([Effect::Mxcsr, Effect::Pkru]);
        let mut block = Block::new(0x1000);
        block.push(&[0x90], &Effects { kind: Kind::Plain, list, bulk: None });
        assert_eq!(block.row_bytes(), ROW);
        block
    }

    proptest! {
        #[test]
        fn rows_that_repeat_themselves_round_trip(
            part in prop::collection::vec(any::<[u8; ROW]>(), 1..40),
            count in 1usize..1200,
            others in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut rows: Vec<u8> = part.iter().cycle().take(count).flatten().copied().collect();
            for (at, byte) in &others {
                let at = at.index(rows.len());
                rows[at] = *byte;
            }
            check(rows, others.is_empty().then_some(part.len()));
        }
    }

    fn check(rows: Vec<u8>, period: Option<usize>) {
        let count = rows.len() / ROW;
        let chunk = Chunk { blocks: vec![BlockRows { id: 0, rows }], ..Chunk::default() };
        let mut dictionary = Dictionary::default();
        dictionary.push(block());
        let mut encoder = RowEncoder::default();
        let columns = encoder.encode(&Draft::of(&chunk), &[Arc::new(block())]);
        let columns = std::array::from_fn(|class| columns[class].as_slice());
        let back = decode_rows(&[(0, count as u32)], &columns, &dictionary);
        assert_eq!(back.map(|all| all[0].rows.clone()).as_ref(), Ok(&chunk.blocks[0].rows));
        if let Some(period) = period.filter(|period| period * 2 <= count.min(TILE)) {
            let tiles = count.div_ceil(TILE);
            let bytes: usize = columns.iter().map(|column| column.len()).sum();
            // A whole tile has the period's rows and three bytes for each lane.
            assert!(bytes <= tiles * (period * ROW + 12 * 12) + count % TILE * ROW);
        }
    }
}
