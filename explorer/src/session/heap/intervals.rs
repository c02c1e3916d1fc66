//! Intervals of time, of which those that hold a moment are found.

use std::ops::Range;

/// Intervals, each with a number. Complete as soon as they are [sorted](Self::sort).
#[derive(Debug, Default)]
pub(super) struct Intervals {
    /// Ascending by their starts.
    list: Vec<(Range<u64>, u32)>,
    /// For each part of the list that is halved at an index, at that index: its latest end.
    latest: Vec<u64>,
}

impl Intervals {
    /// Adds one.
    pub fn push(&mut self, times: Range<u64>, number: u32) {
        self.list.push((times, number));
    }

    /// Makes them ready to be asked.
    pub fn sort(&mut self) {
        self.list.sort_unstable_by_key(|(times, number)| (times.start, *number));
        self.latest = vec![0; self.list.len()];
        self.note_latest(0..self.list.len());
    }

    fn note_latest(&mut self, part: Range<usize>) -> u64 {
        let Some((before, middle, behind)) = halved(&part) else { return 0 };
        let own = self.list.get(middle).map_or(0, |(times, _)| times.end);
        let latest = own.max(self.note_latest(before)).max(self.note_latest(behind));
        if let Some(place) = self.latest.get_mut(middle) {
            *place = latest;
        }
        latest
    }

    /// The first number that `is_wanted`, of intervals that hold `t`. Takes time by the
    /// logarithm of their count for each that holds it.
    pub fn find(&self, t: u64, is_wanted: &mut dyn FnMut(u32) -> bool) -> Option<u32> {
        self.find_in(0..self.list.len(), t, is_wanted)
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
        let (times, number) = self.list.get(middle)?;
        let own = || (times.contains(&t) && is_wanted(*number)).then_some(*number);
        // What is behind begins later.
        let found = found.or_else(own);
        if found.is_some() || times.start > t { found } else { self.find_in(behind, t, is_wanted) }
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
            all in prop::collection::vec((0..60_u64, 0..60_u64), 0..80),
            t in 0..64_u64,
        ) {
            let mut intervals = Intervals::default();
            for (number, (start, end)) in (0..).zip(&all) {
                intervals.push(*start..*end, number);
            }
            intervals.sort();
            let mut found = Vec::new();
            let none = intervals.find(t, &mut |number| {
                found.push(number);
                false
            });
            prop_assert_eq!(none, None);
            found.sort_unstable();
            let holding = (0..).zip(&all).filter(|(_, (start, end))| (*start..*end).contains(&t));
            let expected: Vec<u32> = holding.map(|(number, _)| number).collect();
            let last = expected.last().copied();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(intervals.find(t, &mut |number| Some(number) == last), last);
        }
    }
}
