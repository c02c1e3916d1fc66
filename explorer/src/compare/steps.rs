//! Instructions that do the same in both recordings as far as their templates
//! and logs say: from equal states to equal states, without replaying them.

use super::side::At;
use rdb_schema::block::Block;
use rdb_schema::effects::Effect;
use std::collections::HashMap;

/// Where two blocks are alike, found once for each pair of places.
#[derive(Default)]
pub struct Alike {
    known: HashMap<(u32, u32, u8, u8), u8>,
    /// The same by the left block's id, for pairs of block starts.
    starts: Vec<(u32, u8)>,
}

impl Alike {
    /// How many of the instructions from here on log the same, in blocks that
    /// are alike. None of them faulted or made a bulk store.
    pub fn run(&mut self, left: &At<'_>, right: &At<'_>) -> usize {
        let completed = |at: &At<'_>| at.left - usize::from(at.faulted);
        let alike = usize::from(self.of(left, right));
        let count = alike.min(completed(left)).min(completed(right));
        let logs = |count: usize| log(left, 0, count) == log(right, 0, count);
        if count == 0 || logs(count) {
            return count;
        }
        let equal = |i: &usize| log(left, *i, *i + 1) == log(right, *i, *i + 1);
        (0..count).take_while(equal).count()
    }

    fn of(&mut self, left: &At<'_>, right: &At<'_>) -> u8 {
        if (left.index, right.index) != (0, 0) {
            let key = (left.id, right.id, left.index as u8, right.index as u8);
            return *self.known.entry(key).or_insert_with(|| alike(left, right));
        }
        let slot = left.id as usize;
        if self.starts.len() <= slot {
            self.starts.resize(slot + 1, (u32::MAX, 0));
        }
        match self.starts.get_mut(slot) {
            Some((id, count)) if *id == right.id => *count,
            Some(entry) => {
                *entry = (right.id, alike(left, right));
                entry.1
            }
            None => 0,
        }
    }
}

/// How many instructions from here on have the same bytes and effects.
fn alike(left: &At<'_>, right: &At<'_>) -> u8 {
    if left.block.address(left.index) != right.block.address(right.index) {
        return 0;
    }
    let most = |at: &At<'_>| at.block.instructions().len() - at.index;
    let same = |i: &usize| {
        let (l, r) = (left.index + i, right.index + i);
        left.block.bytes(l) == right.block.bytes(r) && effects_alike(left.block, l, right.block, r)
    };
    (0..most(left).min(most(right))).take_while(same).count() as u8
}

fn effects_alike(left: &Block, l: usize, right: &Block, r: usize) -> bool {
    let bulk = left.slots(l).iter().any(|slot| slot.effect == Effect::StoreBulk);
    let effects = |block: &Block, index| {
        block.slots(index).iter().map(|slot| slot.effect).collect::<Vec<_>>()
    };
    !bulk && effects(left, l) == effects(right, r)
}

/// What instructions `from..to` behind the place log.
fn log<'a>(at: &At<'a>, from: usize, to: usize) -> &'a [u8] {
    let start = row_offset(at.block, at.index + from);
    let end = row_offset(at.block, at.index + to);
    at.row.get(start..end).unwrap_or_default()
}

/// Where the log of instruction `index` begins in a row.
fn row_offset(block: &Block, index: usize) -> usize {
    let slot = (index..block.instructions().len()).find_map(|i| block.slots(i).first());
    slot.map_or(block.row_bytes(), |slot| slot.offset as usize)
}
