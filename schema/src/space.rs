//! The address space: mappings, and how they change.

use std::collections::BTreeMap;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// PROT_READ.
pub const PROT_READ: u8 = 1;
/// PROT_WRITE.
pub const PROT_WRITE: u8 = 2;
/// PROT_EXEC.
pub const PROT_EXEC: u8 = 4;

/// What a mapping's pages hold where no page version and no store says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Zeros.
    Zero,
    /// The bytes of this module from the mapping's file offset; zeros after its end.
    Module(u32),
    /// Not known: vvar, device memory.
    Unreadable,
    /// What stood at this address at the state before `since` (mremap).
    Moved(u64),
}

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First address, page-aligned.
    pub start: u64,
    /// One past the last, page-aligned.
    pub end: u64,
    /// PROT_* bits.
    pub protection: u8,
    /// MAP_* bits of mmap(2).
    pub flags: u32,
    /// Offset of `start` in the file.
    pub file_offset: u64,
    /// Device of the file (`st_dev`), 0 if anonymous.
    pub device: u64,
    /// Inode of the file, 0 if anonymous.
    pub inode: u64,
    /// Path, or `[stack]`, `[heap]`, `[vdso]` …
    pub name: Vec<u8>,
    /// madvise(2) advice that sticks, in order given.
    pub advice: Vec<u32>,
    /// The state from which `base` holds.
    pub since: u64,
    /// Content where nothing newer is known.
    pub base: Base,
    /// Protection key.
    pub key: u32,
}

impl Mapping {
    /// Whether `address` lies in it.
    pub fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Its part between `start` and `end`, which must overlap it.
    fn part(&self, start: u64, end: u64) -> Self {
        let mut part = self.clone();
        part.start = self.start.max(start);
        part.end = self.end.min(end);
        let skipped = part.start - self.start;
        part.file_offset = self.file_offset.wrapping_add(skipped);
        if let Base::Moved(from) = self.base {
            part.base = Base::Moved(from.wrapping_add(skipped));
        }
        part
    }
}

/// One change of the address space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingChange {
    /// A new mapping; what it covers is replaced.
    Map(Mapping),
    /// A range is no longer mapped.
    Unmap {
        /// First address.
        start: u64,
        /// One past the last.
        end: u64,
    },
    /// A range has another protection.
    Protect {
        /// First address.
        start: u64,
        /// One past the last.
        end: u64,
        /// PROT_* bits.
        protection: u8,
        /// Protection key.
        key: u32,
    },
    /// Sticking madvise(2) advice for a range.
    Advise {
        /// First address.
        start: u64,
        /// One past the last.
        end: u64,
        /// MADV_*.
        advice: u32,
    },
    /// All mappings are gone: exec.
    Clear,
}

impl MappingChange {
    /// The addresses it concerns.
    pub fn range(&self) -> std::ops::Range<u64> {
        match self {
            Self::Map(mapping) => mapping.start..mapping.end,
            Self::Unmap { start, end }
            | Self::Protect { start, end, .. }
            | Self::Advise { start, end, .. } => *start..*end,
            Self::Clear => 0..u64::MAX,
        }
    }
}

/// All mappings of a process at one state. Mappings never overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSpace {
    by_start: BTreeMap<u64, Mapping>,
}

impl AddressSpace {
    /// An address space of these mappings; a later one replaces what it covers.
    pub fn new(mappings: impl IntoIterator<Item = Mapping>) -> Self {
        let mut space = Self::default();
        for mapping in mappings {
            space.insert(mapping);
        }
        space
    }

    /// The mappings by ascending address.
    pub fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.by_start.values()
    }

    /// The mapping that holds `address`.
    pub fn find(&self, address: u64) -> Option<&Mapping> {
        let (_, mapping) = self.by_start.range(..=address).next_back()?;
        mapping.contains(address).then_some(mapping)
    }

    /// The mappings that begin at `address` or below, by descending address.
    pub fn up_to(&self, address: u64) -> impl Iterator<Item = &Mapping> {
        self.by_start.range(..=address).rev().map(|(_, mapping)| mapping)
    }

    /// The mappings that overlap `start..end`.
    pub fn overlapping(&self, start: u64, end: u64) -> impl Iterator<Item = &Mapping> {
        let first = self.find(start).map_or(start, |m| m.start);
        self.by_start.range(first..end.max(first)).map(|(_, m)| m)
    }

    /// Applies one change. Ranges that are empty or inverted do nothing.
    pub fn apply(&mut self, change: &MappingChange) {
        match change {
            MappingChange::Map(mapping) => self.insert(mapping.clone()),
            MappingChange::Unmap { start, end } => self.remove(*start, *end),
            MappingChange::Protect { start, end, protection, key } => {
                self.edit(*start, *end, |m| {
                    m.protection = *protection;
                    m.key = *key;
                });
            }
            MappingChange::Advise { start, end, advice } => {
                self.edit(*start, *end, |m| {
                    if m.advice.last() != Some(advice) && m.advice.len() < 16 {
                        m.advice.push(*advice);
                    }
                });
            }
            MappingChange::Clear => self.by_start.clear(),
        }
    }

    fn insert(&mut self, mapping: Mapping) {
        if mapping.start >= mapping.end {
            return;
        }
        self.remove(mapping.start, mapping.end);
        self.by_start.insert(mapping.start, mapping);
    }

    /// Cuts `start..end` out.
    fn remove(&mut self, start: u64, end: u64) {
        self.take(start, end);
    }

    fn edit(&mut self, start: u64, end: u64, change: impl Fn(&mut Mapping)) {
        for mut part in self.take(start, end) {
            change(&mut part);
            self.by_start.insert(part.start, part);
        }
    }

    /// Removes `start..end` and returns the parts that stood there.
    fn take(&mut self, start: u64, end: u64) -> Vec<Mapping> {
        if start >= end {
            return Vec::new();
        }
        let touched: Vec<Mapping> = self.overlapping(start, end).cloned().collect();
        let mut parts = Vec::with_capacity(touched.len());
        for mapping in touched {
            self.by_start.remove(&mapping.start);
            if mapping.start < start {
                let left = mapping.part(mapping.start, start);
                self.by_start.insert(left.start, left);
            }
            if mapping.end > end {
                let right = mapping.part(end, mapping.end);
                self.by_start.insert(right.start, right);
            }
            parts.push(mapping.part(start, end));
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(start: u64, end: u64) -> Mapping {
        Mapping {
            start,
            end,
            protection: PROT_READ,
            flags: 0,
            file_offset: 0x1000,
            device: 0,
            inode: 0,
            name: Vec::new(),
            advice: Vec::new(),
            since: 0,
            base: Base::Zero,
            key: 0,
        }
    }

    #[test]
    fn unmapping_the_middle_leaves_both_ends_with_their_file_offsets() {
        let mut space = AddressSpace::new([mapping(0x1000, 0x5000)]);
        space.apply(&MappingChange::Unmap { start: 0x2000, end: 0x3000 });
        let left: Vec<_> = space.iter().map(|m| (m.start, m.end, m.file_offset)).collect();
        assert_eq!(left, [(0x1000, 0x2000, 0x1000), (0x3000, 0x5000, 0x3000)]);
        assert!(space.find(0x2fff).is_none());
        assert_eq!(space.overlapping(0x1fff, 0x3001).count(), 2);
    }

    #[test]
    fn protecting_a_part_splits_the_mapping() {
        let mut space = AddressSpace::new([mapping(0x1000, 0x5000)]);
        space.apply(&MappingChange::Protect { start: 0x2000, end: 0x3000, protection: 7, key: 0 });
        assert_eq!(space.iter().count(), 3);
        assert_eq!(space.find(0x2000).map(|m| m.protection), Some(7));
        assert_eq!(space.find(0x3000).map(|m| m.protection), Some(PROT_READ));
    }
}
