//! Which blocks have the instructions at some addresses.

use super::Timeline;
use rdb_schema::block::{Block, MAX_INSTRUCTIONS};
use rdb_schema::chunk::{Chunk, Dictionary};
use std::sync::OnceLock;

/// Most bytes of one instruction (Intel SDM volume 2, 2.3.11).
const LONGEST_INSTRUCTION: u64 = 15;

/// Most bytes of instructions of one block that lie one behind the other.
const LONGEST_RUN: u64 = MAX_INSTRUCTIONS as u64 * LONGEST_INSTRUCTION;

/// Where blocks have instructions that lie one behind the other: where the first is, and the
/// block; ascending. Superblocks have several such places.
#[derive(Default)]
pub(super) struct Placed(OnceLock<Vec<(u64, u32)>>);

/// Addresses of instructions, ascending, and the blocks that have one of them.
pub(super) struct Wanted<'p> {
    pub pcs: &'p [u64],
    blocks: Vec<u32>,
}

impl Wanted<'_> {
    /// The instructions of each of the chunk's blocks that are wanted, one bit each: a block has
    /// at most 64.
    pub fn masks(&self, chunk: &Chunk, dictionary: &Dictionary) -> Vec<u64> {
        let block = |id: u32| match self.blocks.binary_search(&id) {
            Ok(_) => dictionary.get(id).map_or(0, |block| self.mask(block)),
            Err(_) => 0,
        };
        chunk.blocks.iter().map(|block_of| block(block_of.id)).collect()
    }

    fn mask(&self, block: &Block) -> u64 {
        let bit = |(index, _)| 1u64.checked_shl(index as u32).unwrap_or(0);
        let instructions = block.instructions().iter().enumerate();
        let wanted = instructions.filter(|(_, i)| self.pcs.binary_search(&i.address).is_ok());
        wanted.map(bit).fold(0, |mask, bit| mask | bit)
    }
}

impl Timeline {
    pub(super) fn wanted<'p>(&self, pcs: &'p [u64]) -> Wanted<'p> {
        Wanted { pcs, blocks: self.blocks_at(pcs) }
    }

    /// The blocks that have an instruction at one of `pcs` (ascending); ascending.
    pub fn blocks_at(&self, pcs: &[u64]) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        for &pc in pcs {
            let has = |id: &u32| {
                let block = self.dictionary().get(*id);
                block.is_some_and(|block| block.instructions().iter().any(|i| i.address == pc))
            };
            found.extend(self.near(pc).map(|(_, id)| *id).filter(has));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The places that may have the instruction at `pc`.
    fn near(&self, pc: u64) -> impl Iterator<Item = &(u64, u32)> {
        let placed = self.placed.0.get_or_init(|| runs(self.dictionary()));
        let first = pc.saturating_sub(LONGEST_RUN);
        let near = placed.get(placed.partition_point(|(start, _)| *start < first)..);
        near.unwrap_or_default().iter().take_while(move |(start, _)| *start <= pc)
    }
}

fn runs(dictionary: &Dictionary) -> Vec<(u64, u32)> {
    let mut found = Vec::new();
    for id in 0..dictionary.len() as u32 {
        let mut behind = None;
        for i in dictionary.get(id).map_or(&[][..], Block::instructions) {
            if behind != Some(i.address) {
                found.push((i.address, id));
            }
            behind = i.address.checked_add(i.length.into());
        }
    }
    found.sort_unstable();
    found
}
