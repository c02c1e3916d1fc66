//! Small numbers for pages, in the order in which they are met.

use std::collections::HashMap;

/// Numbers of pages remembered without a look into the table.
const RECENT: usize = 256;

/// An empty slot: no page has that number, as pages have 52 bits.
const NONE: (u64, u32) = (u64::MAX, 0);

/// The numbers of pages: 0 for the first one met, 1 for the second, and so on.
pub struct PageNumbers {
    table: HashMap<u64, u32>,
    /// Page and number, by the page's low bits.
    recent: [(u64, u32); RECENT],
}

impl PageNumbers {
    /// No page met yet.
    pub fn new() -> Self {
        Self { table: HashMap::new(), recent: [NONE; RECENT] }
    }

    /// How many pages have one.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The number of `page`, which has one now; `None` if it had none, and `most` have one.
    #[inline]
    pub fn number_of(&mut self, page: u64, most: usize) -> Option<u32> {
        let slot = page as usize % RECENT;
        let (known, number) = self.recent[slot];
        if known == page {
            return Some(number);
        }
        let number = self.look_up(page, most)?;
        self.recent[slot] = (page, number);
        Some(number)
    }

    fn look_up(&mut self, page: u64, most: usize) -> Option<u32> {
        if let Some(number) = self.table.get(&page) {
            return Some(*number);
        }
        let number = self.table.len();
        if number >= most {
            return None;
        }
        self.table.insert(page, number as u32);
        Some(number as u32)
    }

    /// The pages met with their numbers, by ascending page; it forgets them.
    pub fn take(&mut self) -> Vec<(u64, u32)> {
        let mut all: Vec<(u64, u32)> = self.table.drain().collect();
        all.sort_unstable();
        self.recent = [NONE; RECENT];
        all
    }
}
