//! Where PT_LOAD puts the bytes of a file (elf(5), "Program header").

use super::address::ModuleAddr;

/// x86-64 pages; the loader maps whole ones.
const PAGE: u64 = 4096;

/// One loadable segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Module address of its first byte.
    pub address: u64,
    /// Bytes in memory.
    pub memory_size: u64,
    /// File offset of its first byte.
    pub offset: u64,
    /// Bytes in the file.
    pub file_size: u64,
    /// Whether it is mapped executable.
    pub executable: bool,
}

impl Segment {
    fn holds(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|skipped| skipped < self.memory_size)
    }

    /// File offsets the loader maps for it: rounded out to pages.
    fn mapped(&self) -> (u64, u64) {
        (self.offset & !(PAGE - 1), page_end(self.offset.saturating_add(self.file_size)))
    }

    /// Whether an address is in its pages behind those that the file has bytes for.
    fn has_behind_file(&self, address: u64) -> bool {
        let end = page_end(self.address.saturating_add(self.memory_size));
        (self.file_end()..end).contains(&address)
    }

    /// Where the pages end that the file has bytes for.
    fn file_end(&self) -> u64 {
        match self.file_size {
            0 => self.address & !(PAGE - 1),
            size => page_end(self.address.saturating_add(size)),
        }
    }

    fn address_of(&self, offset: u64) -> u64 {
        offset.wrapping_sub(self.offset).wrapping_add(self.address)
    }
}

/// The end of the page that ends at or behind `address`.
fn page_end(address: u64) -> u64 {
    address.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX)
}

/// The loadable segments of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    segments: Vec<Segment>,
}

impl Layout {
    /// A layout of these segments.
    pub fn new(segments: Vec<Segment>) -> Self {
        Self { segments }
    }

    /// The loadable segments, as the file orders them.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The segment that holds a module address.
    pub fn segment_at(&self, address: u64) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.holds(address))
    }

    /// Whether this can be code. Address 0 is the ELF header, and also where
    /// linkers leave debug information of functions they dropped.
    pub fn is_code(&self, address: ModuleAddr) -> bool {
        let executable = |segment: &Segment| segment.executable && segment.holds(address.0);
        address.0 != 0 && self.segments.iter().any(executable)
    }

    /// Whether an address is in memory of a segment that is not in the file, if the mapping of
    /// the file before it ends at `mapped_end`: where the segment's part of the file ends.
    pub fn is_behind_file(&self, address: ModuleAddr, mapped_end: ModuleAddr) -> bool {
        let ends = |segment: &Segment| segment.file_size == 0 || segment.file_end() == mapped_end.0;
        self.segments.iter().any(|segment| segment.has_behind_file(address.0) && ends(segment))
    }

    /// The module address of a byte of the file.
    pub fn address_of_offset(&self, offset: u64) -> Option<ModuleAddr> {
        let within = |s: &&Segment| offset.checked_sub(s.offset).is_some_and(|n| n < s.file_size);
        let segment = self.segments.iter().find(within)?;
        Some(ModuleAddr(segment.address_of(offset)))
    }

    /// The file offset of a module address; `None` for memory that has no
    /// bytes in the file.
    pub fn offset_of_address(&self, address: ModuleAddr) -> Option<u64> {
        let segment = self.segment_at(address.0)?;
        let skipped = address.0.checked_sub(segment.address)?;
        (skipped < segment.file_size).then(|| segment.offset.wrapping_add(skipped))
    }

    /// The load bias (run-time minus module address), from one mapping of the
    /// file: run-time `start` and `end`, and the file offset mapped at
    /// `start`. Two segments may share a page of the file; the one whose
    /// extent fits best is taken.
    pub fn bias_of_mapping(&self, start: u64, end: u64, offset: u64) -> Option<u64> {
        self.biases_of_mapping(start, end, offset).first().copied()
    }

    /// The load biases that one mapping of the file allows, the likeliest first: a part of a
    /// segment that was split by mprotect may look like the whole of another one.
    pub fn biases_of_mapping(&self, start: u64, end: u64, offset: u64) -> Vec<u64> {
        let mapped_end = offset.saturating_add(end.saturating_sub(start));
        let rank = |segment: &&Segment| {
            let (first, last) = segment.mapped();
            std::cmp::Reverse((first == offset, last == mapped_end))
        };
        let within = |segment: &&Segment| {
            let (first, last) = segment.mapped();
            segment.file_size > 0 && (first..last).contains(&offset)
        };
        let mut fitting: Vec<_> = self.segments.iter().filter(within).collect();
        fitting.sort_by_key(rank);
        fitting.iter().map(|segment| start.wrapping_sub(segment.address_of(offset))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_page_belongs_to_the_segment_that_fits() {
        let code = Segment {
            address: 0x1000,
            memory_size: 0x234,
            offset: 0x1000,
            file_size: 0x234,
            executable: true,
        };
        let data = Segment {
            address: 0x2300,
            memory_size: 0x2000,
            offset: 0x1300,
            file_size: 0x1000,
            executable: false,
        };
        let layout = Layout::new(vec![code, data]);
        assert_eq!(layout.bias_of_mapping(0x7000_1000, 0x7000_2000, 0x1000), Some(0x7000_0000));
        assert_eq!(layout.bias_of_mapping(0x7000_2000, 0x7000_4000, 0x1000), Some(0x7000_0000));
        let both = layout.biases_of_mapping(0x7000_2000, 0x7000_3000, 0x1000);
        assert_eq!(both, [0x7000_1000, 0x7000_0000]);
        assert_eq!(layout.address_of_offset(0x1310), Some(ModuleAddr(0x2310)));
        assert_eq!(layout.offset_of_address(ModuleAddr(0x3400)), None);
        let behind = |address, end| layout.is_behind_file(ModuleAddr(address), ModuleAddr(end));
        assert!(behind(0x4000, 0x4000) && behind(0x4fff, 0x4000));
        assert!(!behind(0x3fff, 0x4000) && !behind(0x5000, 0x4000) && !behind(0x4000, 0x3000));
        assert!(layout.is_code(ModuleAddr(0x1010)) && !layout.is_code(ModuleAddr(0x2310)));
    }
}
