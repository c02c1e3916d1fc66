//! Blocks: code that is executed in a row, with its template.

mod assembly;
mod composition;
mod template;
mod unseen;
mod vectors;

pub use assembly::Assembly;
pub use composition::{Composition, Entry};

use crate::columns::Lane;
use crate::effects::{Effect, Effects, Kind};
use crate::varint::{Malformed, Reader};
use std::sync::Arc;

/// Most instructions a block may have.
pub const MAX_INSTRUCTIONS: usize = 64;

/// Longest x86 instruction, in bytes.
pub const MAX_INSTRUCTION_BYTES: usize = 15;

/// One instruction of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its address.
    pub address: u64,
    /// Offset of its first byte in the block's code.
    pub offset: u16,
    /// Its length in bytes, 1–15.
    pub length: u8,
    /// The care it needs.
    pub kind: Kind,
    /// Index of its first effect; the next instruction's is its end.
    first: u32,
    /// Index of the one that replaces the status flags it leaves, before any looks at them.
    replaced: u8,
}

/// An instruction as replay takes it.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Its effects.
    pub slots: &'a [Slot],
    /// The address behind it.
    pub behind: u64,
    replaced: u8,
}

impl Step<'_> {
    /// Whether nobody sees the status flags that it leaves if the block's instructions before
    /// index `end` are executed.
    #[inline]
    pub fn leaves_flags_unseen(&self, end: usize) -> bool {
        usize::from(self.replaced) < end
    }
}

/// An effect, and where its logged value stands in the block's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The effect.
    pub effect: Effect,
    /// Offset in the row, bytes; meaningless when nothing is logged there.
    pub offset: u32,
}

/// What blocks hold that begin alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Body {
    code: Vec<u8>,
    instructions: Vec<Instruction>,
    slots: Vec<Slot>,
    lanes: Vec<Lane>,
}

impl Body {
    /// Appends an instruction behind `row_bytes` of row; the row's bytes with it.
    fn push<'a>(
        &mut self,
        address: u64,
        code: &[u8],
        kind: Kind,
        effects: impl IntoIterator<Item = &'a Effect>,
        mut row_bytes: usize,
    ) -> usize {
        self.instructions.push(Instruction {
            address,
            offset: self.code.len() as u16,
            length: code.len() as u8,
            kind,
            first: self.slots.len() as u32,
            replaced: unseen::NEVER,
        });
        self.code.extend_from_slice(code);
        for effect in effects {
            let slot = Slot { effect: *effect, offset: row_bytes as u32 };
            self.lanes.extend(Lane::of(&slot));
            self.slots.push(slot);
            row_bytes += effect.slot_bytes();
        }
        self.mark_replaced();
        row_bytes
    }

    fn clear(&mut self) {
        self.code.clear();
        self.instructions.clear();
        self.slots.clear();
        self.lanes.clear();
    }

    /// All of it.
    fn extent(&self, row_bytes: usize) -> Extent {
        Extent {
            code: self.code.len(),
            instructions: self.instructions.len(),
            slots: self.slots.len(),
            lanes: self.lanes.len(),
            row_bytes,
        }
    }
}

/// How much of a body a block has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Extent {
    code: usize,
    instructions: usize,
    slots: usize,
    lanes: usize,
    row_bytes: usize,
}

/// Instructions that are executed one after the other: a dictionary entry. Each
/// execution of it logs one *row*: the logged slots of all its instructions, one
/// after the other. A block is straight-line code; or a *superblock*, several such
/// joined along the branches between them; or how another block begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    start: u64,
    body: Arc<Body>,
    extent: Extent,
    composition: Composition,
}

impl Block {
    /// A block at `start` without instructions yet.
    pub fn new(start: u64) -> Self {
        Self {
            start,
            body: Arc::default(),
            extent: Extent::default(),
            composition: Composition::Own,
        }
    }

    /// Appends an instruction of these bytes and effects, behind the last.
    pub fn push(&mut self, code: &[u8], effects: &Effects) {
        let (end, row_bytes) = (self.end(), self.extent.row_bytes);
        let body = Arc::make_mut(&mut self.body);
        let row_bytes = body.push(end, code, effects.kind, &effects.list, row_bytes);
        self.extent = body.extent(row_bytes);
    }

    /// The superblock of `parts`, each given with its id.
    ///
    /// # Errors
    /// [`Malformed`] when there are none, or they have more than
    /// [`MAX_INSTRUCTIONS`] together.
    pub fn join(parts: &[(u32, &Self)]) -> Result<Self, Malformed> {
        let count: usize = parts.iter().map(|(_, part)| part.instructions().len()).sum();
        if count == 0 || count > MAX_INSTRUCTIONS {
            return Err(Malformed);
        }
        let mut assembly = Assembly::new(parts.first().map_or(0, |(_, part)| part.start));
        for (_, part) in parts {
            assembly.append(part);
        }
        let composition = Composition::Joined(parts.iter().map(|(id, _)| *id).collect());
        Ok(Self { composition, ..assembly.finish() })
    }

    /// Its first `count` instructions as a block; `id` is its own.
    ///
    /// # Errors
    /// [`Malformed`] when there are not as many, or none are asked for.
    pub fn prefix(&self, id: u32, count: u8) -> Result<Self, Malformed> {
        let instructions = usize::from(count);
        let last = self.instructions().get(instructions.wrapping_sub(1)).ok_or(Malformed)?;
        let slots = self
            .body
            .instructions
            .get(instructions)
            .map_or(self.extent.slots, |next| self.extent.slots.min(next.first as usize));
        let taken = self.body.slots.get(..slots).ok_or(Malformed)?;
        let extent = Extent {
            code: usize::from(last.offset) + usize::from(last.length),
            instructions,
            slots,
            lanes: taken.iter().flat_map(Lane::of).count(),
            row_bytes: taken.iter().map(|slot| slot.effect.slot_bytes()).sum(),
        };
        let composition = Composition::Prefix(id, count);
        Ok(Self { start: self.start, body: Arc::clone(&self.body), extent, composition })
    }

    /// How the trace writes it.
    pub fn composition(&self) -> &Composition {
        &self.composition
    }

    /// Address of its first instruction.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// One past its last instruction's last byte.
    pub fn end(&self) -> u64 {
        let last = self.instructions().last();
        last.map_or(self.start, |i| i.address.wrapping_add(i.length.into()))
    }

    /// The bytes of its instructions.
    pub fn code(&self) -> &[u8] {
        self.body.code.get(..self.extent.code).unwrap_or(&[])
    }

    /// Its instructions, in order.
    pub fn instructions(&self) -> &[Instruction] {
        self.body.instructions.get(..self.extent.instructions).unwrap_or(&[])
    }

    /// Address of instruction `index`, or of the block's end.
    #[inline]
    pub fn address(&self, index: usize) -> u64 {
        self.instructions().get(index).map_or_else(|| self.end(), |i| i.address)
    }

    /// Bytes of instruction `index`; empty if there is none.
    pub fn bytes(&self, index: usize) -> &[u8] {
        let Some(i) = self.instructions().get(index) else { return &[] };
        let start = usize::from(i.offset);
        self.body.code.get(start..start + usize::from(i.length)).unwrap_or(&[])
    }

    /// The effects of instruction `index`, with their places in the row.
    #[inline]
    pub fn slots(&self, index: usize) -> &[Slot] {
        let Some(instruction) = self.instructions().get(index) else { return &[] };
        let next = self.instructions().get(index + 1);
        let end = next.map_or(self.extent.slots, |i| i.first as usize);
        self.body.slots.get(instruction.first as usize..end).unwrap_or(&[])
    }

    /// Its instructions from index `first` on to `end`.
    pub fn steps(&self, first: usize, end: usize) -> impl Iterator<Item = Step<'_>> {
        let (instructions, slots) = (self.instructions(), self.all_slots());
        let here = instructions.get(first..end.min(instructions.len())).unwrap_or(&[]);
        let behind = instructions.get(first + 1..).unwrap_or(&[]).iter().map(Some);
        let bounds = behind.chain(std::iter::once(None));
        here.iter().zip(bounds).map(move |(own, behind)| {
            let end = behind.map_or(slots.len(), |next| next.first as usize);
            let address = behind.map_or_else(|| self.end(), |next| next.address);
            let slots = slots.get(own.first as usize..end).unwrap_or(&[]);
            Step { slots, behind: address, replaced: own.replaced }
        })
    }

    /// All its effects, in order.
    pub fn all_slots(&self) -> &[Slot] {
        self.body.slots.get(..self.extent.slots).unwrap_or(&[])
    }

    /// The columns that its row is encoded as.
    pub fn lanes(&self) -> &[Lane] {
        self.body.lanes.get(..self.extent.lanes).unwrap_or(&[])
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.extent.row_bytes
    }

    /// Its template as bytes.
    pub fn encode_template(&self, out: &mut Vec<u8>) {
        for (index, instruction) in self.instructions().iter().enumerate() {
            template::put_instruction(out, instruction.kind, self.slots(index));
        }
    }

    /// A block from what [`Self::encode_template`] and the dictionary's columns hold.
    pub fn decode(
        start: u64,
        lengths: &[u8],
        code: &[u8],
        template: &[u8],
    ) -> Result<Self, Malformed> {
        if lengths.is_empty() || lengths.len() > MAX_INSTRUCTIONS {
            return Err(Malformed);
        }
        let mut block = Self::new(start);
        let (mut code, mut template) = (Reader::new(code), Reader::new(template));
        for &length in lengths {
            if !(1..=MAX_INSTRUCTION_BYTES).contains(&usize::from(length)) {
                return Err(Malformed);
            }
            let bytes = code.take(length.into())?;
            block.push(bytes, &template::take_instruction(&mut template)?);
        }
        if !code.is_empty() || !template.is_empty() {
            return Err(Malformed);
        }
        Ok(block)
    }
}
