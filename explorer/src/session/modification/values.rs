//! What a subject held before and after writes to it.

use super::Moment;
use crate::session::value::Bytes;
use crate::session::{Session, registers};
use crate::timeline::{StateError, Timeline};
use rayon::prelude::*;
use rdb_schema::registers::Registers;
use rdb_schema::space::PAGE;
use std::ops::Range;

/// Chunks that are replayed at a time.
const BATCH: usize = 4;

/// Stored bytes, and their offset in the subject.
type Piece = (usize, Vec<u8>);

impl Session {
    /// What register `name` held before and after each of `moments`.
    pub(super) fn register_values(
        &self,
        name: &str,
        moments: &[Moment],
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        let value = |all: Registers| {
            let bytes = registers::read(&all, name).map(|value| value.bytes).unwrap_or_default();
            bytes.into_iter().map(Some).collect::<Bytes>()
        };
        let (before, after) =
            (|t| self.timeline.registers(t), |t| self.timeline.registers_after(t));
        moments.iter().map(|(t, _)| Ok((value(before(*t)?), value(after(*t)?)))).collect()
    }

    /// What `addresses` held before and after each of `moments`: all that wrote
    /// there between the first and the last, in order.
    pub(super) fn memory_values(
        &self,
        addresses: &Range<u64>,
        moments: &[Moment],
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        let timeline = &self.timeline;
        let length = addresses.end.saturating_sub(addresses.start) as usize;
        let memory = |t: u64| self.timeline.memory(t, addresses.start, length);
        let Some((first, _)) = moments.first() else { return Ok(Vec::new()) };
        let mut held = self.held_before(addresses, *first)?;
        let mut mapped_part = mapped_part(timeline, addresses, *first)?;
        keep(&mut held, &mapped_part);
        let mut values = Vec::with_capacity(moments.len());
        let chunk_of = |moment: &Moment| self.timeline.chunk_at(moment.0).unwrap_or(0);
        let chunks: Vec<&[Moment]> = moments.chunk_by(|a, b| chunk_of(a) == chunk_of(b)).collect();
        for batch in chunks.chunks(BATCH) {
            let written: Vec<_> = batch
                .par_iter()
                .map(|moments| written(timeline, addresses, moments))
                .collect::<Result<_, _>>()?;
            for ((t, mapped), pieces) in
                batch.iter().copied().flatten().zip(written.iter().flatten())
            {
                let old = held.clone();
                if *mapped {
                    held = memory(t + 1)?;
                    mapped_part = self::mapped_part(timeline, addresses, t + 1)?;
                } else {
                    pieces.iter().for_each(|(offset, bytes)| put(&mut held, *offset, bytes));
                    keep(&mut held, &mapped_part);
                }
                values.push((old, held.clone()));
            }
        }
        Ok(values)
    }
}

/// What each of `moments`, which lie in one chunk, stored to `addresses`:
/// offsets and bytes.
pub(super) fn written(
    timeline: &Timeline,
    addresses: &Range<u64>,
    moments: &[Moment],
) -> Result<Vec<Vec<Piece>>, StateError> {
    let (Some((first, _)), Some((last, _))) = (moments.first(), moments.last()) else {
        return Ok(Vec::new());
    };
    if timeline.interrupt().raised() {
        return Err(StateError::Interrupted);
    }
    let view = timeline.chunk_view(timeline.chunk_at(*first)?)?;
    view.check(last + 1)?;
    let of = |(t, _): &Moment| {
        view.stores()
            .at(*t)
            .filter_map(|store| part(addresses, store.address, store.bytes))
            .collect()
    };
    Ok(moments.iter().map(of).collect())
}

/// The offsets in `addresses` that are mapped at state `t`.
fn mapped_part(
    timeline: &Timeline,
    addresses: &Range<u64>,
    t: u64,
) -> Result<Vec<Range<usize>>, StateError> {
    let space = timeline.shared_space(t)?;
    let offset = |address: u64| address.saturating_sub(addresses.start) as usize;
    let mut parts = Vec::new();
    let mut at = addresses.start;
    while at < addresses.end {
        let page_end = (at / PAGE * PAGE).saturating_add(PAGE);
        let found = space.find(at);
        let end = found.map_or(page_end, |mapping| mapping.end).min(addresses.end);
        if found.is_some() {
            parts.push(offset(at)..offset(end));
        }
        at = end;
    }
    Ok(parts)
}

/// Nothing is known of what is not mapped.
fn keep(held: &mut Bytes, parts: &[Range<usize>]) {
    if matches!(parts, [all] if all.len() == held.len()) {
        return;
    }
    for (offset, byte) in held.iter_mut().enumerate() {
        if !parts.iter().any(|part| part.contains(&offset)) {
            *byte = None;
        }
    }
}

/// The part of a store that falls into `addresses`: offset there, and bytes.
fn part(addresses: &Range<u64>, address: u64, bytes: &[u8]) -> Option<Piece> {
    let skipped = usize::try_from(addresses.start.saturating_sub(address)).ok()?;
    let offset = usize::try_from(address.saturating_sub(addresses.start)).ok()?;
    let room = usize::try_from(addresses.end.saturating_sub(addresses.start)).ok()?;
    let room = room.checked_sub(offset)?;
    let bytes = bytes.get(skipped..)?;
    let bytes = bytes.get(..room).unwrap_or(bytes);
    (!bytes.is_empty()).then(|| (offset, bytes.to_vec()))
}

fn put(held: &mut Bytes, offset: usize, bytes: &[u8]) {
    let to = held.get_mut(offset..).unwrap_or_default();
    to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = Some(*byte));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_counts_as_far_as_it_falls_into_the_range() {
        let range = 100..104;
        assert_eq!(part(&range, 98, &[1, 2, 3, 4]), Some((0, vec![3, 4])));
        assert_eq!(part(&range, 102, &[1, 2, 3, 4]), Some((2, vec![1, 2])));
        assert_eq!(part(&range, 96, &[1, 2]), None);
        assert_eq!(part(&range, 104, &[1]), None);
        assert_eq!(part(&range, 90, &[0; 30]), Some((0, vec![0; 4])));
    }
}
