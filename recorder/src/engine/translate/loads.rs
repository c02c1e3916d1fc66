//! What is derived from a memory operand: the operand is copied into the log, and the
//! instruction takes it from there. So what is logged is what it had, whoever else
//! writes to that memory.

use super::block::{HEADER_BYTES, Writer};
use super::emitter::{CURSOR, Emitted, SCRATCH, Unencodable, log_place};
use super::layout::slot;
use iced_x86::{Code, Instruction, MemoryOperand, OpKind, Register};
use rdb_schema::block::Slot;
use rdb_schema::effects::Effect;

/// Numbers of vector registers from which the state component of the others begins
/// (Intel SDM vol. 1, 13.5.5 and 13.5.6).
const HALF: u32 = 16;

impl Writer {
    /// Logs what the instruction loads, if `slots` ask for it: the instruction that
    /// loads it from the log.
    pub(super) fn load_first(
        &mut self,
        instruction: &Instruction,
        slots: &[Slot],
    ) -> Emitted<Option<Instruction>> {
        for slot in slots {
            if let Effect::Loaded { element, bytes, .. } = slot.effect {
                let place = HEADER_BYTES + slot.offset as usize;
                let reachable = self.reachable(self.substitutes.rename(instruction))?;
                let from = operand(&reachable);
                match bytes {
                    4 | 8 => self.load_element(place, from, bytes)?,
                    64 => self.load_vector(place, from, instruction, element)?,
                    _ => return Err(Unencodable),
                }
                return Ok(Some(from_log(reachable, place)));
            }
        }
        Ok(None)
    }

    fn load_element(&mut self, place: usize, from: MemoryOperand, bytes: u8) -> Emitted {
        let part = if bytes == 8 { SCRATCH } else { SCRATCH.full_register32() };
        self.emitter.load(part, from)?;
        self.emitter.log(place, part)
    }

    /// Through a register that the instruction does not use: of the elements that its
    /// mask leaves out, nothing is loaded.
    fn load_vector(
        &mut self,
        place: usize,
        from: MemoryOperand,
        instruction: &Instruction,
        element: u8,
    ) -> Emitted {
        let register = free_vector(instruction)?;
        let kept = self.emitter.context(slot::VECTOR);
        let store =
            |to, register| Instruction::with2(Code::EVEX_Vmovups_zmmm512_k1z_zmm, to, register);
        let code = match (instruction.has_op_mask(), element) {
            (true, 8) => Code::EVEX_Vmovupd_zmm_k1z_zmmm512,
            _ => Code::EVEX_Vmovups_zmm_k1z_zmmm512,
        };
        let mut load = Instruction::with2(code, register, from)?;
        if instruction.has_op_mask() {
            load.set_op_mask(instruction.op_mask());
            load.set_zeroing_masking(true);
        }
        let restore = Instruction::with2(Code::EVEX_Vmovups_zmm_k1z_zmmm512, register, kept)?;
        self.emitter.put(&store(kept, register)?)?;
        self.emitter.put(&load)?;
        self.emitter.put(&store(log_place(place), register)?)?;
        self.emitter.put(&restore)
    }
}

/// Its memory operand.
pub(super) fn operand(instruction: &Instruction) -> MemoryOperand {
    MemoryOperand::new(
        instruction.memory_base(),
        instruction.memory_index(),
        instruction.memory_index_scale(),
        instruction.memory_displacement64() as i64,
        instruction.memory_displ_size(),
        false,
        instruction.segment_prefix(),
    )
}

/// The instruction with the log's `place` as its memory operand.
fn from_log(mut instruction: Instruction, place: usize) -> Instruction {
    instruction.set_memory_base(CURSOR);
    instruction.set_memory_index(Register::None);
    instruction.set_memory_index_scale(1);
    instruction.set_memory_displacement64(place as u64);
    instruction.set_memory_displ_size(1);
    instruction.set_segment_prefix(Register::None);
    instruction
}

/// A zmm register that the instruction does not use, with its state in the component
/// that the instruction's destination brings into use.
fn free_vector(instruction: &Instruction) -> Emitted<Register> {
    let vectors = (0..instruction.op_count())
        .filter(|operand| instruction.op_kind(*operand) == OpKind::Register)
        .map(|operand| instruction.op_register(operand))
        .filter(|register| register.is_vector_register());
    let used: Vec<u32> = vectors.map(|register| register.number() as u32).collect();
    let half = used.first().map_or(0, |number| number / HALF * HALF);
    let free = (half..half + HALF).rev().find(|number| !used.contains(number));
    free.map(|number| Register::ZMM0 + number).ok_or(Unencodable)
}
