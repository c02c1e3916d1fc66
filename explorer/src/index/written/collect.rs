//! Collects what one chunk writes while it is replayed.

use super::blob::Maker;
use super::merge::Stream;
use super::overlay::Overlay;
use crate::index::page_numbers::PageNumbers;
use rdb_schema::event::Event;
use rdb_schema::replay::Sink;
use rdb_schema::space::PAGE;

/// Pages collected before they are put aside, so that memory stays bounded.
const MAX_PAGES: usize = 4096;

/// The pages written so far.
pub struct Collector {
    numbers: PageNumbers,
    overlays: Vec<Overlay>,
    parts: Vec<Vec<u8>>,
}

impl Collector {
    /// Nothing written yet.
    pub fn new() -> Self {
        Self { numbers: PageNumbers::new(), overlays: Vec::new(), parts: Vec::new() }
    }

    /// Everything written since the last call, oldest first.
    pub fn finish(&mut self) -> Vec<Stream<'static>> {
        self.put_aside();
        self.parts.drain(..).map(Stream::of_blob).collect()
    }

    /// Forgets what was written since then.
    pub fn clear(&mut self) {
        self.put_aside();
        self.parts.clear();
    }

    fn put_aside(&mut self) {
        let mut part = Maker::default();
        for (page, place) in self.numbers.take() {
            if let Some(overlay) = self.overlays.get_mut(place as usize) {
                part.push(page, |out| overlay.encode(out));
                overlay.clear();
            }
        }
        self.parts.push(part.finish());
    }

    fn overlay(&mut self, page: u64) -> Option<&mut Overlay> {
        let place = self.numbers.number_of(page, MAX_PAGES).or_else(|| {
            self.put_aside();
            self.numbers.number_of(page, MAX_PAGES)
        })?;
        if self.overlays.len() < self.numbers.len() {
            self.overlays.push(Overlay::default());
        }
        self.overlays.get_mut(place as usize)
    }
}

impl Collector {
    /// Bytes stored at `address`.
    pub fn put(&mut self, address: u64, bytes: &[u8]) {
        let (mut at, mut rest) = (address, bytes);
        while !rest.is_empty() {
            let offset = (at % PAGE) as usize;
            let (piece, later) = rest.split_at(rest.len().min(PAGE as usize - offset));
            if let Some(overlay) = self.overlay(at / PAGE) {
                overlay.put(offset, piece);
            }
            // Nothing lies past the last address.
            let Some(next) = at.checked_add(piece.len() as u64) else { return };
            (at, rest) = (next, later);
        }
    }
}

impl Sink for Collector {
    fn store(&mut self, _: u64, address: u64, bytes: &[u8]) {
        self.put(address, bytes);
    }

    fn event(&mut self, _: &Event) {}
}
