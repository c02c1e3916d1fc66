//! Destinations and stores that are functions of registers, but no linear forms.

use super::draft::Draft;
use super::effect::{Extend, Source};
use super::subject::{Subject, extend};
use crate::derive::{Computation, Inputs, Operand, Operation};
use crate::registers::Gpr;
use iced_x86::{ConditionCode, Mnemonic};

/// The general registers an instruction computes.
pub(super) fn computed(subject: &Subject, draft: &mut Draft) {
    match subject.mnemonic() {
        Mnemonic::Mul => product(subject, Operation::MultiplyHigh, draft),
        Mnemonic::Imul if subject.instruction.op_count() == 1 => {
            product(subject, Operation::MultiplyHighSigned, draft);
        }
        Mnemonic::Mulx => flagless_product(subject, draft),
        Mnemonic::Cwd => signs(2, draft),
        Mnemonic::Cdq => signs(4, draft),
        Mnemonic::Cqo => signs(8, draft),
        _ => {
            if let (Some((register, _)), Some(source)) = (subject.gpr(0), first(subject)) {
                draft.gpr(register, source);
            }
        }
    }
}

/// The value of a store of `size` bytes, where registers say it.
pub(super) fn stored(subject: &Subject, size: u8) -> Option<Source> {
    let (operation, inputs) = match subject.mnemonic() {
        Mnemonic::Mov => (Operation::Move, Inputs::one(size, subject.operand(1)?)),
        // The sum; the register gets what memory held.
        Mnemonic::Xadd => {
            let (register, _) = subject.gpr(1)?;
            let inputs = Inputs::two(size, Operand::New(register), Operand::Old(register));
            (Operation::Add, inputs)
        }
        _ if subject.instruction.op_count() == 1 => {
            (Operation::Condition, Inputs { constant: condition(subject)?, ..Inputs::none(size) })
        }
        _ => return None,
    };
    Some(Source::Computed(Computation { operation, inputs, extend: Extend::Zero }))
}

/// What operand 0, a general register, gets.
fn first(subject: &Subject) -> Option<Source> {
    let (register, width) = subject.gpr(0)?;
    let own = Operand::Old(register);
    let mnemonic = subject.mnemonic();
    // Undefined with 16 bits.
    if mnemonic == Mnemonic::Bswap && width == 2 {
        return None;
    }
    let (operation, inputs) = if mnemonic == Mnemonic::Imul {
        let three = subject.instruction.op_count() == 3;
        let left = if three { subject.operand(1)? } else { own };
        let source = if three { 2 } else { 1 };
        (Operation::Multiply, with_source(subject, Inputs::one(width, left), source)?)
    } else if let Some(operation) = in_place(mnemonic) {
        (operation, with_source(subject, Inputs::one(width, own), 1)?)
    } else if let Some(operation) = of_sources(mnemonic) {
        (operation, with_source(subject, Inputs::one(width, subject.operand(1)?), 2)?)
    } else {
        match mnemonic {
            Mnemonic::Mov | Mnemonic::Movzx | Mnemonic::Movsx => return moved_high(subject, width),
            Mnemonic::Shld | Mnemonic::Shrd => shifted_pair(subject, width, own)?,
            _ => conditional(subject, width, own)?,
        }
    };
    Some(Source::Computed(Computation { operation, inputs, extend: extend(width) }))
}

/// Instructions that combine operand 0 with operand 1, if they have one.
fn in_place(mnemonic: Mnemonic) -> Option<Operation> {
    Some(match mnemonic {
        Mnemonic::Add => Operation::Add,
        Mnemonic::Adc | Mnemonic::Adcx => Operation::AddWithCarry,
        Mnemonic::Sub => Operation::Subtract,
        Mnemonic::Sbb => Operation::SubtractWithBorrow,
        Mnemonic::And => Operation::And,
        Mnemonic::Or => Operation::Or,
        Mnemonic::Xor => Operation::Xor,
        Mnemonic::Not => Operation::Not,
        Mnemonic::Neg => Operation::Negate,
        Mnemonic::Shl | Mnemonic::Sal => Operation::ShiftLeft,
        Mnemonic::Shr => Operation::ShiftRight,
        Mnemonic::Sar => Operation::ShiftRightSigned,
        Mnemonic::Rol => Operation::RotateLeft,
        Mnemonic::Ror => Operation::RotateRight,
        Mnemonic::Bswap => Operation::SwapBytes,
        Mnemonic::Bts => Operation::SetBit,
        Mnemonic::Btr => Operation::ClearBit,
        Mnemonic::Btc => Operation::FlipBit,
        _ => return None,
    })
}

/// Instructions that combine operand 1 with operand 2, if they have one. `tzcnt`
/// and `lzcnt` are not among them: CPUs without them take them for others.
fn of_sources(mnemonic: Mnemonic) -> Option<Operation> {
    Some(match mnemonic {
        Mnemonic::Rorx => Operation::RotateRight,
        Mnemonic::Shlx => Operation::ShiftLeft,
        Mnemonic::Shrx => Operation::ShiftRight,
        Mnemonic::Sarx => Operation::ShiftRightSigned,
        Mnemonic::Andn => Operation::AndNot,
        Mnemonic::Blsi => Operation::LowestBit,
        Mnemonic::Blsr => Operation::WithoutLowestBit,
        Mnemonic::Blsmsk => Operation::UpToLowestBit,
        Mnemonic::Bextr => Operation::Extract,
        Mnemonic::Bzhi => Operation::Below,
        Mnemonic::Pdep => Operation::Deposit,
        Mnemonic::Pext => Operation::Gather,
        Mnemonic::Popcnt => Operation::Count,
        _ => return None,
    })
}

/// `inputs` with the operand of this number, if the instruction has it.
fn with_source(subject: &Subject, inputs: Inputs, operand: u32) -> Option<Inputs> {
    if operand >= subject.instruction.op_count() {
        return Some(inputs);
    }
    let constant = subject.immediate(operand).unwrap_or(0) as i64;
    Some(Inputs { right: subject.operand(operand)?, constant, ..inputs })
}

/// A move from ah, ch, dh or bh; the others are forms.
fn moved_high(subject: &Subject, width: u8) -> Option<Source> {
    let high @ Operand::OldHigh(_) = subject.operand(1)? else { return None };
    let extend = match (subject.mnemonic(), width) {
        (Mnemonic::Mov, 1) => Extend::Merge,
        (Mnemonic::Movzx, 4 | 8) => Extend::Zero,
        (Mnemonic::Movsx, 4) => Extend::Sign32,
        (Mnemonic::Movsx, 8) => Extend::Sign64,
        _ => return None,
    };
    let inputs = Inputs::one(1, high);
    Some(Source::Computed(Computation { operation: Operation::Move, inputs, extend }))
}

/// A count beyond the width gives an undefined result.
fn shifted_pair(subject: &Subject, width: u8, own: Operand) -> Option<(Operation, Inputs)> {
    let mask = if width == 8 { 63 } else { 31 };
    let count = subject.immediate(2)? & mask;
    if count > 8 * u64::from(width) {
        return None;
    }
    let operation = match subject.mnemonic() {
        Mnemonic::Shld => Operation::ShiftPairLeft,
        _ => Operation::ShiftPairRight,
    };
    let constant = count as i64;
    Some((operation, Inputs { constant, ..Inputs::two(width, own, subject.operand(1)?) }))
}

/// setcc and cmovcc.
fn conditional(subject: &Subject, width: u8, own: Operand) -> Option<(Operation, Inputs)> {
    let constant = condition(subject)?;
    match subject.instruction.op_count() {
        1 => Some((Operation::Condition, Inputs { constant, ..Inputs::none(width) })),
        2 => {
            let inputs = Inputs::two(width, own, subject.operand(1)?);
            Some((Operation::Select, Inputs { constant, ..inputs }))
        }
        _ => None,
    }
}

/// The hardware's number of the instruction's condition; iced-x86 counts from 1.
fn condition(subject: &Subject) -> Option<i64> {
    match subject.instruction.condition_code() {
        ConditionCode::None => None,
        code => Some(code as i64 - 1),
    }
}

/// Both halves of rax × operand 0. 8-bit products go to ax alone.
fn product(subject: &Subject, high: Operation, draft: &mut Draft) {
    let Some((register, width @ (2 | 4 | 8))) = subject.gpr(0) else { return };
    let inputs = Inputs::two(width, Operand::Old(Gpr::RAX), Operand::Old(register));
    let extend = extend(width);
    for (register, operation) in [(Gpr::RAX, Operation::Multiply), (Gpr::RDX, high)] {
        draft.gpr(register, Source::Computed(Computation { operation, inputs, extend }));
    }
}

/// Both halves of rdx × operand 2.
fn flagless_product(subject: &Subject, draft: &mut Draft) {
    let operands = (subject.gpr(0), subject.gpr(1), subject.gpr(2));
    let (Some((high, width)), Some((low, _)), Some((register, _))) = operands else { return };
    let inputs = Inputs::two(width, Operand::Old(Gpr::RDX), Operand::Old(register));
    let extend = Extend::Zero;
    for (register, operation) in [(high, Operation::MultiplyHigh), (low, Operation::Multiply)] {
        draft.gpr(register, Source::Computed(Computation { operation, inputs, extend }));
    }
}

/// The sign of rax's low part all over that of rdx.
fn signs(width: u8, draft: &mut Draft) {
    let inputs = Inputs::one(width, Operand::Old(Gpr::RAX));
    let computation = Computation { operation: Operation::Signs, inputs, extend: extend(width) };
    draft.gpr(Gpr::RDX, Source::Computed(computation));
}
