//! Lanes: the values that one slot of a block (or 8 bytes of it) takes in one
//! execution after another, a tile of them at a time.
//!
//! ```text
//! tile = CONSTANT|w value:w            all alike
//!      | STRIDE|w   n value:n step:w   each a step (zigzag) from the one before
//!      | DELTA|w    step:w …           a step each, the first from the last tile's last value
//!      | FIRST|w    n value:n step:w … the same, but for the first value
//!      | PLAIN|w    value:w …
//!      | CHOICE|w   m value:w × m index:1 …           each one of m values
//!      | PERIOD|w   l:2 value:w × l                   again and again
//! ```
//! w and n are byte counts up to 8.

use super::distinct::{Distinct, MAX_CHOICES};
use crate::varint::{Malformed, Reader, unzigzag, zigzag};

/// Most rows that are encoded together, and so values in a tile: they stay in the
/// first-level cache.
pub const TILE_ROWS: usize = 512;
pub(super) const TILE: usize = TILE_ROWS;

const CONSTANT: u8 = 0x00;
const STRIDE: u8 = 0x10;
const DELTA: u8 = 0x20;
const FIRST: u8 = 0x30;
const PLAIN: u8 = 0x40;
const CHOICE: u8 = 0x50;
const PERIOD: u8 = 0x60;

/// Periods that are tried: a tile's first value may come more often than its period.
pub(super) const PERIODS: usize = 4;

/// A tile's values; as many as are used count.
pub(super) type Values = [u64; TILE];

/// Bytes of `value` without its leading zeros.
fn narrow(value: u64) -> usize {
    8 - (value.leading_zeros() / 8) as usize
}

fn put_narrow(out: &mut Vec<u8>, value: u64, bytes: usize) {
    // A copy of fixed length, then a cut, is faster than one of variable length.
    let end = out.len() + bytes;
    out.extend_from_slice(&value.to_le_bytes());
    out.truncate(end);
}

fn step(from: u64, to: u64) -> u64 {
    zigzag(to.wrapping_sub(from) as i64)
}

/// Calls a function with a byte count as constant.
macro_rules! with_width {
    ($width:expr, $function:ident($($argument:expr),*)) => {
        match $width {
            1 => $function::<1>($($argument),*),
            2 => $function::<2>($($argument),*),
            3 => $function::<3>($($argument),*),
            4 => $function::<4>($($argument),*),
            5 => $function::<5>($($argument),*),
            6 => $function::<6>($($argument),*),
            7 => $function::<7>($($argument),*),
            _ => $function::<8>($($argument),*),
        }
    };
}
pub(super) use with_width;

pub(super) fn put_all<const W: usize>(values: &[u64], out: &mut Vec<u8>) {
    if W == 8 && cfg!(target_endian = "little") {
        return out.extend_from_slice(bytemuck::cast_slice(values));
    }
    let start = out.len();
    out.resize(start + values.len() * W, 0);
    let (cells, _) = out[start..].as_chunks_mut::<W>();
    for (cell, value) in cells.iter_mut().zip(values) {
        cell.copy_from_slice(&value.to_le_bytes()[..W]);
    }
}

/// Encodes tiles; its buffers serve one after another.
pub(super) struct TileEncoder {
    steps: Values,
    distinct: Distinct,
}

impl Default for TileEncoder {
    fn default() -> Self {
        Self { steps: [0; TILE], distinct: Distinct::default() }
    }
}

impl TileEncoder {
    /// Encodes a tile. `previous`: the last value of the lane's tile before it, 0 if
    /// there is none; afterwards this one's.
    pub(super) fn encode(&mut self, values: &[u64], previous: &mut u64, out: &mut Vec<u8>) {
        let [first, rest @ ..] = values else { return };
        let before = std::mem::replace(previous, *values.last().unwrap_or(first));
        let (mut all, mut differing, mut widest) = (*first, 0, 0);
        let stride = rest.first().map_or(0, |second| step(*first, *second));
        for ((from, to), slot) in values.iter().zip(rest).zip(&mut self.steps[1..]) {
            let step = step(*from, *to);
            *slot = step;
            all |= *to;
            widest |= step;
            differing |= step ^ stride;
        }
        if differing == 0 {
            return put_regular(*first, stride, out);
        }
        let (plain, widest) = (narrow(all), narrow(widest));
        let narrowest = plain.min(widest);
        if narrowest > 1
            && let Some(period) = period(values)
        {
            return put_period(&values[..period], plain, out);
        }
        if narrowest > 1 && self.distinct.find(values, narrowest) {
            out.extend([CHOICE | plain as u8, self.distinct.values().len() as u8]);
            with_width!(plain, put_all(self.distinct.values(), out));
            return out.extend_from_slice(self.distinct.indexes());
        }
        if widest >= plain {
            out.push(PLAIN | plain as u8);
            return with_width!(plain, put_all(values, out));
        }
        let steps = &mut self.steps[..values.len()];
        steps[0] = step(before, *first);
        if narrow(steps[0]) <= widest {
            out.push(DELTA | widest as u8);
            with_width!(widest, put_all(steps, out));
        } else {
            put_first(FIRST | widest as u8, *first, out);
            with_width!(widest, put_all(&steps[1..], out));
        }
    }
}

/// Encodes a tile of `count` values that are `period`, at most half as many, again and
/// again; `previous` as in [`TileEncoder::encode`].
pub(super) fn encode_period(period: &[u64], count: usize, previous: &mut u64, out: &mut Vec<u8>) {
    let [first, ..] = period else { return };
    *previous = period[(count - 1) % period.len()];
    let all = period.iter().fold(0, |all, value| all | value);
    if period.iter().all(|value| value == first) {
        put_regular(*first, 0, out);
    } else {
        put_period(period, narrow(all), out);
    }
}

fn put_period(period: &[u64], plain: usize, out: &mut Vec<u8>) {
    out.push(PERIOD | plain as u8);
    out.extend((period.len() as u16).to_le_bytes());
    with_width!(plain, put_all(period, out));
}

/// After how many values a tile repeats itself, at least once.
fn period(values: &[u64]) -> Option<usize> {
    let first = values.first()?;
    let half = values.get(1..=values.len() / 2)?;
    let again = half.iter().zip(1..).filter(|(value, _)| *value == first).map(|(_, at)| at);
    again.take(PERIODS).find(|period| values[*period..] == values[..values.len() - period])
}

fn put_regular(first: u64, stride: u64, out: &mut Vec<u8>) {
    if stride == 0 {
        out.push(CONSTANT | narrow(first) as u8);
        put_narrow(out, first, narrow(first));
    } else {
        put_first(STRIDE | narrow(stride) as u8, first, out);
        put_narrow(out, stride, narrow(stride));
    }
}

fn put_first(head: u8, first: u64, out: &mut Vec<u8>) {
    out.extend([head, narrow(first) as u8]);
    put_narrow(out, first, narrow(first));
}

/// Decodes a tile into all of `values`, of which there is at least one; `previous`
/// as in [`TileEncoder::encode`].
pub(super) fn decode_tile(
    from: &mut Reader,
    values: &mut [u64],
    previous: &mut u64,
) -> Result<(), Malformed> {
    let head = from.byte()?;
    let width = usize::from(head & 15);
    if width > 8 {
        return Err(Malformed);
    }
    match head & 0xf0 {
        CONSTANT => values.fill(from.integer(width)?),
        STRIDE => {
            let first = first_value(from)?;
            let stride = unzigzag(from.integer(width)?) as u64;
            let mut value = first.wrapping_sub(stride);
            values.iter_mut().for_each(|slot| {
                value = value.wrapping_add(stride);
                *slot = value;
            });
        }
        DELTA => {
            take_all(from, width, values)?;
            sum(values, *previous);
        }
        FIRST => {
            let (first, rest) = values.split_first_mut().ok_or(Malformed)?;
            *first = first_value(from)?;
            take_all(from, width, rest)?;
            sum(rest, *first);
        }
        PLAIN => take_all(from, width, values)?,
        CHOICE => take_choices(from, width, values)?,
        PERIOD => take_period(from, width, values)?,
        _ => return Err(Malformed),
    }
    *previous = values.last().copied().unwrap_or(*previous);
    Ok(())
}

fn take_choices(from: &mut Reader, width: usize, values: &mut [u64]) -> Result<(), Malformed> {
    let mut choices = [0; MAX_CHOICES];
    let choices = choices.get_mut(..usize::from(from.byte()?)).ok_or(Malformed)?;
    take_all(from, width, choices)?;
    let indexes = from.take(values.len())?;
    for (slot, index) in values.iter_mut().zip(indexes) {
        *slot = *choices.get(usize::from(*index)).ok_or(Malformed)?;
    }
    Ok(())
}

fn take_period(from: &mut Reader, width: usize, values: &mut [u64]) -> Result<(), Malformed> {
    let period = from.integer(2)? as usize;
    let (given, rest) = values.split_at_mut_checked(period).ok_or(Malformed)?;
    if given.is_empty() {
        return Err(Malformed);
    }
    take_all(from, width, given)?;
    for (slot, value) in rest.iter_mut().zip(given.iter().cycle()) {
        *slot = *value;
    }
    Ok(())
}

/// Turns steps into the values they lead to, from `value` on.
fn sum(steps: &mut [u64], mut value: u64) {
    for slot in steps {
        value = value.wrapping_add(unzigzag(*slot) as u64);
        *slot = value;
    }
}

fn take_all(from: &mut Reader, width: usize, values: &mut [u64]) -> Result<(), Malformed> {
    if width == 0 {
        values.fill(0);
        return Ok(());
    }
    let bytes = from.take(values.len() * width)?;
    with_width!(width, get_all(bytes, values));
    Ok(())
}

fn get_all<const W: usize>(bytes: &[u8], values: &mut [u64]) {
    for (cell, value) in bytes.as_chunks::<W>().0.iter().zip(values) {
        let mut word = [0; 8];
        word[..W].copy_from_slice(cell);
        *value = u64::from_le_bytes(word);
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
        fn lanes_round_trip(
            values in prop::collection::vec(any::<u64>(), 1..40), shift in 0u32..64, previous: u64,
        ) {
            check(&values.iter().map(|v| v >> shift).collect::<Vec<_>>(), previous);
        }

        #[test]
        fn near_values_round_trip(
            steps in prop::collection::vec(-200i64..200, 1..TILE), first: u64, previous: i8,
        ) {
            let mut value = first;
            let values: Vec<u64> = steps.iter().map(|step| {
                value = value.wrapping_add_signed(*step);
                value
            }).collect();
            check(&values, first.wrapping_add_signed(previous.into()));
        }

        #[test]
        fn few_values_round_trip(
            choices in prop::collection::vec(any::<u64>(), 1..9),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 1..TILE),
        ) {
            check(&picks.iter().map(|p| *p.get(&choices)).collect::<Vec<_>>(), 0);
        }

        #[test]
        fn what_repeats_round_trips(
            part in prop::collection::vec(any::<u64>(), 1..60), shift in 0u32..60, count in 1..TILE,
        ) {
            let values: Vec<u64> = part.iter().map(|v| v >> shift).cycle().take(count).collect();
            check(&values, 0);
        }

        #[test]
        fn a_stride_round_trips(first: u64, stride: u64, count in 1u64..40) {
            let value = |i| first.wrapping_add(stride.wrapping_mul(i));
            check(&(0..count).map(value).collect::<Vec<_>>(), 0);
        }
    }

    fn check(values: &[u64], previous: u64) {
        let mut out = Vec::new();
        let (mut before, mut after) = (previous, previous);
        TileEncoder::default().encode(values, &mut before, &mut out);
        let mut back = vec![0; values.len()];
        let mut from = Reader::new(&out);
        assert_eq!(decode_tile(&mut from, &mut back, &mut after), Ok(()));
        assert!(from.is_empty());
        assert_eq!(back, values);
        assert_eq!(Some(&before), values.last());
        assert_eq!(before, after);
    }
}
