//! The stores of a chunk, in the order they happened.

use super::touched::Touched;
use rdb_schema::event::Event;
use rdb_schema::replay::Sink;
use std::sync::OnceLock;

/// Most stores a chunk may make, and most bytes they may write together: far
/// above what instructions can do in a chunk, far below what memory holds.
const MAX_STORES: usize = 16 << 20;
const MAX_BYTES: usize = 512 << 20;

/// Most stores that room is made for beforehand.
const MAX_EXPECTED: usize = 1 << 20;

/// One store, of an instruction or of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store<'a> {
    /// The tracepoint that made it; it shows in the state after.
    pub tracepoint: u64,
    /// Where.
    pub address: u64,
    /// What.
    pub bytes: &'a [u8],
}

#[derive(Clone, Copy)]
struct Place {
    address: u64,
    tracepoint: u32,
    offset: u32,
    length: u32,
}

/// All stores of a chunk.
#[derive(Default)]
pub struct Stores {
    first: u64,
    places: Vec<Place>,
    bytes: Vec<u8>,
    overflow: bool,
    by_page: OnceLock<Touched>,
}

impl Stores {
    pub(super) fn new(first: u64) -> Self {
        Self { first, ..Self::default() }
    }

    /// Makes room for about as many.
    pub(super) fn expect(&mut self, count: usize) {
        let count = count.min(MAX_EXPECTED);
        self.places.reserve(count);
        self.bytes.reserve(count * 8);
    }

    /// Whether there were more than is sane.
    pub(super) fn overflow(&self) -> bool {
        self.overflow
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Store `index`.
    pub fn get(&self, index: usize) -> Option<Store<'_>> {
        let place = self.places.get(index)?;
        let start = place.offset as usize;
        Some(Store {
            tracepoint: self.first + u64::from(place.tracepoint),
            address: place.address,
            bytes: self.bytes.get(start..start + place.length as usize)?,
        })
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Store<'_>> {
        (0..self.len()).filter_map(|i| self.get(i))
    }

    /// The stores of `tracepoint`, in order.
    pub fn at(&self, tracepoint: u64) -> impl Iterator<Item = Store<'_>> {
        let before = |bound: u64| {
            self.places.partition_point(|p| self.first + u64::from(p.tracepoint) < bound)
        };
        (before(tracepoint)..before(tracepoint.saturating_add(1))).filter_map(|i| self.get(i))
    }

    /// The stores of the tracepoints from `since` and before `until` that touch
    /// page number `page`, in order.
    pub fn on_page(
        &self,
        page: u64,
        since: u64,
        until: u64,
    ) -> impl DoubleEndedIterator<Item = Store<'_>> {
        let indexes = self.by_page().page(page);
        let range = self.count_before(indexes, since)..self.count_before(indexes, until);
        indexes.get(range).unwrap_or(&[]).iter().filter_map(|i| self.get(*i as usize))
    }

    /// The tracepoints after `since` and before `until` of every `step`th store that touches page
    /// number `page`, latest first.
    pub fn steps_on_page(
        &self,
        page: u64,
        step: usize,
        (since, until): (u64, u64),
    ) -> impl Iterator<Item = u64> {
        let indexes = self.by_page().page(page);
        let time = |at: usize| {
            let place = self.places.get(*indexes.get(at)? as usize)?;
            Some(self.first + u64::from(place.tracepoint))
        };
        let step = step.max(1);
        let start = self.count_before(indexes, since.saturating_add(1));
        let end = self.count_before(indexes, until);
        let stepped = start.div_ceil(step)..end.div_ceil(step);
        stepped.rev().filter_map(move |at| time(at * step))
    }

    /// How many of the stores `indexes`, which ascend, are of tracepoints before `bound`.
    fn count_before(&self, indexes: &[u32], bound: u64) -> usize {
        indexes.partition_point(|i| {
            let place = self.places.get(*i as usize);
            place.is_some_and(|p| self.first + u64::from(p.tracepoint) < bound)
        })
    }

    fn by_page(&self) -> &Touched {
        let places = || self.places.iter().map(|place| (place.address, place.length));
        self.by_page.get_or_init(|| Touched::of(places()))
    }

    /// About how many bytes of memory they take, page map included.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.places.len() * (size_of::<Place>() + 8)
    }
}

impl Sink for Stores {
    fn store(&mut self, tracepoint: u64, address: u64, bytes: &[u8]) {
        if bytes.is_empty() || self.overflow {
            return;
        }
        if self.places.len() >= MAX_STORES || self.bytes.len() + bytes.len() > MAX_BYTES {
            self.overflow = true;
            return;
        }
        self.places.push(Place {
            address,
            tracepoint: tracepoint.saturating_sub(self.first) as u32,
            offset: self.bytes.len() as u32,
            length: bytes.len() as u32,
        });
        self.bytes.extend_from_slice(bytes);
    }

    fn event(&mut self, _: &Event) {}
}
