//! Which bytes of memory differ between the two recordings.

use rdb_schema::event::Event;
use rdb_schema::replay::Sink;
use rdb_schema::space::{Base, MappingChange, PAGE};
use std::collections::HashMap;

const WORDS: usize = PAGE as usize / 64;

/// Longest stretch that is gone through byte by byte for one question.
const MAX_STRETCH: u64 = 1 << 24;

/// A set of byte addresses.
#[derive(Default)]
pub struct Differing {
    pages: HashMap<u64, Box<[u64; WORDS]>>,
}

impl Differing {
    /// Whether no byte differs.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Notes whether the byte at `address` differs.
    pub fn set(&mut self, address: u64, differs: bool) {
        let number = address / PAGE;
        if !differs && !self.pages.contains_key(&number) {
            return;
        }
        let page = self.pages.entry(number).or_insert_with(|| Box::new([0; WORDS]));
        let bit = 1 << (address % 64);
        if let Some(word) = page.get_mut((address % PAGE / 64) as usize) {
            *word = if differs { *word | bit } else { *word & !bit };
        }
        if !differs && page.iter().all(|word| *word == 0) {
            self.pages.remove(&number);
        }
    }

    /// Notes that the bytes from `address` are the same now.
    pub fn same(&mut self, address: u64, length: u64) {
        let end = address.saturating_add(length);
        let mut at = address;
        while at < end && !self.is_empty() {
            let next = (at / PAGE + 1).saturating_mul(PAGE).min(end);
            if self.pages.contains_key(&(at / PAGE)) {
                (at..next).for_each(|byte| self.set(byte, false));
            }
            if next <= at {
                return;
            }
            at = next;
        }
    }

    /// Whether any byte of the stretch differs.
    pub fn any(&self, address: u64, length: u64) -> bool {
        let end = address.saturating_add(length.min(MAX_STRETCH));
        !self.is_empty() && (address..end).any(|byte| self.has(byte))
    }

    fn has(&self, address: u64) -> bool {
        let page = self.pages.get(&(address / PAGE));
        let word = page.and_then(|page| page.get((address % PAGE / 64) as usize));
        word.is_some_and(|word| word >> (address % 64) & 1 == 1)
    }

    /// Applies changes of mappings that both recordings made.
    pub fn remap(&mut self, changes: &[MappingChange]) {
        if self.is_empty() {
            return;
        }
        let before: HashMap<_, _> = self.pages.iter().map(|(n, page)| (*n, page.clone())).collect();
        for change in changes {
            match change {
                MappingChange::Clear => self.pages.clear(),
                MappingChange::Unmap { start, end } => self.forget(*start, *end),
                MappingChange::Map(mapping) => {
                    self.forget(mapping.start, mapping.end);
                    let Base::Moved(from) = mapping.base else { continue };
                    let range = from / PAGE..(from / PAGE + (mapping.end - mapping.start) / PAGE);
                    let moved = before.iter().filter(|(number, _)| range.contains(number));
                    let target = |number: &u64| number - from / PAGE + mapping.start / PAGE;
                    self.pages.extend(moved.map(|(number, page)| (target(number), page.clone())));
                }
                MappingChange::Protect { .. } | MappingChange::Advise { .. } => {}
            }
        }
    }

    fn forget(&mut self, start: u64, end: u64) {
        self.pages.retain(|number, _| !(start / PAGE..end.div_ceil(PAGE)).contains(number));
    }
}

/// Stores that both recordings make alike mend what differed.
impl Sink for Differing {
    fn store(&mut self, _: u64, address: u64, bytes: &[u8]) {
        if !self.is_empty() {
            self.same(address, bytes.len() as u64);
        }
    }

    fn event(&mut self, _: &Event) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_differ_until_they_are_stored_alike() {
        let mut differing = Differing::default();
        differing.set(PAGE - 1, true);
        differing.set(PAGE, true);
        assert!(
            differing.any(PAGE - 8, 8) && differing.any(PAGE, 1) && !differing.any(PAGE + 1, 99)
        );
        differing.same(PAGE - 2, 2);
        assert!(!differing.any(0, PAGE) && differing.any(0, PAGE + 1));
        differing.same(0, u64::MAX);
        assert!(differing.is_empty());
    }

    #[test]
    fn a_mapping_replaces_what_differed() {
        let mut differing = Differing::default();
        differing.set(0x5010, true);
        differing.remap(&[MappingChange::Unmap { start: 0x5000, end: 0x6000 }]);
        assert!(differing.is_empty());
    }
}
