//! Who wrote to memory.

use super::leaf::{Change, pieces};
use super::postings::{self, GRANULE, Posting};
use super::tree::Wanted;
use super::{Index, IndexError};
use crate::timeline::{Direction, StateError, Timeline};
use std::ops::{ControlFlow, Range};

/// A tracepoint that wrote to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write {
    /// The tracepoint; the write shows in the state after it.
    pub tracepoint: u64,
    /// Whether it changed what is mapped there. It may have stored, too.
    pub mapped: bool,
}

impl Index {
    /// Calls `visit` with the tracepoints of `times` that wrote to some of
    /// `addresses`, in `direction`, until it breaks.
    ///
    /// # Errors
    /// [`IndexError`]; of what cannot be trusted only when the way leads there.
    pub fn writes(
        &self,
        timeline: &Timeline,
        addresses: Range<u64>,
        times: Range<u64>,
        direction: Direction,
        visit: &mut dyn FnMut(Write) -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        let times = times.start..times.end.min(timeline.end());
        let Some(last) = addresses.end.checked_sub(1) else { return Ok(()) };
        if times.is_empty() || addresses.is_empty() {
            return Ok(());
        }
        let chunks = timeline.chunk_at(times.start)?..timeline.chunk_at(times.end - 1)? + 1;
        let wanted = Wanted::Addresses(addresses.start, last);
        self.leaves(chunks, direction, &wanted, &mut |index, written| {
            if timeline.interrupt().raised() {
                return Err(StateError::Interrupted.into());
            }
            let leaf = self.leaf(timeline, index)?;
            if !written && !leaf.changes.iter().any(|change| touches(change, &addresses)) {
                return Ok(ControlFlow::Continue(()));
            }
            let found = self.writes_in(timeline, index, &addresses, &times)?;
            Ok(in_direction(found, direction, visit))
        })
    }

    /// The writes of chunk `index`, in order.
    fn writes_in(
        &self,
        timeline: &Timeline,
        index: usize,
        addresses: &Range<u64>,
        times: &Range<u64>,
    ) -> Result<Vec<Write>, IndexError> {
        let leaf = self.leaf(timeline, index)?;
        let place = timeline.chunk_places().get(index).ok_or(IndexError::Damaged)?;
        let (mut found, mut unsure) = (Vec::new(), Vec::new());
        let last = addresses.end.saturating_sub(1);
        let keys = (addresses.start >> GRANULE, last >> GRANULE);
        let edges = Edges::new(addresses);
        for piece in pieces(&leaf.postings, keys) {
            postings::decode(&self.part(&piece.place)?, keys, |posting| {
                let tracepoint = place.first + u64::from(posting.time);
                if !times.contains(&tracepoint) {
                    return;
                }
                if posting.mask == 0 {
                    unsure.push(tracepoint);
                } else if edges.touch(&posting) {
                    found.push(Write { tracepoint, mapped: false });
                }
            })?;
        }
        unsure.sort_unstable();
        unsure.dedup();
        for tracepoint in unsure {
            if stores(timeline, index, tracepoint, addresses)? {
                found.push(Write { tracepoint, mapped: false });
            }
        }
        for change in leaf.changes.iter().filter(|change| touches(change, addresses)) {
            if times.contains(&change.tracepoint) {
                found.push(Write { tracepoint: change.tracepoint, mapped: true });
            }
        }
        found.sort_unstable();
        found.dedup_by(|next, last| {
            let same = next.tracepoint == last.tracepoint;
            last.mapped |= same && next.mapped;
            same
        });
        Ok(found)
    }
}

/// The bytes of a range in its first and in its last granule; of those between
/// all count.
struct Edges {
    first: (u64, u8),
    last: (u64, u8),
}

impl Edges {
    fn new(addresses: &Range<u64>) -> Self {
        let last = addresses.end.saturating_sub(1);
        let (first, end) = (addresses.start >> GRANULE, last >> GRANULE);
        let from = u8::MAX << (addresses.start & 7);
        let to = u8::MAX >> (7 - (last & 7));
        let one = first == end;
        Self { first: (first, if one { from & to } else { from }), last: (end, to) }
    }

    fn touch(&self, posting: &Posting) -> bool {
        let mask = match posting.granule {
            granule if granule == self.first.0 => self.first.1,
            granule if granule == self.last.0 => self.last.1,
            _ => u8::MAX,
        };
        posting.mask & mask != 0
    }
}

fn touches(change: &Change, addresses: &Range<u64>) -> bool {
    change.start < addresses.end && addresses.start < change.end
}

/// Whether `tracepoint` of chunk `index` really stores to some of `addresses`.
fn stores(
    timeline: &Timeline,
    index: usize,
    tracepoint: u64,
    addresses: &Range<u64>,
) -> Result<bool, IndexError> {
    let view = timeline.chunk_view(index)?;
    view.check(tracepoint + 1).map_err(StateError::from)?;
    Ok(view.stores().at(tracepoint).any(|store| {
        let end = store.address.saturating_add(store.bytes.len() as u64);
        store.address < addresses.end && addresses.start < end
    }))
}

fn in_direction(
    found: Vec<Write>,
    direction: Direction,
    visit: &mut dyn FnMut(Write) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match direction {
        Direction::Forward => found.into_iter().try_for_each(visit),
        Direction::Backward => found.into_iter().rev().try_for_each(visit),
    }
}
