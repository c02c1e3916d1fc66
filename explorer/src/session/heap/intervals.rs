//! Intervals of time, by piece of memory, of which those that hold a moment are found.

use std::ops::{Range, RangeInclusive};

/// One, with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Interval {
    piece: u64,
    start: u64,
    number: u32,
    end: u64,
}

/// Intervals, each of a piece. Complete as soon as they are [sorted](Self::sort).
#[derive(Debug, Default)]
pub(super) struct Intervals {
    /// Ascending by piece, and by their starts.
    list: Vec<Interval>,
    /// For each part of a piece's list that is halved at an index, at that index: its latest end.
    latest: Vec<u64>,
}

impl Intervals {
    /// Adds one.
    pub fn push(&mut self, piece: u64, times: Range<u64>, number: u32) {
        self.list.push(Interval { piece, start: times.start, number, end: times.end });
    }

    /// Makes them ready to be asked.
    pub fn sort(&mut self) {
        self.list.sort_unstable();
        self.latest = vec![0; self.list.len()];
        let mut start = 0;
        while let Some(piece) = self.list.get(start).map(|one| one.piece) {
            let end = self.end_of(piece, start);
            self.note_latest(start..end);
            start = end;
        }
    }

    /// Where those of a piece end that begin at `start`.
    fn end_of(&self, piece: u64, start: usize) -> usize {
        let rest = self.list.get(start..).unwrap_or_default();
        start + rest.partition_point(|one| one.piece <= piece)
    }

    fn note_latest(&mut self, part: Range<usize>) -> u64 {
        let Some((before, middle, behind)) = halved(&part) else { return 0 };
        let own = self.list.get(middle).map_or(0, |one| one.end);
        let latest = own.max(self.note_latest(before)).max(self.note_latest(behind));
        if let Some(place) = self.latest.get_mut(middle) {
            *place = latest;
        }
        latest
    }

    /// The first number that `is_wanted`, of intervals of some of `pieces` that hold `t`. Takes
    /// time by the logarithm of their count for each piece, and each that holds it.
    pub fn find(
        &self,
        pieces: RangeInclusive<u64>,
        t: u64,
        is_wanted: &mut dyn FnMut(u32) -> bool,
    ) -> Option<u32> {
        let mut start = self.list.partition_point(|one| one.piece < *pieces.start());
        loop {
            let piece = self.list.get(start)?.piece;
            if piece > *pieces.end() {
                return None;
            }
            let end = self.end_of(piece, start);
            let found = self.find_in(start..end, t, is_wanted);
            if found.is_some() {
                return found;
            }
            start = end;
        }
    }

    fn find_in(
        &self,
        part: Range<usize>,
        t: u64,
        is_wanted: &mut dyn FnMut(u32) -> bool,
    ) -> Option<u32> {
        let (before, middle, behind) = halved(&part)?;
        if self.latest.get(middle).is_none_or(|latest| *latest <= t) {
            return None;
        }
        let found = self.find_in(before, t, is_wanted);
        let Interval { start, end, number, .. } = *self.list.get(middle)?;
        let own = || ((start..end).contains(&t) && is_wanted(number)).then_some(number);
        // What is behind begins later.
        let found = found.or_else(own);
        if found.is_some() || start > t { found } else { self.find_in(behind, t, is_wanted) }
    }
}

/// What is before the middle of `part`, the middle, and what is behind it; `None` of nothing.
fn halved(part: &Range<usize>) -> Option<(Range<usize>, usize, Range<usize>)> {
    let middle = part.start + part.len() / 2;
    (!part.is_empty()).then(|| (part.start..middle, middle, middle + 1..part.end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_that_hold_a_moment_are_found(
            all in prop::collection::vec((0..4_u64, 0..60_u64, 0..60_u64), 0..80),
            pieces in (0..5_u64, 0..5_u64),
            t in 0..64_u64,
        ) {
            let mut intervals = Intervals::default();
            for (number, (piece, start, end)) in (0..).zip(&all) {
                intervals.push(*piece, *start..*end, number);
            }
            intervals.sort();
            let pieces = pieces.0..=pieces.1;
            let mut found = Vec::new();
            let none = intervals.find(pieces.clone(), t, &mut |number| {
                found.push(number);
                false
            });
            prop_assert_eq!(none, None);
            found.sort_unstable();
            let holds = |(_, (piece, start, end)): &(u32, &(u64, u64, u64))| {
                pieces.contains(piece) && (*start..*end).contains(&t)
            };
            let expected: Vec<u32> = (0..).zip(&all).filter(holds).map(|(n, _)| n).collect();
            let last = expected.last().copied();
            prop_assert_eq!(&found, &expected);
            let is_last = &mut |number| Some(number) == last;
            prop_assert_eq!(intervals.find(pieces.clone(), t, is_last), last);
        }
    }
}
