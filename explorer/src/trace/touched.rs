//! Which of many stores touch which page.

use rdb_schema::space::PAGE;
use std::collections::HashMap;

/// Numbers of pages remembered without a look into the table.
const RECENT: usize = 256;

/// The stores of each page, by their numbers, in order.
pub(super) struct Touched {
    slots: HashMap<u64, u32>,
    /// Where the stores of each slot end, behind those of the one before.
    ends: Vec<u32>,
    stores: Vec<u32>,
}

impl Touched {
    /// Of stores given by address and length.
    pub fn of(stores: impl Iterator<Item = (u64, u32)>) -> Self {
        let mut slots = Slots::new();
        let mut touches: Vec<(u32, u32)> = Vec::with_capacity(stores.size_hint().0);
        for (index, (address, length)) in stores.enumerate() {
            let Some(more) = length.checked_sub(1) else { continue };
            let last = address.saturating_add(more.into());
            for page in address / PAGE..=last / PAGE {
                touches.push((slots.take(page), index as u32));
            }
        }
        let mut next = 0;
        let mut ends: Vec<u32> =
            slots.counts.iter().map(|count| start(&mut next, *count)).collect();
        let mut sorted = vec![0; touches.len()];
        for (slot, index) in touches {
            let Some(place) = ends.get_mut(slot as usize) else { continue };
            if let Some(to) = sorted.get_mut(*place as usize) {
                *to = index;
            }
            *place += 1;
        }
        Self { slots: slots.known, ends, stores: sorted }
    }

    /// Those of a page.
    pub fn page(&self, page: u64) -> &[u32] {
        let stores = self.slots.get(&page).and_then(|slot| {
            let slot = *slot as usize;
            let start = slot.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before))?;
            self.stores.get(*start as usize..*self.ends.get(slot)? as usize)
        });
        stores.unwrap_or_default()
    }
}

/// Where `count` begin if `next` are there already.
fn start(next: &mut u32, count: u32) -> u32 {
    let start = *next;
    *next += count;
    start
}

/// Pages met so far, each with a slot of its own.
struct Slots {
    known: HashMap<u64, u32>,
    counts: Vec<u32>,
    /// Page and slot, by the page's low bits.
    recent: [(u64, u32); RECENT],
}

impl Slots {
    fn new() -> Self {
        Self { known: HashMap::new(), counts: Vec::new(), recent: [(u64::MAX, 0); RECENT] }
    }

    /// Counts one more touch of a page; its slot.
    fn take(&mut self, page: u64) -> u32 {
        let recent = &mut self.recent[page as usize % RECENT];
        if recent.0 != page {
            let next = self.counts.len() as u32;
            let slot = *self.known.entry(page).or_insert(next);
            if slot == next {
                self.counts.push(0);
            }
            *recent = (page, slot);
        }
        if let Some(count) = self.counts.get_mut(recent.1 as usize) {
            *count += 1;
        }
        recent.1
    }
}
