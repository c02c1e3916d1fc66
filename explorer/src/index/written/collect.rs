//! Collects what one chunk writes while it is replayed.

use super::blob::Maker;
use super::merge::Stream;
use super::overlay::Overlay;
use rdb_schema::event::Event;
use rdb_schema::replay::Sink;
use rdb_schema::space::PAGE;
use std::collections::HashMap;

/// Pages collected before they are put aside, so that memory stays bounded.
const MAX_PAGES: usize = 4096;

/// Places of pages remembered without a look into the table.
const RECENT: usize = 256;

/// The pages written so far.
pub struct Collector {
    places: HashMap<u64, u32>,
    overlays: Vec<Overlay>,
    /// Page and place, by the page's low bits.
    recent: [(u64, u32); RECENT],
    parts: Vec<Vec<u8>>,
}

impl Collector {
    /// Nothing written yet.
    pub fn new() -> Self {
        Self {
            places: HashMap::new(),
            overlays: Vec::new(),
            recent: [(u64::MAX, 0); RECENT],
            parts: Vec::new(),
        }
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
        let mut places: Vec<(u64, u32)> = self.places.drain().collect();
        places.sort_unstable();
        let mut part = Maker::default();
        for (page, place) in places {
            if let Some(overlay) = self.overlays.get_mut(place as usize) {
                part.push(page, |out| overlay.encode(out));
                overlay.clear();
            }
        }
        self.recent = [(u64::MAX, 0); RECENT];
        self.parts.push(part.finish());
    }

    fn overlay(&mut self, page: u64) -> Option<&mut Overlay> {
        let slot = page as usize % RECENT;
        let (known, place) = self.recent.get(slot).copied()?;
        let place = if known == page { place } else { self.place(page) };
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = (page, place);
        }
        self.overlays.get_mut(place as usize)
    }

    fn place(&mut self, page: u64) -> u32 {
        if let Some(place) = self.places.get(&page) {
            return *place;
        }
        if self.places.len() >= MAX_PAGES {
            self.put_aside();
        }
        let place = self.places.len() as u32;
        self.places.insert(page, place);
        if self.overlays.len() <= place as usize {
            self.overlays.push(Overlay::default());
        }
        place
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
