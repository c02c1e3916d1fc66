//! The dictionary: a process's blocks.

use crate::block::{Block, Composition, Entry, MAX_INSTRUCTIONS};
use crate::draft::{Draft, DraftBlock};
use crate::varint::Malformed;
use std::sync::Arc;

/// Most instructions of superblocks: a few bytes of a trace stand for all of one,
/// so what they take in memory is bounded.
pub const MAX_JOINED: usize = 1 << 19;

/// The blocks of a process by id. They are shared, so that a chunk can be encoded
/// while the dictionary grows.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    blocks: Vec<Arc<Block>>,
    joined: usize,
}

impl Dictionary {
    /// The block with this id.
    pub fn get(&self, id: u32) -> Option<&Block> {
        self.blocks.get(id as usize).map(Arc::as_ref)
    }

    /// Adds a block; its id.
    pub fn push(&mut self, block: impl Into<Arc<Block>>) -> u32 {
        let block = block.into();
        if let Composition::Joined(_) = block.composition() {
            self.joined += block.instructions().len();
        }
        self.blocks.push(block);
        (self.blocks.len() - 1) as u32
    }

    /// Adds an entry of a trace; its id.
    ///
    /// # Errors
    /// [`Malformed`] when it is made of blocks that are not here, or there would be
    /// more than [`MAX_JOINED`] joined instructions.
    pub fn add(&mut self, entry: Entry) -> Result<u32, Malformed> {
        match entry {
            Entry::Block(block) => Ok(self.push(block)),
            Entry::Composed(composition) => Ok(self.push(self.make(&composition)?)),
        }
    }

    /// The block made of those that `composition` names.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn make(&self, composition: &Composition) -> Result<Block, Malformed> {
        let find = |id: u32| self.get(id).map(|block| (id, block)).ok_or(Malformed);
        match composition {
            Composition::Own => Err(Malformed),
            Composition::Prefix(id, count) => find(*id)?.1.prefix(*id, *count),
            Composition::Joined(ids) => {
                let parts = ids.iter().map(|id| find(*id)).collect::<Result<Vec<_>, _>>()?;
                let joined = Block::join(&parts)?;
                let total = self.joined + joined.instructions().len();
                if total > MAX_JOINED { Err(Malformed) } else { Ok(joined) }
            }
        }
    }

    /// Whether another superblock fits.
    pub fn has_room(&self) -> bool {
        self.joined + MAX_INSTRUCTIONS <= MAX_JOINED
    }

    /// How many blocks it holds.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The blocks from id `first` on.
    pub fn since(&self, first: usize) -> &[Arc<Block>] {
        self.blocks.get(first..).unwrap_or(&[])
    }

    /// The blocks of `draft`, one for each entry of [`Draft::blocks`].
    ///
    /// # Errors
    /// [`Malformed`] when it names one that is not here.
    pub fn of(&self, draft: &Draft) -> Result<Vec<Arc<Block>>, Malformed> {
        let block = |one: &DraftBlock| self.blocks.get(one.id as usize).cloned().ok_or(Malformed);
        draft.blocks.iter().map(block).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effects::{Effect, Effects, Kind, Source};
    use crate::registers::Gpr;

    fn block(start: u64, instructions: usize) -> Block {
        let list = vec![Effect::Gpr { register: Gpr::RAX, source: Source::Logged }];
        let effects = Effects { kind: Kind::Plain, list, bulk: None };
        let mut block = Block::new(start);
        (0..instructions).for_each(|_| block.push(&[0x90], &effects));
        block
    }

    fn dictionary() -> Dictionary {
        let mut dictionary = Dictionary::default();
        dictionary.push(block(0x100, 3));
        dictionary.push(block(0x200, 2));
        dictionary
    }

    #[test]
    fn a_superblock_goes_on_where_its_parts_stand() {
        let joined = dictionary().make(&Composition::Joined(vec![0, 1, 0])).unwrap();
        let addresses: Vec<u64> = joined.instructions().iter().map(|i| i.address).collect();
        assert_eq!(addresses, [0x100, 0x101, 0x102, 0x200, 0x201, 0x100, 0x101, 0x102]);
        assert_eq!((joined.start(), joined.end(), joined.row_bytes()), (0x100, 0x103, 64));
        assert_eq!(joined.slots(5)[0].offset, 40);
    }

    #[test]
    fn a_prefix_is_how_the_block_begins() {
        let mut dictionary = dictionary();
        let id = dictionary.add(Entry::Composed(Composition::Joined(vec![0, 1]))).unwrap();
        let prefix = dictionary.make(&Composition::Prefix(id, 4)).unwrap();
        let same = Block::join(&[(0, &block(0x100, 3)), (1, &block(0x200, 1))]).unwrap();
        assert_eq!(prefix.instructions(), same.instructions());
        assert_eq!(prefix.all_slots(), same.all_slots());
        assert_eq!(prefix.lanes(), same.lanes());
        assert_eq!(
            (prefix.code(), prefix.end(), prefix.row_bytes()),
            (same.code(), 0x201, same.row_bytes())
        );
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        let dictionary = dictionary();
        let refused = [
            Composition::Own,
            Composition::Joined(vec![]),
            Composition::Joined(vec![0, 2]),
            Composition::Joined(vec![0; 22]),
            Composition::Prefix(0, 0),
            Composition::Prefix(0, 4),
            Composition::Prefix(2, 1),
        ];
        for composition in refused {
            assert_eq!(dictionary.make(&composition).unwrap_err(), Malformed, "{composition:?}");
        }
    }

    #[test]
    fn superblocks_are_bounded() {
        let mut dictionary = Dictionary::default();
        dictionary.push(block(0x100, MAX_INSTRUCTIONS));
        let made = std::iter::repeat_with(|| {
            dictionary.add(Entry::Composed(Composition::Joined(vec![0])))
        });
        let added = made.take_while(Result::is_ok).count();
        assert_eq!(added, MAX_JOINED / MAX_INSTRUCTIONS);
        assert!(!dictionary.has_room());
    }
}
