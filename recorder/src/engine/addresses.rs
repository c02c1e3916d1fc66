//! Maps by address, for which the standard library's hash function is too slow.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map whose keys are addresses of the program or of the code cache. Nobody
/// gains by making them collide: what slows down is the recording of that program.
pub type AddressMap<T> = HashMap<u64, T, BuildHasherDefault<AddressHasher>>;

/// A set of addresses.
pub type AddressSet = HashSet<u64, BuildHasherDefault<AddressHasher>>;

/// A map whose keys are blocks' ids.
pub type IdMap<T> = HashMap<u32, T, BuildHasherDefault<AddressHasher>>;

/// Multiplies by an odd number near 2^64 / φ, and folds the high half in.
#[derive(Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        let product = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }
}
