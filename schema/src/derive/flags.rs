//! Status flags of an instruction from two of its values.

use super::{low_bytes, top};
use crate::registers::STATUS_FLAGS;

const CF: u64 = 1;
const PF: u64 = 1 << 2;
const AF: u64 = 1 << 4;
const ZF: u64 = 1 << 6;
const SF: u64 = 1 << 7;
const OF: u64 = 1 << 11;

/// How the six status flags follow (Intel SDM vol. 1, 3.4.3.1, and vol. 2, each
/// instruction's "Flags Affected"). Where an operand is memory, its value follows
/// from the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FlagRule {
    /// left is the sum of something and right: `add`.
    Sum,
    /// left is the sum of something, right and the carry: `adc`.
    SumWithCarry,
    /// left − right: `cmp`, `sub`.
    Difference,
    /// left − right − carry: `sbb`.
    DifferenceWithCarry,
    /// Something was taken from left, which left right.
    Taken,
    /// Something and the carry were taken from left, which left right.
    TakenWithCarry,
    /// right was taken from something, which left left.
    Left,
    /// right and the carry were taken from something, which left left.
    LeftWithCarry,
    /// left is the result of `inc`; CF stays.
    Increment,
    /// left is the result of `dec`; CF stays.
    Decrement,
    /// left is the result of `neg`.
    Negation,
    /// left is the result of `and`, `or`, `xor`: CF and OF are cleared. AF is
    /// undefined, and cleared by every CPU known.
    Logic,
    /// left AND right, as [`Self::Logic`]: `test`.
    Test,
    /// left is the result of `popcnt`: all are cleared but ZF.
    Count,
    /// left + right: `xadd`.
    Total,
}

impl FlagRule {
    /// All rules; a template names one by its place.
    pub const ALL: [Self; 15] = [
        Self::Sum,
        Self::SumWithCarry,
        Self::Difference,
        Self::DifferenceWithCarry,
        Self::Taken,
        Self::TakenWithCarry,
        Self::Left,
        Self::LeftWithCarry,
        Self::Increment,
        Self::Decrement,
        Self::Negation,
        Self::Logic,
        Self::Test,
        Self::Count,
        Self::Total,
    ];
}

/// The status flags after an instruction with these operands of `width` bytes,
/// cut to it; `before`: RFLAGS before it.
#[inline]
pub(super) fn flags(rule: FlagRule, width: u8, left: u64, right: u64, before: u64) -> u64 {
    let carry = before & CF;
    let sum = |a: u64, b: u64, result: u64| added(a & low_bytes(width), b, result, width);
    let difference = |a: u64, b: u64, result: u64| {
        let mask = low_bytes(width);
        subtracted(a & mask, b & mask, result & mask, width)
    };
    match rule {
        FlagRule::Sum => sum(left.wrapping_sub(right), right, left),
        FlagRule::Total => sum(left, right, left.wrapping_add(right) & low_bytes(width)),
        FlagRule::SumWithCarry => sum(left.wrapping_sub(right).wrapping_sub(carry), right, left),
        FlagRule::Difference => difference(left, right, left.wrapping_sub(right)),
        FlagRule::DifferenceWithCarry => {
            difference(left, right, left.wrapping_sub(right).wrapping_sub(carry))
        }
        FlagRule::Taken => difference(left, left.wrapping_sub(right), right),
        FlagRule::TakenWithCarry => {
            difference(left, left.wrapping_sub(right).wrapping_sub(carry), right)
        }
        FlagRule::Left => difference(left.wrapping_add(right), right, left),
        FlagRule::LeftWithCarry => {
            difference(left.wrapping_add(right).wrapping_add(carry), right, left)
        }
        FlagRule::Increment => {
            added(left.wrapping_sub(1) & low_bytes(width), 1, left, width) & !CF | carry
        }
        FlagRule::Decrement => {
            subtracted(left.wrapping_add(1) & low_bytes(width), 1, left, width) & !CF | carry
        }
        FlagRule::Negation => subtracted(0, left.wrapping_neg() & low_bytes(width), left, width),
        FlagRule::Logic => of_result(left, width),
        FlagRule::Test => of_result(left & right, width),
        FlagRule::Count => u64::from(left == 0) << 6,
    }
}

/// SF, ZF and PF of a result.
#[inline]
fn of_result(result: u64, width: u8) -> u64 {
    let sign = if result >> top(width) & 1 == 1 { SF } else { 0 };
    let zero = if result == 0 { ZF } else { 0 };
    let nibble = (result ^ result >> 4) & 15;
    // Bit n of this number: whether n has an even number of ones.
    let parity = if 0x9669 >> nibble & 1 == 1 { PF } else { 0 };
    sign | zero | parity
}

#[inline]
fn added(a: u64, b: u64, result: u64, width: u8) -> u64 {
    let carries = a & b | (a | b) & !result;
    with_carries(carries, (a ^ result) & (b ^ result), a ^ b ^ result, result, width)
}

#[inline]
fn subtracted(a: u64, b: u64, result: u64, width: u8) -> u64 {
    let borrows = !a & b | (!a | b) & result;
    with_carries(borrows, (a ^ b) & (a ^ result), a ^ b ^ result, result, width)
}

#[inline]
fn with_carries(carries: u64, overflow: u64, adjust: u64, result: u64, width: u8) -> u64 {
    let top = top(width);
    let carry = carries >> top & CF;
    let overflow = (overflow >> top & 1) * OF;
    (of_result(result, width) | carry | overflow | adjust & AF) & STATUS_FLAGS
}
