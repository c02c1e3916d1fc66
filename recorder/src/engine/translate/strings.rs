//! Repeated string instructions: `rep movs`, `rep stos` and their kin.
//!
//! One that stores has two translations. The *long* one has no record: it stops
//! behind the instruction, and the recorder reads what was stored. The *short* one
//! serves few bytes: it logs the registers as any block does, and copies the bytes
//! into a bulk record behind that. Where it turns out that they are many, or that
//! the direction is downwards, it goes the long way.

use super::block::{HEADER_BYTES, Writer, Written};
use super::branches::Ending;
use super::emitter::{CURSOR, Emitted, SCRATCH, Unencodable, log_place};
use super::layout::slot;
use super::leaving::Stage;
use super::signals::MOST_STEPS;
use crate::encode::BULK_ID;
use crate::engine::code::Prepared;
use iced_x86::{Code, Instruction, MemoryOperand, Register};
use rdb_schema::effects::{Bulk, Effect};
use std::sync::Arc;

/// Most bytes that are copied in the cache. Single-stepping takes a step for each.
const MOST_COPIED: i64 = 3072;

const _: () = assert!(MOST_COPIED < MOST_STEPS as i64);

/// Bytes of a bulk record before the stored ones: header, padding, address, count.
const BULK_HEADER: usize = 24;

/// What a repeated string instruction counts and moves.
const REGISTERS: [Register; 3] = [Register::RCX, Register::RSI, Register::RDI];

/// Where their values from before it are.
const COUNT: usize = slot::STRING[0];
const DESTINATION: usize = slot::STRING[2];

/// `rep movsb`.
const COPY: [u8; 2] = [0xf3, 0xa4];

impl Writer {
    /// The instruction, with what it starts from in the context. One that stores has
    /// no record: the recorder makes its tracepoint.
    pub(super) fn repeated(
        &mut self,
        prepared: &Prepared,
        instruction: &Instruction,
    ) -> Emitted<Ending> {
        let slots = prepared.block.slots(0);
        let next = prepared.block.end();
        if slots.iter().any(|s| s.effect == Effect::StoreBulk) {
            self.repeat(instruction)?;
            return Ok(Ending::Bulk(next));
        }
        self.open(prepared.id)?;
        self.repeat(instruction)?;
        self.log(instruction, slots)?;
        Ok(Ending::To(next))
    }

    fn repeat(&mut self, instruction: &Instruction) -> Emitted {
        for (place, register) in slot::STRING.into_iter().zip(REGISTERS) {
            self.emitter.save(place, register)?;
        }
        self.mark();
        self.emitter.put(&self.substitutes.rename(instruction))
    }

    /// Writes the short translation for the address `head`; the long one begins at
    /// `long`.
    ///
    /// # Errors
    /// [`Unencodable`]: only the long one will do.
    pub fn short_string(
        &mut self,
        prepared: &Arc<Prepared>,
        long: u64,
        head: u64,
        buffer: Vec<u8>,
    ) -> Emitted<Written> {
        let Some(Bulk::RepString { element, address_size: 8 }) = prepared.bulk(0).copied() else {
            return Err(Unencodable);
        };
        let (instructions, changed) = self.begin(prepared, None, head, buffer)?;
        let instruction = instructions.first().ok_or(Unencodable)?;
        self.go_long(element, long)?;
        let opening = self.emitter.length() as u16;
        self.reserve(self.record + BULK_HEADER + HEADER_BYTES)?;
        self.open(prepared.id)?;
        self.repeat(instruction)?;
        self.log(instruction, prepared.block.slots(0))?;
        let next = prepared.block.end();
        self.note(Stage::Counted);
        let stored = self.compare_length(element)?;
        let mut links = self.stop_for_stores(next)?;
        self.emitter.land(stored)?;
        self.copy_stored()?;
        self.advance_beyond()?;
        let mut sites = Vec::new();
        self.jump(next, &mut sites)?;
        links.extend(self.stubs(&sites)?);
        Ok(self.finish(prepared, head, opening, links, changed))
    }

    /// To `long` if there is more to store than may be copied. Otherwise the scratch
    /// register holds how many bytes it will be.
    fn go_long(&mut self, element: u8, long: u64) -> Emitted {
        let bytes = |more| {
            let index = Register::RCX;
            MemoryOperand::with_base_index_scale_displ_size(
                Register::None,
                index,
                element.into(),
                more,
                8,
            )
        };
        self.emitter.save(slot::RCX, Register::RCX)?;
        // Of a count that is not more, only the low 16 bits are set; and so are only
        // those of this sum.
        self.emitter.copy(SCRATCH, Register::RCX)?;
        self.unless_low_bits(long)?;
        self.emitter.lea(SCRATCH, bytes(0xffff - MOST_COPIED))?;
        self.unless_low_bits(long)?;
        self.emitter.lea(SCRATCH, bytes(0))
    }

    /// To `long` unless only the low 16 bits of the scratch register are set; rcx is as
    /// it was saved, before and after.
    fn unless_low_bits(&mut self, long: u64) -> Emitted {
        let low = Code::Movzx_r32_rm16;
        self.emitter.put(&Instruction::with2(low, Register::ECX, Register::R14W)?)?;
        self.subtract_from(SCRATCH, Register::RCX, 1, 0)?;
        let so = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        self.emitter.restore(Register::RCX, slot::RCX)?;
        self.emitter.jump(long)?;
        self.emitter.land(so)?;
        self.emitter.restore(Register::RCX, slot::RCX)
    }

    /// Touches the log `room` bytes behind as many as the scratch register says.
    fn reserve(&mut self, room: usize) -> Emitted {
        let end = beyond(1, room);
        self.emitter.put(&Instruction::with2(Code::Mov_rm32_imm32, end, 0)?)
    }

    /// Behind the instruction, which leaves zero in rcx: how many bytes it stored, into
    /// the scratch register. The branch that is returned is taken if that is what it was
    /// to store, upwards.
    fn compare_length(&mut self, element: u8) -> Emitted<usize> {
        self.emitter.restore(SCRATCH, DESTINATION)?;
        self.subtract_from(Register::RDI, SCRATCH, 1, 0)?;
        self.emitter.restore(Register::RCX, COUNT)?;
        self.subtract_from(SCRATCH, Register::RCX, element, i64::from(element) - 1)?;
        let stored = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        self.emitter.constant(Register::RCX, 0)?;
        Ok(stored)
    }

    /// `what = from - what * scale`, given `more = scale - 1`; no flags.
    fn subtract_from(&mut self, from: Register, what: Register, scale: u8, more: i64) -> Emitted {
        // -w = !w + 1.
        self.emitter.put(&Instruction::with1(Code::Not_rm64, what)?)?;
        let sum =
            MemoryOperand::with_base_index_scale_displ_size(from, what, scale.into(), more + 1, 1);
        self.emitter.lea(what, sum)
    }

    /// Copies the bytes, as many as the scratch register says, into the bulk record.
    fn copy_stored(&mut self) -> Emitted {
        let record = self.record;
        self.emitter.save(slot::BORROWED[0], Register::RSI)?;
        self.emitter.save(slot::BORROWED[1], Register::RDI)?;
        self.note(Stage::Borrowing);
        self.emitter.restore(Register::RSI, DESTINATION)?;
        self.emitter.log(record + 8, Register::RSI)?;
        self.emitter.log(record + 16, SCRATCH)?;
        self.emitter.copy(Register::RCX, SCRATCH)?;
        self.emitter.lea(Register::RDI, log_place(record + BULK_HEADER))?;
        self.emitter.bytes(&COPY);
        self.emitter.restore(Register::RDI, slot::BORROWED[1])?;
        self.emitter.restore(Register::RSI, slot::BORROWED[0])?;
        self.note(Stage::Open);
        Ok(())
    }

    /// Ends both records, of which the second has as many bytes as the scratch register
    /// says.
    fn advance_beyond(&mut self) -> Emitted {
        let quarter = SCRATCH.full_register32();
        let times_8 = |more| {
            let (none, eight) = (Register::None, 8);
            MemoryOperand::with_base_index_scale_displ_size(none, SCRATCH, eight, more, 8)
        };
        // Its length, rounded up to a multiple of four; times 64, and a byte further on
        // in memory: divided by 4.
        self.emitter.lea(SCRATCH, times_8(8 * (BULK_HEADER as i64 + 3)))?;
        self.emitter.lea(SCRATCH, times_8(0))?;
        self.emitter.save(slot::BULK_LENGTH, SCRATCH)?;
        let length = self.emitter.context(slot::BULK_LENGTH + 1);
        self.emitter.load(quarter, length)?;
        let header = MemoryOperand::with_base_displ(SCRATCH, i64::from((BULK_ID << 11) as i32));
        self.emitter.put(&Instruction::with2(Code::Lea_r32_m, quarter, header)?)?;
        self.emitter.log(self.record, quarter)?;
        self.emitter.load(quarter, length)?;
        let end = beyond(4, self.record);
        self.emitter.put(&Instruction::with2(Code::Mov_rm32_imm32, end, 0)?)?;
        self.emitter.lea(CURSOR, end)?;
        self.note(Stage::Closed);
        Ok(())
    }
}

/// `[r15+r14*scale+offset]`.
fn beyond(scale: u32, offset: usize) -> MemoryOperand {
    MemoryOperand::with_base_index_scale_displ_size(CURSOR, SCRATCH, scale, offset as i64, 1)
}
