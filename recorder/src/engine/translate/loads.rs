//! Logging what an instruction loaded from memory, behind it: it changed neither its
//! operand nor the registers of its address.

use super::block::Writer;
use super::emitter::{Emitted, SCRATCH, Unencodable, log_place};
use super::layout::slot;
use iced_x86::{Code, EncodingKind, Instruction, MemoryOperand, OpKind, Register};
use rdb_schema::effects::Effect;

/// Moves of a whole vector between a register and memory.
#[derive(Clone, Copy)]
struct Moves {
    load: Code,
    store: Code,
    /// The register of number 0.
    first: Register,
}

const LEGACY: Moves = Moves {
    load: Code::Movups_xmm_xmmm128,
    store: Code::Movups_xmmm128_xmm,
    first: Register::XMM0,
};

const VEX: [Moves; 2] = [
    Moves {
        load: Code::VEX_Vmovups_xmm_xmmm128,
        store: Code::VEX_Vmovups_xmmm128_xmm,
        first: Register::XMM0,
    },
    Moves {
        load: Code::VEX_Vmovups_ymm_ymmm256,
        store: Code::VEX_Vmovups_ymmm256_ymm,
        first: Register::YMM0,
    },
];

const EVEX: [Moves; 3] = [
    Moves {
        load: Code::EVEX_Vmovups_xmm_k1z_xmmm128,
        store: Code::EVEX_Vmovups_xmmm128_k1z_xmm,
        first: Register::XMM0,
    },
    Moves {
        load: Code::EVEX_Vmovups_ymm_k1z_ymmm256,
        store: Code::EVEX_Vmovups_ymmm256_k1z_ymm,
        first: Register::YMM0,
    },
    Moves {
        load: Code::EVEX_Vmovups_zmm_k1z_zmmm512,
        store: Code::EVEX_Vmovups_zmmm512_k1z_zmm,
        first: Register::ZMM0,
    },
];

/// The same for elements of 8 bytes, where a mask chooses them.
const EVEX_DOUBLE: [Code; 3] = [
    Code::EVEX_Vmovupd_xmm_k1z_xmmm128,
    Code::EVEX_Vmovupd_ymm_k1z_ymmm256,
    Code::EVEX_Vmovupd_zmm_k1z_zmmm512,
];

impl Writer {
    /// Logs `effect`, an [`Effect::Loaded`].
    pub(super) fn loaded(
        &mut self,
        place: usize,
        instruction: &Instruction,
        effect: &Effect,
    ) -> Emitted {
        let Effect::Loaded { element, bytes, .. } = *effect else { return Err(Unencodable) };
        let reachable = self.reachable(self.substitutes.rename(instruction))?;
        let from = operand(&reachable);
        if bytes <= 8 {
            let part = if bytes == 8 { SCRATCH } else { SCRATCH.full_register32() };
            self.emitter.load(part, from)?;
            return self.emitter.log(place, part);
        }
        let encoding = instruction.encoding();
        let moves = moves(encoding, bytes)?;
        let (whole, number) = (self.whole(encoding), free_vector(instruction)?);
        let (register, all) = (moves.first + number, whole.first + number);
        let kept = self.emitter.context(slot::VECTOR);
        self.emitter.put(&Instruction::with2(whole.store, kept, all)?)?;
        self.emitter.put(&load(instruction, moves, element, bytes, register, from)?)?;
        self.emitter.put(&Instruction::with2(moves.store, log_place(place), register)?)?;
        self.emitter.put(&Instruction::with2(whole.load, all, kept)?)
    }

    /// How a borrowed register is kept: all that moves of this encoding would change.
    fn whole(&self, encoding: EncodingKind) -> Moves {
        match encoding {
            EncodingKind::Legacy => LEGACY,
            _ if self.has_zmm => EVEX[2],
            _ => VEX[1],
        }
    }
}

fn moves(encoding: EncodingKind, bytes: u8) -> Emitted<Moves> {
    let size = usize::from(bytes / 32);
    match encoding {
        EncodingKind::Legacy if size == 0 => Ok(LEGACY),
        EncodingKind::VEX => VEX.get(size).copied().ok_or(Unencodable),
        EncodingKind::EVEX => EVEX.get(size).copied().ok_or(Unencodable),
        _ => Err(Unencodable),
    }
}

/// The move from memory, of the elements that the instruction's mask chooses.
fn load(
    instruction: &Instruction,
    moves: Moves,
    element: u8,
    bytes: u8,
    register: Register,
    from: MemoryOperand,
) -> Emitted<Instruction> {
    let masked = instruction.has_op_mask();
    let code = match (masked, element) {
        (true, 8) => *EVEX_DOUBLE.get(usize::from(bytes / 32)).ok_or(Unencodable)?,
        _ => moves.load,
    };
    let mut load = Instruction::with2(code, register, from)?;
    if masked {
        load.set_op_mask(instruction.op_mask());
        load.set_zeroing_masking(true);
    }
    Ok(load)
}

/// Its memory operand.
fn operand(instruction: &Instruction) -> MemoryOperand {
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

/// The number of a vector register that the instruction does not use.
fn free_vector(instruction: &Instruction) -> Emitted<u32> {
    let uses = |number: u32| {
        (0..instruction.op_count()).any(|operand| {
            instruction.op_kind(operand) == OpKind::Register
                && instruction.op_register(operand).is_vector_register()
                && instruction.op_register(operand).number() == number as usize
        })
    };
    (0..16).rev().find(|number| !uses(*number)).ok_or(Unencodable)
}
