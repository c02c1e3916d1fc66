//! Pages of memory, kept up to date while a chunk's stores pass by.

use crate::timeline::{StateError, Timeline};
use crate::trace::Store;
use rdb_schema::space::PAGE;
use std::collections::HashMap;
use std::ops::Range;

const BYTES: usize = PAGE as usize;

/// Most pages that are kept.
const MAX_PAGES: usize = 4096;

/// The pages that somebody asked for, as they are at one state.
pub(super) struct Kept<'a> {
    timeline: &'a Timeline,
    pages: HashMap<u64, Vec<Option<u8>>>,
}

impl<'a> Kept<'a> {
    /// No page yet.
    pub fn new(timeline: &'a Timeline) -> Self {
        Self { timeline, pages: HashMap::new() }
    }

    /// Whether `pattern` stands at `address` at state `t`, up to which all stores and mapping
    /// changes were passed.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn holds(&mut self, t: u64, address: u64, pattern: &[u8]) -> Result<bool, StateError> {
        let (mut at, mut rest) = (address, pattern);
        while !rest.is_empty() {
            let offset = (at % PAGE) as usize;
            let (wanted, later) = rest.split_at(rest.len().min(BYTES - offset));
            let page = self.page(t, at / PAGE)?;
            let held = page.get(offset..offset + wanted.len()).unwrap_or_default();
            let same = held.iter().zip(wanted).all(|(held, wanted)| *held == Some(*wanted));
            if !same || held.len() < wanted.len() {
                return Ok(false);
            }
            // Nothing stands past the last address.
            let Some(next) = at.checked_add(wanted.len() as u64) else {
                return Ok(later.is_empty());
            };
            (at, rest) = (next, later);
        }
        Ok(true)
    }

    fn page(&mut self, t: u64, number: u64) -> Result<&[Option<u8>], StateError> {
        if self.pages.len() >= MAX_PAGES && !self.pages.contains_key(&number) {
            self.pages.clear();
        }
        match self.pages.entry(number) {
            std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                Ok(entry.insert(self.timeline.memory(t, number * PAGE, BYTES)?))
            }
        }
    }

    /// Passes a store.
    pub fn store(&mut self, store: &Store) {
        if self.pages.is_empty() || store.bytes.is_empty() {
            return;
        }
        let last = store.address.saturating_add(store.bytes.len() as u64 - 1);
        for number in store.address / PAGE..=last / PAGE {
            let Some(page) = self.pages.get_mut(&number) else { continue };
            let start = number * PAGE;
            let from = start.saturating_sub(store.address) as usize;
            let to = store.address.saturating_sub(start) as usize;
            let (from, to) = (store.bytes.get(from..), page.get_mut(to..));
            let pairs = to.into_iter().flatten().zip(from.into_iter().flatten());
            pairs.for_each(|(to, from)| *to = Some(*from));
        }
    }

    /// Passes a change of what is mapped.
    pub fn remap(&mut self, addresses: &Range<u64>) {
        self.pages.retain(|number, _| {
            let start = number * PAGE;
            start >= addresses.end || start.saturating_add(PAGE) <= addresses.start
        });
    }
}
