//! A little user memory for tests.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Memory;

/// Sparse memory: only bytes put there are readable.
#[derive(Default)]
pub(super) struct Fake(RefCell<BTreeMap<u64, u8>>);

impl Fake {
    pub(super) fn put(&self, address: u64, bytes: &[u8]) {
        let mut map = self.0.borrow_mut();
        map.extend(bytes.iter().enumerate().map(|(i, &byte)| (address + i as u64, byte)));
    }

    pub(super) fn words(&self, address: u64, words: &[u64]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(address, &bytes);
    }
}

impl Memory for Fake {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        let map = self.0.borrow();
        buffer.iter_mut().enumerate().all(|(i, byte)| {
            let found = address.checked_add(i as u64).and_then(|at| map.get(&at));
            found.map(|value| *byte = *value).is_some()
        })
    }
}
