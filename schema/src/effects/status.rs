//! Status flags that follow from values known anyway.

use super::effect::{Effect, Undefined};
use super::subject::Subject;
use crate::derive::{FlagRule, Inputs, Operand};
use crate::registers::Gpr;
use iced_x86::Mnemonic;

/// The flags, if they can be derived.
pub(super) fn derived(subject: &Subject, undefined: Undefined) -> Option<Effect> {
    let (rule, inputs) = match subject.mnemonic() {
        Mnemonic::Add => (FlagRule::Sum, of_sum(subject)?),
        Mnemonic::Adc => (FlagRule::SumWithCarry, of_sum(subject)?),
        Mnemonic::Sub => difference(subject, &DIFFERENCES)?,
        Mnemonic::Sbb => difference(subject, &WITH_CARRY)?,
        Mnemonic::Cmp => (FlagRule::Difference, two(subject, subject.operand(0)?, 1)?),
        Mnemonic::Test => (FlagRule::Test, two(subject, subject.operand(0)?, 1)?),
        Mnemonic::And | Mnemonic::Or | Mnemonic::Xor => (FlagRule::Logic, of_result(subject)?),
        Mnemonic::Shl | Mnemonic::Sal => (FlagRule::ShiftLeft, shifted(subject)?),
        Mnemonic::Shr => (FlagRule::ShiftRight, shifted(subject)?),
        Mnemonic::Sar => (FlagRule::ShiftRightSigned, shifted(subject)?),
        Mnemonic::Rol => (FlagRule::RotateLeft, rotated(subject)?),
        Mnemonic::Ror => (FlagRule::RotateRight, rotated(subject)?),
        Mnemonic::Inc => (FlagRule::Increment, of_result(subject)?),
        Mnemonic::Dec => (FlagRule::Decrement, of_result(subject)?),
        Mnemonic::Neg => (FlagRule::Negation, of_result(subject)?),
        Mnemonic::Popcnt => (FlagRule::Count, of_result(subject)?),
        Mnemonic::Xadd if subject.is_memory(0) => (FlagRule::Total, exchanged_sum(subject)?),
        Mnemonic::Cmpxchg => (FlagRule::Difference, compared(subject)?),
        _ => return None,
    };
    let suits = undefined == Undefined::Foretold || !rule.is_empirical();
    suits.then_some(Effect::FlagsOf { rule, inputs })
}

/// The rules of a subtraction: of known operands, with the subtrahend in memory,
/// with the result there.
const DIFFERENCES: [FlagRule; 3] = [FlagRule::Difference, FlagRule::Taken, FlagRule::Left];
const WITH_CARRY: [FlagRule; 3] =
    [FlagRule::DifferenceWithCarry, FlagRule::TakenWithCarry, FlagRule::LeftWithCarry];

fn difference(subject: &Subject, rules: &[FlagRule; 3]) -> Option<(FlagRule, Inputs)> {
    let width = subject.width(0)?;
    Some(if subject.is_memory(0) {
        (rules[2], two(subject, Operand::Stored, 1)?)
    } else if subject.is_memory(1) {
        (rules[1], Inputs::two(width, subject.operand(0)?, subject.result(0)?))
    } else {
        (rules[0], two(subject, subject.operand(0)?, 1)?)
    })
}

/// The result, and whichever operand is not memory.
fn of_sum(subject: &Subject) -> Option<Inputs> {
    two(subject, result(subject)?, u32::from(!subject.is_memory(1)))
}

fn of_result(subject: &Subject) -> Option<Inputs> {
    Some(Inputs::one(subject.width(0)?, result(subject)?))
}

/// What is shifted, and by how much.
fn shifted(subject: &Subject) -> Option<Inputs> {
    two(subject, subject.operand(0)?, 1)
}

/// Counts in cl have another effect on OF.
fn rotated(subject: &Subject) -> Option<Inputs> {
    subject.immediate(1)?;
    shifted(subject)
}

/// What memory held, which the register got, and what the register added.
fn exchanged_sum(subject: &Subject) -> Option<Inputs> {
    two(subject, subject.result(1)?, 1)
}

/// `cmpxchg` compares the accumulator with its destination. What memory held, the
/// accumulator has afterwards, equal or not.
fn compared(subject: &Subject) -> Option<Inputs> {
    let destination = match subject.operand(0) {
        Some(register) => register,
        None => Operand::New(Gpr::RAX),
    };
    Some(Inputs::two(subject.width(0)?, Operand::Old(Gpr::RAX), destination))
}

fn result(subject: &Subject) -> Option<Operand> {
    if subject.is_memory(0) { Some(Operand::Stored) } else { subject.result(0) }
}

/// `left` and the operand of this number.
fn two(subject: &Subject, left: Operand, operand: u32) -> Option<Inputs> {
    let constant = subject.immediate(operand).unwrap_or(0) as i64;
    let right = subject.operand(operand)?;
    Some(Inputs { constant, ..Inputs::two(subject.width(0)?, left, right) })
}
