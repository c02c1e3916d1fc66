//! Superblocks: blocks joined along the way that the program takes most often.
//!
//! Every so often the path recorded last is looked at. A block that heads many of
//! its records is joined with those that followed it once, across branches,
//! calls and returns; its translation then writes one record for all of them, or
//! where control leaves early, one for a prefix.

use super::block::MAX_ID;
use super::native::is_count_branch;
use super::registers_fit;
use crate::engine::addresses::{AddressMap, IdMap};
use crate::engine::code::Prepared;
use crate::recording::Recording;
use iced_x86::{Decoder, FlowControl, Instruction};
use rdb_schema::block::{Composition, MAX_INSTRUCTIONS};
use rdb_schema::effects::Kind;
use std::sync::Arc;

/// Executions that are looked at.
const WINDOW: usize = 2048;

/// Fewest executions that are worth a look.
const FEWEST: usize = 256;

/// Fewest executions in a window that make a block worth it.
const HOT: u32 = 12;

/// Most superblocks from one window.
const AT_ONCE: usize = 4;

/// Most often that an address may get another superblock.
const ATTEMPTS: u8 = 4;

/// A prefix this short is left too early.
const SHORT: usize = 12;

/// Longest row: longer ones make no fewer records.
const MAX_ROW: usize = 2048;

/// Most looks that are left out where there was nothing to join.
const MAX_PAUSE: u32 = 64;

/// A superblock ready to be translated.
pub struct Superblock {
    /// All of it.
    pub whole: Arc<Prepared>,
    /// Its prefixes up to each branch that may leave it, ascending.
    pub prefixes: Vec<Arc<Prepared>>,
    /// What it is made of.
    pub parts: Vec<Arc<Prepared>>,
}

/// What the program did lately, and which superblocks were made of it.
#[derive(Default)]
pub struct Superblocks {
    /// What superblocks and their prefixes are made of, by id.
    parts: IdMap<Vec<Arc<Prepared>>>,
    attempts: AddressMap<u8>,
    /// Looks to leave out, and how many the next time.
    wait: u32,
    pause: u32,
}

/// How the way to the next block is known.
enum Way {
    /// It has to be that one.
    Certain,
    /// The branch may go elsewhere.
    Guarded,
    /// It cannot be joined.
    None,
}

impl Superblocks {
    /// The superblocks that the present chunk's path suggests; `translated` gives a
    /// block's [`Prepared`] if its translation may be part of one.
    pub fn suggest(
        &mut self,
        rec: &mut Recording,
        decoder: u32,
        translated: impl Fn(u32) -> Option<Arc<Prepared>>,
    ) -> Vec<Superblock> {
        if self.wait > 0 {
            self.wait -= 1;
            return Vec::new();
        }
        let window = rec.builder.recent(WINDOW);
        if window.len() < FEWEST {
            return Vec::new();
        }
        let chosen = self.hottest(&window, &translated);
        let made: Vec<_> = chosen
            .into_iter()
            .filter_map(|id| {
                let parts = self.way(&window, id, decoder, &translated);
                self.join(parts, rec, decoder)
            })
            .collect();
        self.pause = if made.is_empty() { (self.pause * 2 + 1).min(MAX_PAUSE) } else { 0 };
        self.wait = self.pause;
        made
    }

    /// The ids that head most records and may become a superblock.
    fn hottest(
        &self,
        window: &[u32],
        translated: &impl Fn(u32) -> Option<Arc<Prepared>>,
    ) -> Vec<u32> {
        let mut counts: IdMap<u32> = IdMap::default();
        window.iter().for_each(|id| *counts.entry(*id).or_default() += 1);
        let mut hot: Vec<_> = counts.into_iter().filter(|(_, count)| *count >= HOT).collect();
        hot.retain(|(id, _)| self.is_candidate(*id, translated));
        hot.sort_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
        hot.truncate(AT_ONCE);
        hot.into_iter().map(|(id, _)| id).collect()
    }

    fn is_candidate(&self, id: u32, translated: &impl Fn(u32) -> Option<Arc<Prepared>>) -> bool {
        let parts = self.parts.get(&id);
        let length = parts.map_or(0, |parts| parts.iter().map(|p| p.care.len()).sum());
        let first = parts.and_then(|parts| parts.first().cloned()).or_else(|| translated(id));
        length < SHORT
            && first.is_some_and(|first| {
                // Repeated string instructions are blocks of their own.
                let plain = first.care.iter().all(|care| care.kind == Kind::Plain);
                let attempts = self.attempts.get(&first.block.start());
                plain && attempts.is_none_or(|attempts| *attempts < ATTEMPTS)
            })
    }

    /// The blocks that followed one of `id`'s executions in the window, itself first,
    /// as far as they can be joined.
    fn way(
        &mut self,
        window: &[u32],
        id: u32,
        decoder: u32,
        translated: &impl Fn(u32) -> Option<Arc<Prepared>>,
    ) -> Vec<Arc<Prepared>> {
        // One with enough behind it; not the same in every attempt.
        let places: Vec<usize> = (0..window.len()).filter(|at| window[*at] == id).collect();
        let Some(at) = places.get(places.len() / 3) else { return Vec::new() };
        let basic = window[*at..].iter().map_while(|id| match self.parts.get(id) {
            Some(parts) => Some(parts.clone()),
            None => translated(*id).map(|one| vec![one]),
        });
        let mut way = Joining::new(decoder);
        for part in basic.flatten() {
            if translated(part.id).is_none() || !way.take(part) {
                break;
            }
        }
        way.parts
    }

    /// Makes the superblock of `parts`, if there is more than one.
    fn join(
        &mut self,
        mut parts: Vec<Arc<Prepared>>,
        rec: &mut Recording,
        decoder: u32,
    ) -> Option<Superblock> {
        trim(&mut parts);
        let start = parts.first()?.block.start();
        *self.attempts.entry(start).or_default() += 1;
        if parts.len() < 2 {
            return None;
        }
        let ids = parts.iter().map(|part| part.id).collect();
        let care: Box<[_]> = parts.iter().flat_map(|part| part.care.iter().copied()).collect();
        let (id, block) =
            rec.make_block(&Composition::Joined(ids)).filter(|(id, _)| *id <= MAX_ID)?;
        let whole =
            Arc::new(Prepared { id, block, care, bulks: Box::default(), changeable: false });
        self.parts.insert(id, parts.clone());
        let (mut prefixes, mut count) = (Vec::new(), 0);
        for (index, pair) in parts.windows(2).enumerate() {
            count += pair[0].care.len();
            if let Way::Guarded = way_to(&pair[0], pair[1].block.start(), decoder) {
                let made = rec.make_block(&Composition::Prefix(id, count as u8));
                let (id, block) = made.filter(|(id, _)| *id <= MAX_ID)?;
                self.parts.insert(id, parts[..=index].to_vec());
                let (care, bulks) = (whole.care[..count].into(), Box::default());
                prefixes.push(Arc::new(Prepared { id, block, care, bulks, changeable: false }));
            }
        }
        Some(Superblock { whole, prefixes, parts })
    }
}

/// The parts of a superblock as they are found.
struct Joining {
    parts: Vec<Arc<Prepared>>,
    decoder: u32,
    instructions: usize,
    row: usize,
    registers: u16,
}

impl Joining {
    fn new(decoder: u32) -> Self {
        Self { parts: Vec::new(), decoder, instructions: 0, row: 0, registers: 0 }
    }

    /// Adds a part, if it fits.
    fn take(&mut self, part: Arc<Prepared>) -> bool {
        let block = &part.block;
        let instructions = self.instructions + block.instructions().len();
        let row = self.row + block.row_bytes();
        let plain = part.care.iter().all(|care| care.cached && care.kind == Kind::Plain);
        let follows = self
            .parts
            .last()
            .is_none_or(|last| !matches!(way_to(last, block.start(), self.decoder), Way::None));
        if !plain || !follows || instructions > MAX_INSTRUCTIONS || row > MAX_ROW {
            return false;
        }
        let used = part.care.iter().fold(self.registers, |used, care| used | care.general);
        if !registers_fit(used) {
            return false;
        }
        (self.instructions, self.row, self.registers) = (instructions, row, used);
        self.parts.push(part);
        true
    }
}

/// Cuts a way that comes back to its start there, if that is late enough: the next
/// record then begins there, too.
fn trim(parts: &mut Vec<Arc<Prepared>>) {
    let Some(start) = parts.first().map(|part| part.block.start()) else { return };
    let back = parts.iter().rposition(|part| part.block.start() == start);
    if let Some(back) = back.filter(|back| *back * 2 >= parts.len()) {
        parts.truncate(back);
    }
}

/// How control gets from the end of `part` to `next`.
fn way_to(part: &Prepared, next: u64, decoder: u32) -> Way {
    let last = decode(part, part.block.instructions().len() - 1, decoder);
    let certain = |is: bool| if is { Way::Certain } else { Way::None };
    match last.flow_control() {
        FlowControl::Next => certain(part.block.end() == next),
        FlowControl::UnconditionalBranch | FlowControl::Call => {
            certain(last.near_branch64() == next)
        }
        FlowControl::ConditionalBranch if !is_count_branch(&last) => {
            let (taken, end) = (last.near_branch64(), part.block.end());
            if taken == end {
                return certain(next == end);
            }
            if next == taken || next == end { Way::Guarded } else { Way::None }
        }
        FlowControl::IndirectBranch | FlowControl::IndirectCall | FlowControl::Return => {
            Way::Guarded
        }
        _ => Way::None,
    }
}

/// Instruction `index` of a block.
pub fn decode(prepared: &Prepared, index: usize, options: u32) -> Instruction {
    let (block, mut instruction) = (&prepared.block, Instruction::default());
    let mut decoder = Decoder::with_ip(64, block.bytes(index), block.address(index), options);
    decoder.decode_out(&mut instruction);
    instruction
}
