//! Which block an address is of, or near to.

use super::{Block, Heap};

/// Bytes from a block within which an address is told to be near it: a page's.
const NEAR: u64 = 4096;

/// A block, and where an address is in it or beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The block.
    pub block: &'a Block,
    /// Bytes from its start to the address.
    pub offset: i128,
}

/// The blocks around an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around<'a> {
    /// The one that counts.
    pub first: Found<'a>,
    /// Another that the address may be meant for.
    pub other: Option<Found<'a>>,
}

impl<'a> Found<'a> {
    fn new(block: &'a Block, address: u64) -> Self {
        Self { block, offset: i128::from(address) - i128::from(block.address) }
    }

    /// Whether the address is one of the block's own.
    pub fn inside(&self) -> bool {
        (0..i128::from(self.block.bytes.max(1))).contains(&self.offset)
    }
}

/// Bytes between an address and a block; 0 inside, and right behind it.
fn distance(block: &Block, address: u64) -> u64 {
    let end = block.address.saturating_add(block.bytes);
    block.address.saturating_sub(address).max(address.saturating_sub(end))
}

fn overlap(a: &Block, b: &Block) -> bool {
    let (a, b) = (a.addresses(), b.addresses());
    a.start < b.end && b.start < a.end
}

impl Heap {
    /// The block that has an address at state `t`. Else the last that had it, and the nearest
    /// that is alive: first the one whose memory it is now, the dead one only as long as none
    /// of its memory was given out again. None if no block is near.
    pub fn around(&self, address: u64, t: u64) -> Option<Around<'_>> {
        let known = || self.blocks.iter().filter(|block| block.returned <= t);
        let alive = || known().filter(|block| block.is_alive(t));
        let has = |block: &&Block| block.addresses().contains(&address);
        let found = |block| Found::new(block, address);
        if let Some(block) = alive().find(has) {
            return Some(Around { first: found(block), other: None });
        }
        let near = alive().filter(|block| distance(block, address) <= NEAR);
        let near = near.min_by_key(|block| (distance(block, address), block.address > address));
        let dead = known().rfind(has);
        let reused = |dead: &Block| alive().any(|block| overlap(block, dead));
        let (first, other) = match (dead, near) {
            (Some(dead), Some(near)) if reused(dead) => (near, Some(dead)),
            (Some(dead), near) => (dead, near),
            (None, near) => (near?, None),
        };
        Some(Around { first: found(first), other: other.map(found) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Family;
    use super::*;

    fn block(address: u64, bytes: u64, (allocated, freed): (u64, Option<u64>)) -> Block {
        let (returned, replaced) = (allocated + 1, None);
        let (function, family) = ("malloc", Family::Malloc);
        Block { address, bytes, allocated, returned, freed, replaced, function, family }
    }

    fn blocks(heap: &Heap, address: u64) -> Option<(u64, i128, Option<u64>)> {
        let around = heap.around(address, 100)?;
        let other = around.other.map(|other| other.block.allocated);
        Some((around.first.block.allocated, around.first.offset, other))
    }

    #[test]
    fn what_memory_is_now_comes_before_what_it_was() {
        let old = block(0x1000, 40, (10, Some(20)));
        let new = block(0x1000, 24, (30, None));
        let gone = block(0x1040, 24, (40, Some(50)));
        let heap = Heap { blocks: vec![old, new, gone], ..Heap::default() };
        assert_eq!(blocks(&heap, 0x1010), Some((30, 16, None)));
        // Right behind the one that is alive, where an older one was.
        assert_eq!(blocks(&heap, 0x1018), Some((30, 24, Some(10))));
        // Nobody has that memory: it is the dead one's.
        assert_eq!(blocks(&heap, 0x1040), Some((40, 0, Some(30))));
        assert_eq!(blocks(&heap, 0x1030), Some((30, 48, None)));
        assert_eq!(blocks(&heap, 0xff0), Some((30, -16, None)));
        assert_eq!(blocks(&heap, 0x8000), None);
    }
}
