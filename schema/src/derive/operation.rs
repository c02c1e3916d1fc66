//! Results of integer instructions.

use super::{low_bytes, sign, top};

/// A function of two operands and a constant (Intel SDM vol. 2, the instructions
/// of these names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// left.
    Move,
    /// left + right.
    Add,
    /// left + right + CF.
    AddWithCarry,
    /// left − right.
    Subtract,
    /// left − right − CF.
    SubtractWithBorrow,
    /// left AND right.
    And,
    /// left OR right.
    Or,
    /// left XOR right.
    Xor,
    /// NOT left, AND right.
    AndNot,
    /// NOT left.
    Not,
    /// −left.
    Negate,
    /// left shifted by right, whose low 5 or 6 bits count: `shl`.
    ShiftLeft,
    /// `shr`.
    ShiftRight,
    /// `sar`.
    ShiftRightSigned,
    /// `rol`.
    RotateLeft,
    /// `ror`.
    RotateRight,
    /// left shifted up by the constant, filled from right: `shld`.
    ShiftPairLeft,
    /// left shifted down by the constant, filled from right: `shrd`.
    ShiftPairRight,
    /// The low half of left × right.
    Multiply,
    /// The high half of left × right, unsigned.
    MultiplyHigh,
    /// The same, signed.
    MultiplyHighSigned,
    /// Copies of left's sign: `cwd`, `cdq`, `cqo`.
    Signs,
    /// Whether the condition numbered by the constant holds: `setcc`.
    Condition,
    /// right if it holds, else left: `cmovcc`.
    Select,
    /// left's bytes in reverse.
    SwapBytes,
    /// left with bit right (modulo the width) set: `bts`.
    SetBit,
    /// The same bit cleared: `btr`.
    ClearBit,
    /// The same bit inverted: `btc`.
    FlipBit,
    /// left's lowest set bit: `blsi`.
    LowestBit,
    /// left without it: `blsr`.
    WithoutLowestBit,
    /// Ones up to it: `blsmsk`.
    UpToLowestBit,
    /// left's bits from the position that right gives: `bextr`.
    Extract,
    /// left's bits below the position that right gives: `bzhi`.
    Below,
    /// left's bits placed where right has ones: `pdep`.
    Deposit,
    /// left's bits where right has ones, packed: `pext`.
    Gather,
    /// How many ones left has.
    Count,
    /// How many zeros are below left's lowest one: `tzcnt`.
    TrailingZeros,
    /// How many zeros are above its highest: `lzcnt`.
    LeadingZeros,
}

impl Operation {
    /// Whether its value depends on the flags before.
    pub fn depends_on_flags(self) -> bool {
        matches!(
            self,
            Self::AddWithCarry | Self::SubtractWithBorrow | Self::Condition | Self::Select
        )
    }

    /// All operations; a template names one by its place.
    pub const ALL: [Self; 38] = [
        Self::Move,
        Self::Add,
        Self::AddWithCarry,
        Self::Subtract,
        Self::SubtractWithBorrow,
        Self::And,
        Self::Or,
        Self::Xor,
        Self::AndNot,
        Self::Not,
        Self::Negate,
        Self::ShiftLeft,
        Self::ShiftRight,
        Self::ShiftRightSigned,
        Self::RotateLeft,
        Self::RotateRight,
        Self::ShiftPairLeft,
        Self::ShiftPairRight,
        Self::Multiply,
        Self::MultiplyHigh,
        Self::MultiplyHighSigned,
        Self::Signs,
        Self::Condition,
        Self::Select,
        Self::SwapBytes,
        Self::SetBit,
        Self::ClearBit,
        Self::FlipBit,
        Self::LowestBit,
        Self::WithoutLowestBit,
        Self::UpToLowestBit,
        Self::Extract,
        Self::Below,
        Self::Deposit,
        Self::Gather,
        Self::Count,
        Self::TrailingZeros,
        Self::LeadingZeros,
    ];
}

/// The value, cut to `width` bytes, of an operation on operands that are; `flags`:
/// RFLAGS before the instruction.
#[inline]
pub(super) fn value(
    operation: Operation,
    width: u8,
    [left, right]: [u64; 2],
    constant: i64,
    flags: u64,
) -> u64 {
    use Operation as O;
    let carry = flags & 1;
    let value = match operation {
        O::Move => left,
        O::Add => left.wrapping_add(right),
        O::AddWithCarry => left.wrapping_add(right).wrapping_add(carry),
        O::Subtract => left.wrapping_sub(right),
        O::SubtractWithBorrow => left.wrapping_sub(right).wrapping_sub(carry),
        O::And => left & right,
        O::Or => left | right,
        O::Xor => left ^ right,
        O::AndNot => !left & right,
        O::Not => !left,
        O::Negate => left.wrapping_neg(),
        O::ShiftLeft => left.checked_shl(masked_count(right, width)).unwrap_or(0),
        O::ShiftRight => left.checked_shr(masked_count(right, width)).unwrap_or(0),
        O::ShiftRightSigned => (sign(left, width) >> masked_count(right, width)) as u64,
        O::RotateLeft => rotate(left, masked_count(right, width), width),
        O::RotateRight => {
            rotate(left, bits(width) - masked_count(right, width) % bits(width), width)
        }
        O::ShiftPairLeft => shift_pair(left, right, masked_count(constant as u64, width), width),
        O::ShiftPairRight => {
            let count = masked_count(constant as u64, width).min(bits(width));
            shift_pair(right, left, bits(width) - count, width)
        }
        O::Multiply => left.wrapping_mul(right),
        O::MultiplyHigh => ((u128::from(left) * u128::from(right)) >> bits(width)) as u64,
        O::MultiplyHighSigned => {
            ((i128::from(sign(left, width)) * i128::from(sign(right, width))) >> bits(width)) as u64
        }
        O::Signs => (sign(left, width) >> 63) as u64,
        O::Condition => u64::from(holds(constant as u8, flags)),
        O::Select => {
            if holds(constant as u8, flags) {
                right
            } else {
                left
            }
        }
        O::SwapBytes => left.swap_bytes() >> (64 - bits(width)),
        O::SetBit => left | bit(right, width),
        O::ClearBit => left & !bit(right, width),
        O::FlipBit => left ^ bit(right, width),
        O::LowestBit => left & left.wrapping_neg(),
        O::WithoutLowestBit => left & left.wrapping_sub(1),
        O::UpToLowestBit => left ^ left.wrapping_sub(1),
        O::Extract => below(left.checked_shr(right as u32 & 0xff).unwrap_or(0), right >> 8),
        O::Below => below(left, right),
        O::Deposit => deposit(left, right),
        O::Gather => gather(left, right),
        O::Count => left.count_ones().into(),
        O::TrailingZeros => left.trailing_zeros().min(bits(width)).into(),
        O::LeadingZeros => (left.leading_zeros() - (64 - bits(width))).into(),
    };
    value & low_bytes(width)
}

fn bits(width: u8) -> u32 {
    top(width) + 1
}

/// A shift count as the CPU masks it.
pub(super) fn masked_count(value: u64, width: u8) -> u32 {
    value as u32 & if width == 8 { 63 } else { 31 }
}

fn rotate(value: u64, count: u32, width: u8) -> u64 {
    match width {
        8 => value.rotate_left(count),
        4 => (value as u32).rotate_left(count).into(),
        2 => (value as u16).rotate_left(count).into(),
        _ => (value as u8).rotate_left(count).into(),
    }
}

/// The upper half of high and low in a row, shifted up; counts beyond the width
/// are never derived.
fn shift_pair(high: u64, low: u64, count: u32, width: u8) -> u64 {
    let pair = u128::from(high) << bits(width) | u128::from(low);
    (pair << (count & 127) >> bits(width)) as u64
}

fn bit(offset: u64, width: u8) -> u64 {
    1 << (offset as u32 & top(width))
}

/// The bits of `value` below position `end`, whose low byte counts.
fn below(value: u64, end: u64) -> u64 {
    let mask = 1u64.checked_shl(end as u32 & 0xff).map_or(u64::MAX, |bit| bit - 1);
    value & mask
}

fn deposit(value: u64, mut mask: u64) -> u64 {
    let (mut result, mut from) = (0, 1);
    while mask != 0 {
        let lowest = mask & mask.wrapping_neg();
        if value & from != 0 {
            result |= lowest;
        }
        mask ^= lowest;
        from <<= 1;
    }
    result
}

fn gather(value: u64, mut mask: u64) -> u64 {
    let (mut result, mut to) = (0, 1);
    while mask != 0 {
        let lowest = mask & mask.wrapping_neg();
        if value & lowest != 0 {
            result |= to;
        }
        mask ^= lowest;
        to <<= 1;
    }
    result
}

/// Whether the condition of this number holds (Intel SDM vol. 1, appendix B).
fn holds(condition: u8, flags: u64) -> bool {
    let flag = |bit: u32| flags >> bit & 1 == 1;
    let (carry, parity, zero, sign, overflow) = (flag(0), flag(2), flag(6), flag(7), flag(11));
    let plain = match condition >> 1 & 7 {
        0 => overflow,
        1 => carry,
        2 => zero,
        3 => carry || zero,
        4 => sign,
        5 => parity,
        6 => sign != overflow,
        _ => zero || sign != overflow,
    };
    plain != (condition & 1 == 1)
}
