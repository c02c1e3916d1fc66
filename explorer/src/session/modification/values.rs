//! What a subject held before and after writes to it.

use super::Moment;
use super::stored::{Written, written};
use crate::index::Plans;
use crate::session::value::Bytes;
use crate::session::{Session, registers};
use crate::timeline::{StateError, Timeline};
use crate::trace::ChunkPlace;
use rayon::prelude::*;
use rdb_schema::registers::Registers;
use rdb_schema::space::PAGE;
use std::ops::Range;

/// Chunks that are replayed at a time.
const BATCH: usize = 4;

impl Session {
    /// What register `name` held before and after each of `moments`.
    pub(super) fn register_values(
        &self,
        name: &str,
        moments: &[Moment],
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        let value = |all: Registers| {
            self.interrupt.check()?;
            let bytes = registers::read(&all, name).map(|value| value.bytes).unwrap_or_default();
            Ok::<Bytes, StateError>(bytes.into_iter().map(Some).collect())
        };
        let (before, after) =
            (|t| self.timeline.registers(t), |t| self.timeline.registers_after(t));
        moments.iter().map(|(t, _)| Ok((value(before(*t)?)?, value(after(*t)?)?))).collect()
    }

    /// What `addresses` held before and after each of `moments`: all that wrote
    /// there between the first and the last, in order. What they held before the first is looked
    /// for if it is not `known`.
    pub(super) fn memory_values(
        &self,
        addresses: &Range<u64>,
        moments: &[Moment],
        known: Option<Bytes>,
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        let timeline = &self.timeline;
        let length = addresses.end.saturating_sub(addresses.start) as usize;
        let memory = |t: u64| self.timeline.memory(t, addresses.start, length);
        let Some((first, _)) = moments.first() else { return Ok(Vec::new()) };
        let mut held = match known {
            Some(held) => held,
            None => self.held_before(addresses, *first)?,
        };
        let mut mapped_part = mapped_part(timeline, addresses, *first)?;
        keep(&mut held, &mapped_part);
        let mut values = Vec::with_capacity(moments.len());
        let chunks = by_chunk(timeline, moments)?;
        let plans = Plans::with_values(timeline.dictionary());
        for batch in chunks.chunks(BATCH) {
            let written: Vec<Written> = batch
                .par_iter()
                .map(|moments| written(timeline, &plans, addresses, moments))
                .collect::<Result<_, _>>()?;
            let pieces = written.iter().flat_map(Written::iter);
            for ((t, mapped), pieces) in batch.iter().copied().flatten().zip(pieces) {
                let old = Bytes::from_slice(&held);
                if *mapped {
                    held = memory(t + 1)?.into();
                    mapped_part = self::mapped_part(timeline, addresses, t + 1)?;
                } else {
                    pieces.for_each(|(offset, bytes)| put(&mut held, offset, bytes));
                    keep(&mut held, &mapped_part);
                }
                values.push((old, Bytes::from_slice(&held)));
            }
        }
        Ok(values)
    }
}

/// The moments of each chunk.
fn by_chunk<'m>(
    timeline: &Timeline,
    mut moments: &'m [Moment],
) -> Result<Vec<&'m [Moment]>, StateError> {
    let mut chunks = Vec::new();
    while let Some((first, _)) = moments.first() {
        let index = timeline.chunk_at(*first)?;
        let end = timeline.chunk_places().get(index).map_or(u64::MAX, ChunkPlace::end);
        let count = moments.partition_point(|(t, _)| *t < end).max(1);
        let (own, rest) = moments.split_at(count);
        chunks.push(own);
        moments = rest;
    }
    Ok(chunks)
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

fn put(held: &mut Bytes, offset: usize, bytes: &[u8]) {
    let to = held.get_mut(offset..).unwrap_or_default();
    to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = Some(*byte));
}
