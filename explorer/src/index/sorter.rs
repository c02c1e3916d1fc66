//! Sorts postings by page, and each page's by granule. They come by time, and most go to
//! few pages: counting takes a fifth of the time of comparing.

use super::page_numbers::PageNumbers;
use super::postings::{GRANULE, Posting};
use rdb_schema::space::PAGE;

/// Granules of a page.
const GRANULES: usize = (PAGE >> GRANULE) as usize;

/// Most postings, and most pages of them, that are counted; more are compared, in place, so that
/// memory stays bounded.
const MOST_COUNTED: usize = 1 << 20;
const MAX_PAGES: usize = 1 << 16;

/// Postings of a page, fewer of which are compared.
const FEW: usize = 128;

/// Sorts postings; its buffers serve one list after another.
pub struct Sorter {
    numbers: PageNumbers,
    /// The place of each posting's page.
    at: Vec<u32>,
    /// Of each place, the number of postings; then where the next one goes.
    counts: Vec<usize>,
    by_page: Vec<Posting>,
}

impl Sorter {
    /// Without buffers yet.
    pub fn new() -> Self {
        Self {
            numbers: PageNumbers::new(),
            at: Vec::new(),
            counts: Vec::new(),
            by_page: Vec::new(),
        }
    }

    /// Sorts `postings`, whatever their order.
    pub fn sort(&mut self, postings: &mut [Posting]) {
        let counted = postings.len() <= MOST_COUNTED && self.count(postings);
        let pages = self.numbers.take();
        if !counted {
            return postings.sort_unstable();
        }
        let mut end = 0;
        for (_, place) in pages {
            if let Some(count) = self.counts.get_mut(place as usize) {
                (*count, end) = (end, end + *count);
            }
        }
        self.by_page.clear();
        self.by_page.resize(postings.len(), Posting { granule: 0, time: 0, mask: 0 });
        for (posting, place) in postings.iter().zip(&self.at) {
            put(&mut self.by_page, self.counts.get_mut(*place as usize), posting);
        }
        let mut rest = postings;
        for page in self.by_page.chunk_by(|a, b| page(a) == page(b)) {
            let Some((sorted, later)) = rest.split_at_mut_checked(page.len()) else { return };
            sort_page(page, sorted);
            rest = later;
        }
    }

    /// Counts the postings of each page; whether they are not too many pages.
    fn count(&mut self, postings: &[Posting]) -> bool {
        self.at.clear();
        self.counts.clear();
        for posting in postings {
            let Some(place) = self.numbers.number_of(page(posting), MAX_PAGES) else {
                return false;
            };
            if self.counts.len() < self.numbers.len() {
                self.counts.push(0);
            }
            if let Some(count) = self.counts.get_mut(place as usize) {
                *count += 1;
            }
            self.at.push(place);
        }
        true
    }
}

fn page(posting: &Posting) -> u64 {
    posting.granule / GRANULES as u64
}

/// Puts the postings of one page into `sorted`, which has room for them.
fn sort_page(postings: &[Posting], sorted: &mut [Posting]) {
    if postings.len() < FEW {
        sorted.copy_from_slice(postings);
    } else {
        let within = |posting: &Posting| posting.granule as usize % GRANULES;
        let mut counts = [0; GRANULES];
        postings.iter().for_each(|posting| counts[within(posting)] += 1);
        let mut end = 0;
        counts.iter_mut().for_each(|count| (*count, end) = (end, end + *count));
        for posting in postings {
            put(sorted, counts.get_mut(within(posting)), posting);
        }
    }
    // Of few postings; of the same time, by their masks.
    if !sorted.is_sorted() {
        sorted.sort_unstable();
    }
}

/// Puts a posting where `next` says, and moves that on.
fn put(to: &mut [Posting], next: Option<&mut usize>, posting: &Posting) {
    let Some(next) = next else { return };
    if let Some(to) = to.get_mut(*next) {
        *to = *posting;
    }
    *next += 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn postings_are_sorted_as_by_comparing(
            stores in prop::collection::vec((0u64..5, 0u64..600, 0u32..3, 0u8..3), 0..1500),
            base in 0u64..1 << 60, in_order: bool,
        ) {
            let mut time = 0;
            let make = |(page, granule, step, mask): &(u64, u64, u32, u8)| {
                time = if in_order { time + step } else { *step };
                let granule = base + page * 10_000 + granule;
                Posting { granule, time, mask: *mask }
            };
            let mut postings: Vec<Posting> = stores.iter().map(make).collect();
            let mut expected = postings.clone();
            expected.sort();
            let mut sorter = Sorter::new();
            // Twice: what is left of one list must not count in the next.
            sorter.sort(&mut postings.clone());
            sorter.sort(&mut postings);
            prop_assert_eq!(postings, expected);
        }
    }

    #[test]
    fn more_pages_than_are_counted_are_sorted_all_the_same() {
        let all = 0..MAX_PAGES as u64 + 10;
        let make = |page: u64| Posting { granule: page * GRANULES as u64, time: 0, mask: 1 };
        let mut postings: Vec<Posting> = all.clone().rev().map(make).collect();
        Sorter::new().sort(&mut postings);
        assert!(postings.into_iter().eq(all.map(make)));
    }
}
