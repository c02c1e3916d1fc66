//! Renaming: the translation owns r14 and r15, so a block that uses them gets
//! other registers in their place, which it does not use itself. What those held
//! waits in the context.

use iced_x86::{Code, Instruction, OpKind, Register};
use rdb_schema::registers::Gpr;

/// Bits of r14 and r15 in a set of general registers.
const STOLEN: u16 = 0xc000;

/// rsp is never a substitute.
const RSP: u16 = 1 << 4;

/// Preferred first: those with no implicit uses.
const ORDER: [u8; 13] = [3, 5, 13, 12, 11, 10, 9, 8, 7, 6, 2, 0, 1];

/// Which host register holds a stolen one; `None`: the block does not use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Substitutes {
    r14: Option<Gpr>,
    r15: Option<Gpr>,
}

/// Whether a block that uses the set `used` of general registers leaves enough
/// others free.
pub fn are_possible(used: u16) -> bool {
    let free = (!used & !STOLEN & !RSP).count_ones();
    free >= (used & STOLEN).count_ones()
}

impl Substitutes {
    /// For a block that uses these general registers.
    pub fn new(used: u16) -> Self {
        let mut free = ORDER.iter().filter(|n| used & (1 << **n) == 0).filter_map(|n| Gpr::new(*n));
        let mut take = |bit: u16| if used & bit != 0 { free.next() } else { None };
        let r14 = take(1 << 14);
        Self { r14, r15: take(1 << 15) }
    }

    /// Those in use: (the program's register, the one in its place).
    pub fn iter(self) -> impl Iterator<Item = (Gpr, Gpr)> {
        let [fourteen, fifteen] = [14, 15].map(Gpr::new);
        let pair = |own: Option<Gpr>, other: Option<Gpr>| Some((own?, other?));
        pair(fourteen, self.r14).into_iter().chain(pair(fifteen, self.r15))
    }

    /// The 64-bit host register in which the block keeps a program's register.
    pub fn host(self, register: Gpr) -> Register {
        let found = self.iter().find(|(own, _)| *own == register);
        super::emitter::host(found.map_or(register, |(_, other)| other))
    }

    /// The instruction with stolen registers renamed.
    pub fn rename(self, instruction: &Instruction) -> Instruction {
        let mut renamed = *instruction;
        if self == Self::default() {
            return renamed;
        }
        for operand in 0..instruction.op_count() {
            if instruction.op_kind(operand) == OpKind::Register {
                let register = self.name(instruction.op_register(operand));
                renamed.set_op_register(operand, register);
            }
        }
        renamed.set_memory_base(self.name(instruction.memory_base()));
        renamed.set_memory_index(self.name(instruction.memory_index()));
        if is_short_exchange(instruction) {
            renamed.set_has_rep_prefix(false);
        }
        renamed
    }

    /// `register`, or the same part of its substitute.
    fn name(self, register: Register) -> Register {
        let full = register.full_register();
        let stolen = |(own, _): &(Gpr, Gpr)| super::emitter::host(*own) == full;
        let Some((_, other)) = self.iter().find(stolen) else { return register };
        let first = match register.size() {
            1 => return byte(other),
            2 => Register::AX,
            4 => Register::EAX,
            _ => Register::RAX,
        };
        first + u32::from(other.number())
    }
}

/// Whether it is `xchg` with an accumulator in one byte of opcode: there `f3`, which has no
/// meaning, makes `pause` of the one with r8 (Intel SDM vol. 2B, PAUSE; seen with REX.B on
/// Intel's processors, on AMD's it stays an exchange).
fn is_short_exchange(instruction: &Instruction) -> bool {
    matches!(instruction.code(), Code::Xchg_r16_AX | Code::Xchg_r32_EAX | Code::Xchg_r64_RAX)
}

/// The low byte register: spl, bpl, sil and dil, not ah and its like.
fn byte(register: Gpr) -> Register {
    const LOW: [Register; 8] = [
        Register::AL,
        Register::CL,
        Register::DL,
        Register::BL,
        Register::SPL,
        Register::BPL,
        Register::SIL,
        Register::DIL,
    ];
    match LOW.get(register.index()) {
        Some(low) => *low,
        None => Register::R8L + u32::from(register.number() - 8),
    }
}
