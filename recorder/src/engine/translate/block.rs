//! The translation of one block: its instructions, each followed by moves that
//! log what `effects` says it changed.

use super::branches::{Ending, Link};
use super::emitter::{Emitted, Emitter, SCRATCH, Unencodable};
use super::layout::slot;
use super::leaving::Leaving;
use super::side_exits::SideExit;
use super::substitutes::Substitutes;
use super::superblocks::decode;
use super::x87;
use crate::encode::CALL_ID;
use crate::engine::code::Prepared;
use iced_x86::{FlowControl, Instruction, Register};
use rdb_schema::block::Slot;
use rdb_schema::effects::{Address, Effect, Kind, Source};
use rdb_schema::registers::Gpr;
use std::sync::Arc;

/// Bytes of a record's header.
pub const HEADER_BYTES: usize = 4;

/// A record's header: the block's id, and the record's length in units of 4
/// bytes in the low 11 bits.
pub fn header(id: u32, length: usize) -> u32 {
    id << 11 | (length / 4) as u32
}

/// Ids that fit a header, and mark no record of another kind.
pub const MAX_ID: u32 = CALL_ID - 1;

/// Bytes of a record of `block`. A record takes at least half a byte for each
/// instruction, so that a ring's worth of tracepoints is bounded.
pub fn record_bytes(prepared: &Prepared) -> usize {
    let block = &prepared.block;
    (HEADER_BYTES + block.row_bytes()).max(block.instructions().len() / 2).next_multiple_of(4)
}

/// A block's copy in the cache.
pub struct Translation {
    /// The block.
    pub prepared: Arc<Prepared>,
    /// Address of its first byte: where it reserves its record.
    pub head: u64,
    /// One past its last byte.
    pub end: u64,
    /// For each instruction, where its copy begins, from `head`. There, all that
    /// came before is logged, and the scratch register is free.
    pub marks: Box<[u16]>,
    /// What it renames.
    pub substitutes: Substitutes,
    /// Where it reserves its record, from `head`: behind a comparison of the code,
    /// if it has one. rcx waits in the context there.
    pub opening: u16,
    /// Its code that leaves it, ascending: behind all marks.
    pub leaving: Box<[Leaving]>,
}

/// What writing a block gives.
pub struct Written {
    /// The translation.
    pub translation: Translation,
    /// Its code.
    pub code: Vec<u8>,
    /// Its ways out.
    pub links: Vec<Link>,
    /// Traps where the program's code has changed.
    pub changed: Vec<u64>,
}

/// The copy of an instruction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Copied {
    /// Where it stands.
    pub address: u64,
    /// The original's, if it is an x87 instruction's.
    pub opcode: u16,
}

/// Writes blocks.
pub struct Writer {
    /// The code.
    pub(super) emitter: Emitter,
    pub(super) substitutes: Substitutes,
    /// The record's length.
    pub(super) record: usize,
    /// The present instruction's.
    pub(super) copied: Copied,
    decoder: u32,
    /// Register names for avx512bw's kmovq or not.
    pub(super) wide_masks: bool,
    /// Branches out of the middle of a superblock.
    pub(super) side_exits: Vec<SideExit>,
    pub(super) leaving: Vec<Leaving>,
    marks: Vec<u16>,
    /// The block's instructions, decoded.
    instructions: Vec<Instruction>,
}

impl Writer {
    /// A writer for a region; `decoder`: the options that the CPU asks for.
    pub fn new(emitter: Emitter, decoder: u32) -> Self {
        let wide_masks = std::arch::is_x86_feature_detected!("avx512bw");
        Self {
            emitter,
            substitutes: Substitutes::default(),
            record: 0,
            decoder,
            wide_masks,
            copied: Copied::default(),
            side_exits: Vec::new(),
            leaving: Vec::new(),
            marks: Vec::new(),
            instructions: Vec::new(),
        }
    }

    /// Writes `prepared`'s translation for the address `head`, into `buffer`;
    /// `decoded`: its instructions, if they are at hand. A superblock has `prefixes`,
    /// one for each branch that may leave it early.
    ///
    /// # Errors
    /// [`Unencodable`]: it has to be stepped.
    pub fn block(
        &mut self,
        prepared: &Arc<Prepared>,
        prefixes: &[Arc<Prepared>],
        decoded: Option<&[Instruction]>,
        head: u64,
        buffer: Vec<u8>,
    ) -> Emitted<Written> {
        let (instructions, changed) = self.begin(prepared, decoded, head, buffer)?;
        let opening = self.emitter.length() as u16;
        let ending = match instructions.as_slice() {
            [one] if prepared.care[0].kind == Kind::RepString => self.repeated(prepared, one)?,
            all => self.straight(prepared, all)?,
        };
        self.instructions = instructions;
        let links = self.ways_out(ending, prepared, prefixes)?;
        Ok(self.finish(prepared, head, opening, links, changed))
    }

    /// Begins a translation. The block's instructions, and traps where its code has
    /// changed.
    pub(super) fn begin(
        &mut self,
        prepared: &Prepared,
        decoded: Option<&[Instruction]>,
        head: u64,
        buffer: Vec<u8>,
    ) -> Emitted<(Vec<Instruction>, Vec<u64>)> {
        if prepared.id > MAX_ID {
            return Err(Unencodable);
        }
        self.side_exits.clear();
        self.leaving.clear();
        self.marks.clear();
        let instructions = self.decode(prepared, decoded);
        let used = prepared.care.iter().fold(0, |mask, care| mask | care.general);
        self.substitutes = Substitutes::new(used);
        self.record = record_bytes(prepared);
        self.emitter.begin(head, buffer);
        let comparing = prepared.changeable;
        let changed = if comparing { self.compare_code(&prepared.block)? } else { Vec::new() };
        Ok((instructions, changed))
    }

    /// Takes what was written since [`Self::begin`].
    pub(super) fn finish(
        &mut self,
        prepared: &Arc<Prepared>,
        head: u64,
        opening: u16,
        links: Vec<Link>,
        changed: Vec<u64>,
    ) -> Written {
        let end = self.emitter.here();
        let mut code = self.emitter.finish();
        self.patch_side_exits(head, &mut code);
        let (prepared, substitutes) = (Arc::clone(prepared), self.substitutes);
        let (marks, leaving) = (self.marks.as_slice().into(), self.leaving.as_slice().into());
        let translation = Translation { prepared, head, end, marks, substitutes, leaving, opening };
        Written { translation, code, links, changed }
    }

    /// The copy of an instruction begins here.
    pub(super) fn mark(&mut self) {
        self.marks.push(self.emitter.length() as u16);
    }

    fn straight(&mut self, prepared: &Prepared, instructions: &[Instruction]) -> Emitted<Ending> {
        let block = &prepared.block;
        self.open(prepared.id)?;
        let mut ending = Ending::To(block.end());
        for (index, instruction) in instructions.iter().enumerate() {
            self.mark();
            let slots = block.slots(index);
            let next = block.address(index + 1);
            self.copied.opcode = x87::opcode(block.bytes(index));
            if instruction.flow_control() == FlowControl::Next {
                self.plain(instruction, block.bytes(index), slots)?;
            } else if index + 1 < instructions.len() {
                self.inner_branch(instruction, slots, index, next)?;
            } else {
                ending = self.branching(instruction, slots)?;
            }
        }
        Ok(ending)
    }

    fn decode(&mut self, prepared: &Prepared, decoded: Option<&[Instruction]>) -> Vec<Instruction> {
        let mut instructions = std::mem::take(&mut self.instructions);
        instructions.clear();
        let count = prepared.block.instructions().len();
        match decoded {
            Some(decoded) => instructions.extend_from_slice(decoded),
            None => {
                instructions.extend((0..count).map(|index| decode(prepared, index, self.decoder)));
            }
        }
        instructions
    }

    /// Reserves the record: the next one's header becomes zero (or the guard is
    /// touched), then this one's is written. Then come the substitutes.
    pub(super) fn open(&mut self, id: u32) -> Emitted {
        self.emitter.log_constant(self.record, 0)?;
        self.emitter.log_constant(0, header(id, self.record))?;
        for (place, (own, other)) in self.substitutes.iter().enumerate() {
            let other = super::emitter::host(other);
            self.emitter.save(slot::SUBSTITUTE[place], other)?;
            self.emitter.restore(other, program_slot(own))?;
        }
        Ok(())
    }

    /// Gives the substitutes back and ends a record of this length; flags stay.
    pub(super) fn close(&mut self, record: usize) -> Emitted {
        for (place, (own, other)) in self.substitutes.iter().enumerate() {
            let other = super::emitter::host(other);
            self.emitter.save(program_slot(own), other)?;
            self.emitter.restore(other, slot::SUBSTITUTE[place])?;
        }
        self.emitter.advance(record)
    }

    /// The instruction, whose bytes are `code`, then its log.
    pub(super) fn plain(
        &mut self,
        instruction: &Instruction,
        code: &[u8],
        slots: &[Slot],
    ) -> Emitted {
        self.note_address(slots)?;
        if let Some(loading) = self.load_first(instruction, slots)? {
            self.emitter.put(&loading)?;
            return self.log(instruction, slots);
        }
        if self.substitutes == Substitutes::default() && instruction.memory_base() != Register::RIP
        {
            self.copied.address = self.emitter.here();
            self.emitter.bytes(code);
            return self.log(instruction, slots);
        }
        let renamed = self.reachable(self.substitutes.rename(instruction))?;
        self.copied.address = self.emitter.here();
        self.emitter.put(&renamed)?;
        self.log(instruction, slots)
    }

    /// A store whose value is read back: its address, before registers change.
    fn note_address(&mut self, slots: &[Slot]) -> Emitted {
        let substitutes = self.substitutes;
        for slot in slots {
            if let Some(address) = read_back(&slot.effect) {
                self.emitter.address(&address, |r| substitutes.host(r))?;
                self.emitter.save(slot::ADDRESS, SCRATCH)?;
            }
        }
        Ok(())
    }

    /// The instruction with a RIP-relative operand that can be reached from the
    /// cache: near, or through the scratch register.
    pub(super) fn reachable(&mut self, mut instruction: Instruction) -> Emitted<Instruction> {
        if instruction.memory_base() != Register::RIP {
            return Ok(instruction);
        }
        let target = instruction.memory_displacement64();
        if i32::try_from(target).is_ok() {
            // Absolute: shorter ways exist, but none is as simple.
            instruction.set_memory_base(Register::None);
            instruction.set_memory_displ_size(8);
            return Ok(instruction);
        }
        self.emitter.constant(SCRATCH, target)?;
        instruction.set_memory_base(SCRATCH);
        instruction.set_memory_displacement64(0);
        instruction.set_memory_displ_size(0);
        Ok(instruction)
    }
}

/// Where the program's r14 or r15 waits.
pub fn program_slot(register: Gpr) -> usize {
    if register.number() == 14 { slot::R14 } else { slot::R15 }
}

/// The address of a store that has to be read back.
fn read_back(effect: &Effect) -> Option<Address> {
    match *effect {
        Effect::Store { address, source: Source::Logged, .. } => Some(address),
        Effect::StoreBytes { address, .. } => Some(address),
        _ => None,
    }
}
