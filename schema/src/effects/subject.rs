//! The instruction under examination: operands and addresses in our terms.

use super::effect::{Address, Extend, Form, Segment};
use crate::derive::Operand;
use crate::registers::Gpr;
use iced_x86::{EncodingKind, Instruction, InstructionInfo, Mnemonic, OpAccess, OpKind, Register};

/// One instruction with what iced-x86 knows about it.
pub(super) struct Subject<'a> {
    pub(super) instruction: &'a Instruction,
    pub(super) info: &'a InstructionInfo,
}

impl Subject<'_> {
    pub(super) fn mnemonic(&self) -> Mnemonic {
        self.instruction.mnemonic()
    }

    /// Whether it has this operand and (perhaps) writes it.
    pub(super) fn writes(&self, operand: u32) -> bool {
        operand < self.instruction.op_count()
            && self.info.try_op_access(operand).is_ok_and(is_write)
    }

    /// The operand's register; `Register::None` if it is none.
    pub(super) fn register(&self, operand: u32) -> Register {
        match self.kind(operand) {
            Some(OpKind::Register) => {
                self.instruction.try_op_register(operand).unwrap_or(Register::None)
            }
            _ => Register::None,
        }
    }

    /// The general register an operand names, and its width in bytes; not for
    /// ah, ch, dh, bh, which no form can express.
    pub(super) fn gpr(&self, operand: u32) -> Option<(Gpr, u8)> {
        let register = self.register(operand);
        if is_high(register) { None } else { Some((gpr(register)?, register.size() as u8)) }
    }

    /// What an operand is before the instruction, if it is a general register or an
    /// immediate (of which there is one).
    pub(super) fn operand(&self, operand: u32) -> Option<Operand> {
        let register = self.register(operand);
        if self.immediate(operand).is_some() {
            return Some(Operand::Constant);
        }
        let gpr = gpr(register)?;
        Some(if is_high(register) { Operand::OldHigh(gpr) } else { Operand::Old(gpr) })
    }

    /// What an operand is after the instruction, if it is a general register.
    pub(super) fn result(&self, operand: u32) -> Option<Operand> {
        let register = self.register(operand);
        let gpr = gpr(register)?;
        Some(if is_high(register) { Operand::NewHigh(gpr) } else { Operand::New(gpr) })
    }

    /// Bytes of a general register or memory operand.
    pub(super) fn width(&self, operand: u32) -> Option<u8> {
        if self.is_memory(operand) {
            return Some(self.memory_bytes() as u8).filter(|bytes| matches!(bytes, 1 | 2 | 4 | 8));
        }
        Some(self.register(operand)).filter(|r| r.is_gpr()).map(|r| r.size() as u8)
    }

    /// The operand's immediate, sign-extended where the CPU extends it.
    pub(super) fn immediate(&self, operand: u32) -> Option<u64> {
        self.kind(operand)?;
        self.instruction.try_immediate(operand).ok()
    }

    /// Whether an operand is memory addressed through ModRM (or a moffs).
    pub(super) fn is_memory(&self, operand: u32) -> bool {
        self.kind(operand) == Some(OpKind::Memory)
    }

    /// The operand's kind; `None` if there is no such operand.
    pub(super) fn kind(&self, operand: u32) -> Option<OpKind> {
        if operand >= self.instruction.op_count() {
            return None;
        }
        self.instruction.try_op_kind(operand).ok()
    }

    /// The operands that (perhaps) are written.
    pub(super) fn written(&self) -> impl Iterator<Item = u32> {
        (0..self.instruction.op_count()).filter(|&operand| self.writes(operand))
    }

    /// Bytes of its memory operand; 0 where that is not one number.
    pub(super) fn memory_bytes(&self) -> usize {
        self.instruction.memory_size().size()
    }

    /// Whether the rest of a vector destination becomes zero.
    pub(super) fn zeroes_upper(&self) -> bool {
        self.instruction.encoding() != EncodingKind::Legacy
    }

    /// The address of its ModRM memory operand, without a vector index.
    pub(super) fn address(&self) -> Option<Address> {
        let i = self.instruction;
        let (base, index) = (gpr(i.memory_base()), gpr(i.memory_index()));
        let form = Form {
            base,
            index,
            scale: if index.is_some() { i.memory_index_scale() as u8 } else { 1 },
            disp: i.memory_displacement64() as i64,
            width: self.address_bytes()?,
            extend: Extend::Zero,
        };
        Some(Address { form, segment: self.segment() })
    }

    /// The segment of its memory operand, if its base can be other than zero.
    pub(super) fn segment(&self) -> Option<Segment> {
        match self.instruction.memory_segment() {
            Register::FS => Some(Segment::Fs),
            Register::GS => Some(Segment::Gs),
            _ => None,
        }
    }

    /// Address size in bytes; displacements alone carry it in their own size.
    fn address_bytes(&self) -> Option<u8> {
        let i = self.instruction;
        let registers = [i.memory_base(), i.memory_index()];
        let sized = registers.iter().find(|r| r.is_gpr() || r.is_ip());
        match sized.map_or(i.memory_displ_size() as usize, |r| r.size()) {
            4 => Some(4),
            8 => Some(8),
            _ => None,
        }
    }
}

/// Whether an access writes, always or sometimes.
pub(super) fn is_write(access: OpAccess) -> bool {
    matches!(
        access,
        OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    )
}

fn is_high(register: Register) -> bool {
    matches!(register, Register::AH | Register::CH | Register::DH | Register::BH)
}

/// The general register that `register` is or is part of.
pub(super) fn gpr(register: Register) -> Option<Gpr> {
    if !register.is_gpr() {
        return None;
    }
    Gpr::new(register.full_register().number() as u8)
}

/// How a write of `width` bytes reaches a general register's other bytes
/// (Intel SDM vol. 1, 3.4.1.1).
pub(super) fn extend(width: u8) -> Extend {
    if width < 4 { Extend::Merge } else { Extend::Zero }
}
