//! Small numbers for pages, in the order in which they are met.

use std::collections::HashMap;

/// Places of pages remembered without a look into the table.
const RECENT: usize = 256;

/// What no page's place is remembered as: 52 bits number all pages.
const NONE: (u64, u32) = (u64::MAX, 0);

/// The places of pages: 0 for the first one met, 1 for the second, and so on.
pub struct Places {
    table: HashMap<u64, u32>,
    /// Page and place, by the page's low bits.
    recent: [(u64, u32); RECENT],
}

impl Places {
    /// No page met yet.
    pub fn new() -> Self {
        Self { table: HashMap::new(), recent: [NONE; RECENT] }
    }

    /// How many pages have one.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The place of `page`, which has one now; `None` if it had none, and `most` have one.
    #[inline]
    pub fn of(&mut self, page: u64, most: usize) -> Option<u32> {
        let slot = page as usize % RECENT;
        let (known, place) = self.recent[slot];
        if known == page {
            return Some(place);
        }
        let place = self.look_up(page, most)?;
        self.recent[slot] = (page, place);
        Some(place)
    }

    fn look_up(&mut self, page: u64, most: usize) -> Option<u32> {
        if let Some(place) = self.table.get(&page) {
            return Some(*place);
        }
        let place = self.table.len();
        if place >= most {
            return None;
        }
        self.table.insert(page, place as u32);
        Some(place as u32)
    }

    /// The pages met with their places, by ascending page; it forgets them.
    pub fn take(&mut self) -> Vec<(u64, u32)> {
        let mut all: Vec<(u64, u32)> = self.table.drain().collect();
        all.sort_unstable();
        self.recent = [NONE; RECENT];
        all
    }
}
