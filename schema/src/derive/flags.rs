//! Status flags of an instruction from two of its values.

use super::operation::{self, Operation, masked_count};
use super::{low_bytes, sign, top};
use crate::registers::STATUS_FLAGS;

const CF: u64 = 1;
const PF: u64 = 1 << 2;
const AF: u64 = 1 << 4;
const ZF: u64 = 1 << 6;
const SF: u64 = 1 << 7;
const OF_BIT: u32 = 11;
const OF: u64 = 1 << OF_BIT;

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
    /// undefined: CPUs that this rule suits clear it.
    Logic,
    /// left AND right, as [`Self::Logic`]: `test`.
    Test,
    /// left is the result of `popcnt`: all are cleared but ZF.
    Count,
    /// left + right: `xadd`.
    Total,
    /// left shifted by right, whose low 5 or 6 bits count: `shl`. A count of 0
    /// changes nothing. AF is undefined, here and below, and OF unless the count
    /// is 1: CPUs that this rule suits clear AF, and set OF as a shift by 1 would.
    ShiftLeft,
    /// `shr`.
    ShiftRight,
    /// `sar`.
    ShiftRightSigned,
    /// `rol`; SF, ZF, AF and PF stay. OF is undefined unless the count is 1: here
    /// it stays then.
    RotateLeft,
    /// `ror`, likewise.
    RotateRight,
}

impl FlagRule {
    /// Whether it foretells flags that the manuals leave undefined, so that it
    /// suits a CPU only if that was tried.
    pub fn is_empirical(self) -> bool {
        matches!(
            self,
            Self::Logic
                | Self::Test
                | Self::ShiftLeft
                | Self::ShiftRight
                | Self::ShiftRightSigned
                | Self::RotateLeft
                | Self::RotateRight
        )
    }

    /// Whether the flags may depend on those before; a shift's or a rotation's do
    /// unless its count is known not to be 0.
    pub fn depends_on_flags(self) -> bool {
        !matches!(
            self,
            Self::Sum
                | Self::Difference
                | Self::Taken
                | Self::Left
                | Self::Negation
                | Self::Logic
                | Self::Test
                | Self::Count
                | Self::Total
        )
    }

    /// Whether it is that of a shift, which computes all flags unless its count is 0.
    pub(super) fn is_shift(self) -> bool {
        matches!(self, Self::ShiftLeft | Self::ShiftRight | Self::ShiftRightSigned)
    }

    /// All rules; a template names one by its place.
    pub const ALL: [Self; 20] = [
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
        Self::ShiftLeft,
        Self::ShiftRight,
        Self::ShiftRightSigned,
        Self::RotateLeft,
        Self::RotateRight,
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
        FlagRule::ShiftLeft
        | FlagRule::ShiftRight
        | FlagRule::ShiftRightSigned
        | FlagRule::RotateLeft
        | FlagRule::RotateRight => shifted(rule, width, left, right, before),
        FlagRule::Count => u64::from(left == 0) << 6,
    }
}

/// Flags of a shift or rotation of `value`; CF is the bit that left it last.
fn shifted(rule: FlagRule, width: u8, value: u64, count: u64, before: u64) -> u64 {
    let count = masked_count(count, width);
    let old = before & STATUS_FLAGS;
    if count == 0 {
        return old;
    }
    let by = |operation| operation::value(operation, width, [value, count.into()], 0, 0);
    let bit = |value: u64, at: u32| value.checked_shr(at).unwrap_or(0) & 1;
    let (top, flags) = (top(width), CF | OF);
    let with = |kept: u64, carry: u64, overflow: u64| kept & !flags | carry | (overflow * OF);
    match rule {
        FlagRule::ShiftLeft => {
            let carry = (top + 1).checked_sub(count).map_or(0, |at| bit(value, at));
            let overflow = bit(value, top) ^ bit(value, top - 1);
            with(of_result(by(Operation::ShiftLeft), width), carry, overflow)
        }
        FlagRule::ShiftRight => {
            let kept = of_result(by(Operation::ShiftRight), width);
            with(kept, bit(value, count - 1), bit(value, top))
        }
        FlagRule::RotateLeft => {
            let carry = by(Operation::RotateLeft) & 1;
            let overflow = bit(value, top) ^ bit(value, top - 1);
            with(old, carry, if count == 1 { overflow } else { bit(old, OF_BIT) })
        }
        FlagRule::RotateRight => {
            let carry = bit(by(Operation::RotateRight), top);
            let overflow = bit(value, 0) ^ bit(value, top);
            with(old, carry, if count == 1 { overflow } else { bit(old, OF_BIT) })
        }
        _ => {
            let kept = of_result(by(Operation::ShiftRightSigned), width);
            with(kept, bit(sign(value, width) as u64, count - 1), 0)
        }
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
