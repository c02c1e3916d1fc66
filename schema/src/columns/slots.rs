//! Rows as columns: one column per slot of a block, all its executions in a
//! row; columns of one class follow each other, so that like compresses with like.

use crate::block::Block;
use crate::chunk::{BlockRows, Dictionary, MAX_ROW_BYTES};
use crate::effects::Effect;
use crate::varint::{Malformed, Reader, unzigzag, zigzag};
use std::sync::Arc;

/// Number of column classes: general registers, flags, stores, vectors, others.
pub const CLASSES: usize = 5;

fn class(effect: &Effect) -> usize {
    match effect {
        Effect::Gpr { .. } => 0,
        Effect::StatusFlags | Effect::Flags => 1,
        Effect::Store { .. } | Effect::StoreBytes { .. } => 2,
        Effect::Vector { .. } => 3,
        _ => 4,
    }
}

/// The lanes of a block's row that belong to a class: (offset, bytes ≤ 8).
fn lanes(block: &Block, wanted: usize) -> impl Iterator<Item = (usize, usize)> {
    let slots = block.all_slots().iter().filter(move |s| class(&s.effect) == wanted);
    slots.flat_map(|slot| {
        let (start, length) = (slot.offset as usize, slot.effect.slot_bytes());
        (0..length).step_by(8).map(move |at| (start + at, (length - at).min(8)))
    })
}

/// The rows of a chunk as one byte column a class; `blocks` has one block for each
/// entry of `all`.
pub fn encode_rows(all: &[BlockRows], blocks: &[Arc<Block>]) -> [Vec<u8>; CLASSES] {
    let mut columns: [Vec<u8>; CLASSES] = Default::default();
    let mut values = Vec::new();
    for (wanted, out) in columns.iter_mut().enumerate() {
        for (rows, block) in all.iter().zip(blocks) {
            for (offset, bytes) in lanes(block, wanted) {
                values.clear();
                values.extend(rows.rows.chunks_exact(block.row_bytes()).map(|row| {
                    let mut value = [0; 8];
                    value[..bytes].copy_from_slice(&row[offset..offset + bytes]);
                    u64::from_le_bytes(value)
                }));
                encode_lane(&values, out);
            }
        }
    }
    columns
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
    for (wanted, column) in columns.iter().enumerate() {
        let mut from = Reader::new(column);
        for ((_, executions), rows) in blocks.iter().zip(&mut all) {
            let block = dictionary.get(rows.id).ok_or(Malformed)?;
            for (offset, bytes) in lanes(block, wanted) {
                let lane = Lane { rows: &mut rows.rows, stride: block.row_bytes(), offset, bytes };
                decode_lane(&mut from, *executions as usize, lane)?;
            }
        }
        if !from.is_empty() {
            return Err(Malformed);
        }
    }
    Ok(all)
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

/// How a lane's values are written; the low nibble is a byte count.
const CONSTANT: u8 = 0x00;
const STRIDE: u8 = 0x10;
const DELTA: u8 = 0x20;
const PLAIN: u8 = 0x30;

/// Bytes of `value` without its leading zeros.
fn narrow(value: u64) -> usize {
    8 - (value.leading_zeros() / 8) as usize
}

fn put_narrow(out: &mut Vec<u8>, value: u64, bytes: usize) {
    out.extend_from_slice(&value.to_le_bytes()[..bytes]);
}

fn delta(window: &[u64]) -> u64 {
    zigzag(window[1].wrapping_sub(window[0]) as i64)
}

fn encode_lane(values: &[u64], out: &mut Vec<u8>) {
    let Some(&first) = values.first() else { return };
    let deltas = || values.windows(2).map(delta);
    let stride = deltas().next().unwrap_or(0);
    let head = |out: &mut Vec<u8>, tag: u8, bytes: usize| {
        out.push(tag | bytes as u8);
        out.push(narrow(first) as u8);
        put_narrow(out, first, narrow(first));
    };
    if deltas().all(|d| d == stride) {
        if stride == 0 {
            out.push(CONSTANT | narrow(first) as u8);
            put_narrow(out, first, narrow(first));
        } else {
            head(out, STRIDE, narrow(stride));
            put_narrow(out, stride, narrow(stride));
        }
        return;
    }
    let plain = values.iter().map(|v| narrow(*v)).max().unwrap_or(8);
    let widest = deltas().map(narrow).max().unwrap_or(8);
    if widest < plain {
        head(out, DELTA, widest);
        deltas().for_each(|d| put_narrow(out, d, widest));
    } else {
        out.push(PLAIN | plain as u8);
        values.iter().for_each(|v| put_narrow(out, *v, plain));
    }
}

/// Where a lane's values go.
struct Lane<'a> {
    rows: &'a mut [u8],
    stride: usize,
    offset: usize,
    bytes: usize,
}

impl Lane<'_> {
    fn set(&mut self, row: usize, value: u64) -> Result<(), Malformed> {
        let start = row * self.stride + self.offset;
        let slot = self.rows.get_mut(start..start + self.bytes).ok_or(Malformed)?;
        slot.copy_from_slice(&value.to_le_bytes()[..self.bytes]);
        Ok(())
    }
}

fn decode_lane(from: &mut Reader, count: usize, mut lane: Lane) -> Result<(), Malformed> {
    if count == 0 {
        return Ok(());
    }
    let head = from.byte()?;
    let bytes = usize::from(head & 15);
    match head & 0xf0 {
        CONSTANT => {
            let value = from.integer(bytes)?;
            (0..count).try_for_each(|row| lane.set(row, value))
        }
        STRIDE => {
            let mut value = first_value(from)?;
            let stride = unzigzag(from.integer(bytes)?) as u64;
            (0..count).try_for_each(|row| {
                lane.set(row, value)?;
                value = value.wrapping_add(stride);
                Ok(())
            })
        }
        DELTA => {
            let mut value = first_value(from)?;
            lane.set(0, value)?;
            (1..count).try_for_each(|row| {
                value = value.wrapping_add(unzigzag(from.integer(bytes)?) as u64);
                lane.set(row, value)
            })
        }
        PLAIN => (0..count).try_for_each(|row| lane.set(row, from.integer(bytes)?)),
        _ => Err(Malformed),
    }
}

fn first_value(from: &mut Reader) -> Result<u64, Malformed> {
    let bytes = usize::from(from.byte()?);
    from.integer(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_lane_round_trips(values in prop::collection::vec(any::<u64>(), 1..40), shift in 0u32..64) {
            check(values.iter().map(|v| v >> shift).collect());
        }

        #[test]
        fn a_stride_round_trips(first: u64, stride: u64, count in 1u64..40) {
            check((0..count).map(|i| first.wrapping_add(stride.wrapping_mul(i))).collect());
        }
    }

    fn check(values: Vec<u64>) {
        let mut out = Vec::new();
        encode_lane(&values, &mut out);
        let mut rows = vec![0; values.len() * 8];
        let mut from = Reader::new(&out);
        let lane = Lane { rows: &mut rows, stride: 8, offset: 0, bytes: 8 };
        assert_eq!(decode_lane(&mut from, values.len(), lane), Ok(()));
        assert!(from.is_empty());
        let back: Vec<u64> =
            rows.chunks(8).map(|c| u64::from_le_bytes(c.try_into().unwrap())).collect();
        assert_eq!(back, values);
    }
}
