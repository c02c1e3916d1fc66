//! Which memory was free when: that of blocks, from their frees until it is used otherwise.

use super::intervals::Intervals;
use super::{Block, Heap};
use rdb_schema::space::MappingChange;
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes of the pieces that small blocks are found by, and large ones.
const SMALL: u64 = 64;
const LARGE: u64 = 4096;

/// Small blocks have at most this many bytes.
const MAX_SMALL: u64 = 4096;

/// Pieces of all blocks that are kept, of 40 bytes each.
const MAX_PIECES: usize = 6 << 20;

/// Memory that was free, by piece.
#[derive(Default)]
pub(super) struct Freed {
    /// Of small blocks, and of large ones.
    pieces: [Intervals; 2],
    /// All of it lies there; empty, if there is none.
    all: Range<u64>,
    count: usize,
    /// Whether some blocks were too many.
    pub more: bool,
}

impl Freed {
    /// Of the blocks of `heap`; `mapped` are the changes of mappings, `end` is the end of history.
    pub fn new(heap: &Heap, mapped: &[(u64, MappingChange)], end: u64) -> Self {
        let mut freed = Self::default();
        for (block, times) in spans(heap, mapped, end) {
            freed.add(&heap.blocks, block, times);
        }
        freed.pieces.iter_mut().for_each(Intervals::sort);
        freed
    }

    fn add(&mut self, blocks: &[Block], number: usize, times: Range<u64>) {
        let (Some(block), Ok(short)) = (blocks.get(number), u32::try_from(number)) else { return };
        let Range { start, end } = block.addresses();
        if start >= end {
            return;
        }
        let kind = usize::from(block.bytes > MAX_SMALL);
        let size = if kind == 0 { SMALL } else { LARGE };
        let pieces = start / size..=(end - 1) / size;
        let count = usize::try_from(pieces.end() - pieces.start()).unwrap_or(usize::MAX);
        if self.count.saturating_add(count) >= MAX_PIECES || times.is_empty() {
            self.more |= !times.is_empty();
            return;
        }
        self.count += count + 1;
        self.all = match self.all.is_empty() {
            true => start..end,
            false => self.all.start.min(start)..self.all.end.max(end),
        };
        if let Some(all) = self.pieces.get_mut(kind) {
            pieces.for_each(|piece| all.push(piece, times.clone(), short));
        }
    }

    /// The block that is hit by an access at `t` to some of `addresses`, if it was free then.
    pub fn hit(&self, blocks: &[Block], t: u64, addresses: Range<u64>) -> Option<usize> {
        if addresses.end <= self.all.start || self.all.end <= addresses.start {
            return None;
        }
        // What the kernel or an instruction writes at once may be long.
        let start = addresses.start.max(self.all.start);
        let end = addresses.end.min(self.all.end).max(start + 1);
        let mut overlaps = |block: u32| {
            let own = blocks.get(block as usize).map(Block::addresses);
            own.is_some_and(|own| own.start < end && start < own.end)
        };
        let mut sizes = [SMALL, LARGE].into_iter().zip(&self.pieces);
        let block = sizes
            .find_map(|(size, all)| all.find(start / size..=(end - 1) / size, t, &mut overlaps));
        block.map(|block| block as usize)
    }
}

/// What ends that memory is free.
enum Change<'a> {
    Free(usize),
    Use(Range<u64>),
    Map(&'a MappingChange),
    Replace,
}

/// The times in which the memory of each block was free.
fn spans(heap: &Heap, mapped: &[(u64, MappingChange)], end: u64) -> Vec<(usize, Range<u64>)> {
    let mut changes: Vec<(u64, Change<'_>)> = Vec::new();
    for (number, block) in heap.blocks.iter().enumerate() {
        changes.push((block.allocated, Change::Use(block.addresses())));
        changes.extend(block.freed.map(|t| (t, Change::Free(number))));
        changes.extend(block.replaced.map(|t| (t, Change::Replace)));
    }
    changes.extend(mapped.iter().map(|(t, change)| (*t, Change::Map(change))));
    changes.sort_by_key(|(t, change)| (*t, matches!(change, Change::Use(_))));
    let mut free: BTreeMap<u64, (u64, usize, u64)> = BTreeMap::new();
    let mut spans = Vec::new();
    for (t, change) in changes {
        let over = match change {
            Change::Free(number) => {
                let Some(block) = heap.blocks.get(number) else { continue };
                let own = block.addresses();
                close(&mut free, own.clone(), t, &mut spans);
                free.insert(own.start, (own.end, number, t));
                continue;
            }
            Change::Use(range) => range,
            Change::Map(MappingChange::Map(mapping)) => mapping.start..mapping.end,
            Change::Map(MappingChange::Unmap { start, end }) => *start..*end,
            Change::Map(_) => continue,
            Change::Replace => 0..u64::MAX,
        };
        close(&mut free, over, t, &mut spans);
    }
    close(&mut free, 0..u64::MAX, end, &mut spans);
    spans
}

/// Ends what is free and overlaps `range`.
fn close(
    free: &mut BTreeMap<u64, (u64, usize, u64)>,
    range: Range<u64>,
    t: u64,
    spans: &mut Vec<(usize, Range<u64>)>,
) {
    // What is free does not overlap: only the last that begins before may reach into it.
    let before = free.range(..range.start).next_back().filter(|(_, (end, ..))| *end > range.start);
    let first = before.map_or(range.start, |(start, _)| *start);
    let over: Vec<u64> = free.range(first..range.end.max(first)).map(|(start, _)| *start).collect();
    for start in over {
        if let Some((_, number, since)) = free.remove(&start) {
            spans.push((number, since..t));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Family;
    use super::*;

    fn block(address: u64, bytes: u64, allocated: u64, freed: Option<u64>) -> Block {
        let (returned, replaced) = (allocated + 1, None);
        let (function, family) = ("malloc", Family::Malloc);
        Block { address, bytes, allocated, returned, freed, replaced, function, family }
    }

    #[test]
    fn memory_is_free_from_its_free_until_it_is_given_out_or_mapped_anew() {
        let blocks = vec![
            block(0x1000, 40, 10, Some(20)),
            block(0x100000, 100_000, 11, Some(21)),
            block(0x1010, 16, 30, None),
            block(0x1040, 16, 31, Some(50)),
        ];
        let heap = Heap { blocks, ..Heap::default() };
        let unmapped = MappingChange::Unmap { start: 0x100000, end: 0x119000 };
        let freed = Freed::new(&heap, &[(40, unmapped)], 100);
        let hit = |t: u64, at: u64| freed.hit(&heap.blocks, t, at..at + 8);
        assert_eq!([hit(19, 0x1000), hit(20, 0x1000), hit(29, 0x1020)], [None, Some(0), Some(0)]);
        assert_eq!([hit(30, 0x1000), hit(30, 0x1010)], [None, None], "it is given out again");
        assert_eq!([hit(25, 0xff8), hit(25, 0xff9), hit(25, 0x1028)], [None, Some(0), None]);
        assert_eq!([hit(39, 0x110000), hit(40, 0x110000)], [Some(1), None], "it is unmapped");
        assert_eq!([hit(99, 0x104f), hit(99, 0x1050)], [Some(3), None]);
        assert_eq!(freed.hit(&heap.blocks, 60, 0..u64::MAX), Some(3));
    }

    #[test]
    fn memory_that_stays_free_is_found_behind_any_number_of_neighbours() {
        let mut blocks = vec![block(0x100000, 5000, 10, Some(20))];
        let round = |number: u64| block(0x101400, 5000, number * 10, Some(number * 10 + 5));
        blocks.extend((3..1000).map(round));
        let heap = Heap { blocks, ..Heap::default() };
        let freed = Freed::new(&heap, &[], 20_000);
        assert_eq!(freed.hit(&heap.blocks, 15_000, 0x101000..0x101008), Some(0));
        assert_eq!(freed.hit(&heap.blocks, 37, 0x101400..0x101401), Some(1));
        assert_eq!(freed.hit(&heap.blocks, 41, 0x101400..0x101401), None);
    }
}
