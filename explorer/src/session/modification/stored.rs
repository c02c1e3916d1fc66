//! What tracepoints stored to a range of memory.

use super::Moment;
use crate::index::{Found, Plans, Span, Stored, sweep_soundly};
use crate::timeline::{StateError, Timeline};
use rdb_schema::event::Event;
use std::ops::Range;

/// Moments of a chunk from which on it is swept over instead of replayed, if that was
/// not done before.
const MANY: usize = 8;

/// What moments stored, one after the other.
#[derive(Default)]
pub struct Written {
    /// By moment: one past its last piece.
    ends: Vec<usize>,
    /// Offset in the range, and where its bytes end below.
    pieces: Vec<(usize, usize)>,
    bytes: Vec<u8>,
}

impl Written {
    /// By moment: the pieces that it stored, in order, as offset in the range and bytes.
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = impl DoubleEndedIterator<Item = (usize, &[u8])>> {
        let before = |at: usize| at.checked_sub(1);
        let start = move |at: usize| before(at).and_then(|at| self.ends.get(at)).copied();
        let from = move |at: usize| before(at).and_then(|at| self.pieces.get(at));
        let piece = move |at: usize| {
            let (offset, end) = self.pieces.get(at).copied().unwrap_or_default();
            let start = from(at).map_or(0, |(_, end)| *end);
            (offset, self.bytes.get(start..end).unwrap_or_default())
        };
        let moments = self.ends.iter().enumerate();
        moments.map(move |(at, end)| (start(at).unwrap_or(0)..*end).map(piece))
    }

    /// Adds what a store at `address` puts into `range`.
    fn put(&mut self, range: &Range<u64>, address: u64, bytes: &[u8]) {
        if let Some((offset, bytes)) = part(range, address, bytes) {
            self.bytes.extend_from_slice(bytes);
            self.pieces.push((offset, self.bytes.len()));
        }
    }

    /// What follows is of the next moment.
    fn end_moment(&mut self) {
        self.ends.push(self.pieces.len());
    }
}

/// What each of `moments`, which lie in one chunk, in order, stored to `range`. `plans` are
/// those [`Plans::with_values`] makes.
///
/// # Errors
/// [`StateError`].
pub fn written(
    timeline: &Timeline,
    plans: &Plans,
    range: &Range<u64>,
    moments: &[Moment],
) -> Result<Written, StateError> {
    let (Some((first, _)), Some((last, _))) = (moments.first(), moments.last()) else {
        return Ok(Written::default());
    };
    if timeline.interrupt().raised() {
        return Err(StateError::Interrupted);
    }
    let index = timeline.chunk_at(*first)?;
    if moments.len() >= MANY
        && !timeline.has_view(index)
        && let Some(written) = swept(timeline, plans, range, (index, moments))
    {
        return Ok(written);
    }
    let view = timeline.chunk_view(index)?;
    view.check(last + 1)?;
    let mut written = Written::default();
    for (t, _) in moments {
        view.stores().at(*t).for_each(|store| written.put(range, store.address, store.bytes));
        written.end_moment();
    }
    Ok(written)
}

/// The same by a sweep. `None` if that does not tell, or meets something wrong.
fn swept(
    timeline: &Timeline,
    plans: &Plans,
    range: &Range<u64>,
    (index, moments): (usize, &[Moment]),
) -> Option<Written> {
    let chunk = timeline.chunk(index).ok()?;
    let mut collector =
        Collector { first: chunk.first, range, moments, unknown: false, written: <_>::default() };
    sweep_soundly(timeline, plans, (index, &chunk), &mut collector).ok()?;
    collector.pass(u64::MAX);
    (!collector.unknown).then_some(collector.written)
}

struct Collector<'a> {
    first: u64,
    range: &'a Range<u64>,
    /// Those not passed yet.
    moments: &'a [Moment],
    /// Whether something was stored there of which the bytes are not known.
    unknown: bool,
    written: Written,
}

impl Collector<'_> {
    /// Ends the moments before `t`.
    fn pass(&mut self, t: u64) {
        while let Some(((moment, _), rest)) = self.moments.split_first()
            && *moment < t
        {
            self.written.end_moment();
            self.moments = rest;
        }
    }
}

impl Found for Collector<'_> {
    fn store(&mut self, _: Stored) {}

    fn holds(&mut self, stored: Stored, bytes: Option<&[u8]>) {
        let Stored { time, address, bytes: length, .. } = stored;
        if address >= self.range.end || address.saturating_add(length) <= self.range.start {
            return;
        }
        let t = self.first + u64::from(time);
        self.pass(t);
        if self.moments.first().is_none_or(|(moment, _)| *moment != t) {
            return;
        }
        match bytes {
            Some(bytes) => self.written.put(self.range, address, bytes),
            None => self.unknown = true,
        }
    }

    fn span(&mut self, _: Span) {}

    fn event(&mut self, _: &Event, _: u64) {}
}

/// The part of a store that falls into `range`: offset there, and bytes.
fn part<'a>(range: &Range<u64>, address: u64, bytes: &'a [u8]) -> Option<(usize, &'a [u8])> {
    let skipped = usize::try_from(range.start.saturating_sub(address)).ok()?;
    let offset = usize::try_from(address.saturating_sub(range.start)).ok()?;
    let room = usize::try_from(range.end.saturating_sub(range.start)).ok()?;
    let room = room.checked_sub(offset)?;
    let bytes = bytes.get(skipped..)?;
    let bytes = bytes.get(..room).unwrap_or(bytes);
    (!bytes.is_empty()).then_some((offset, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_counts_as_far_as_it_falls_into_the_range() {
        let range = 100..104;
        assert_eq!(part(&range, 98, &[1, 2, 3, 4]), Some((0, &[3, 4][..])));
        assert_eq!(part(&range, 102, &[1, 2, 3, 4]), Some((2, &[1, 2][..])));
        assert_eq!(part(&range, 96, &[1, 2]), None);
        assert_eq!(part(&range, 104, &[1]), None);
        assert_eq!(part(&range, 90, &[0; 30]), Some((0, &[0; 4][..])));
    }

    #[test]
    fn pieces_are_those_of_their_moments() {
        let mut written = Written::default();
        written.put(&(0..8), 2, &[1, 2]);
        written.put(&(0..8), 7, &[3, 4]);
        written.end_moment();
        written.end_moment();
        written.put(&(0..8), 0, &[5]);
        written.end_moment();
        let all: Vec<Vec<(usize, &[u8])>> = written.iter().map(Iterator::collect).collect();
        assert_eq!(all, [vec![(2, &[1, 2][..]), (7, &[3])], vec![], vec![(0, &[5])]]);
    }
}
