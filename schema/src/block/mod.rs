//! Blocks: straight-line code with its template, and the dictionary of them.

mod template;

use crate::columns::Lane;
use crate::effects::{Effect, Effects, Kind};
use crate::varint::{Malformed, Reader};

/// Most instructions a block may have.
pub const MAX_INSTRUCTIONS: usize = 64;

/// Longest x86 instruction, in bytes.
pub const MAX_INSTRUCTION_BYTES: usize = 15;

/// One instruction of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Offset of its first byte from the block's start.
    pub offset: u16,
    /// Its length in bytes, 1–15.
    pub length: u8,
    /// The care it needs.
    pub kind: Kind,
    /// Index of its first effect; the next instruction's is its end.
    first: u32,
}

/// An effect, and where its logged value stands in the block's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The effect.
    pub effect: Effect,
    /// Offset in the row, bytes; meaningless when nothing is logged there.
    pub offset: u32,
}

/// Straight-line code: a dictionary entry. Each execution of it logs one *row*:
/// the logged slots of all its instructions, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    start: u64,
    code: Vec<u8>,
    instructions: Vec<Instruction>,
    slots: Vec<Slot>,
    lanes: Vec<Lane>,
    row_bytes: u32,
}

impl Block {
    /// A block at `start` without instructions yet.
    pub fn new(start: u64) -> Self {
        Self {
            start,
            code: Vec::new(),
            instructions: Vec::new(),
            slots: Vec::new(),
            lanes: Vec::new(),
            row_bytes: 0,
        }
    }

    /// Appends an instruction of these bytes and effects.
    pub fn push(&mut self, code: &[u8], effects: &Effects) {
        self.instructions.push(Instruction {
            offset: self.code.len() as u16,
            length: code.len() as u8,
            kind: effects.kind,
            first: self.slots.len() as u32,
        });
        self.code.extend_from_slice(code);
        for effect in &effects.list {
            let slot = Slot { effect: *effect, offset: self.row_bytes };
            self.lanes.extend(Lane::of(&slot));
            self.slots.push(slot);
            self.row_bytes += effect.slot_bytes() as u32;
        }
    }

    /// Address of its first instruction.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// One past its last byte.
    pub fn end(&self) -> u64 {
        self.start.wrapping_add(self.code.len() as u64)
    }

    /// Its bytes.
    pub fn code(&self) -> &[u8] {
        &self.code
    }

    /// Its instructions, in order.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// Address of instruction `index`, or of the block's end.
    pub fn address(&self, index: usize) -> u64 {
        let offset = self.instructions.get(index).map_or(self.code.len(), |i| i.offset.into());
        self.start.wrapping_add(offset as u64)
    }

    /// Bytes of instruction `index`; empty if there is none.
    pub fn bytes(&self, index: usize) -> &[u8] {
        let Some(i) = self.instructions.get(index) else { return &[] };
        let start = usize::from(i.offset);
        self.code.get(start..start + usize::from(i.length)).unwrap_or(&[])
    }

    /// The effects of instruction `index`, with their places in the row.
    pub fn slots(&self, index: usize) -> &[Slot] {
        let Some(instruction) = self.instructions.get(index) else { return &[] };
        let end = self.instructions.get(index + 1).map_or(self.slots.len(), |i| i.first as usize);
        self.slots.get(instruction.first as usize..end).unwrap_or(&[])
    }

    /// All its effects, in order.
    pub fn all_slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The columns that its row is encoded as.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.row_bytes as usize
    }

    /// The index of the instruction that starts at `address`.
    pub fn index_of(&self, address: u64) -> Option<usize> {
        let offset = address.checked_sub(self.start)?;
        self.instructions.binary_search_by_key(&offset, |i| i.offset.into()).ok()
    }

    /// Its template as bytes.
    pub fn encode_template(&self, out: &mut Vec<u8>) {
        for (index, instruction) in self.instructions.iter().enumerate() {
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
