//! Values that need no log: they follow from the registers before an
//! instruction, its constants, and what it logs besides.
//!
//! Everything here is a pure function, defined for any input: a template read
//! from a file may combine anything. [`crate::effects`] decides which
//! instruction is which.

mod flags;
mod float;
mod operation;
mod vectors;

pub use flags::FlagRule;
pub use operation::Operation;
pub use vectors::{DerivedVector, FloatOperation, FloatVector, LOADED, Loaded, Sources};

use crate::effects::Extend;
use crate::registers::{Gpr, Registers};

/// One input of a derived value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// The constant of the [`Inputs`].
    Constant,
    /// A general register before the instruction.
    Old(Gpr),
    /// Bits 8–15 of one before: ah, ch, dh, bh.
    OldHigh(Gpr),
    /// A general register after the instruction.
    New(Gpr),
    /// Bits 8–15 of one after.
    NewHigh(Gpr),
    /// What the instruction stored.
    Stored,
}

/// What a derived value is made of. An operation that takes a constant besides
/// two operands (a count, a condition) finds it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inputs {
    /// Bytes of the operands and of the result: 1, 2, 4 or 8.
    pub width: u8,
    /// First operand.
    pub left: Operand,
    /// Second operand.
    pub right: Operand,
    /// The instruction's constant.
    pub constant: i64,
}

/// A derived value, and how it reaches a destination register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Computation {
    /// The function.
    pub operation: Operation,
    /// Its arguments.
    pub inputs: Inputs,
    /// What happens above the width (meaningless in a store).
    pub extend: Extend,
}

/// What is known of an instruction when its derived values are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// All registers before it.
    pub before: &'a Registers,
    /// The general registers after it, as far as they are known.
    pub after: &'a [u64; 16],
    /// What it stored; 0 if nothing.
    pub stored: u64,
}

impl Operand {
    fn value(self, constant: i64, known: &Known) -> u64 {
        match self {
            Self::Constant => constant as u64,
            Self::Old(gpr) => known.before.gpr[gpr.index()],
            Self::OldHigh(gpr) => known.before.gpr[gpr.index()] >> 8,
            Self::New(gpr) => known.after[gpr.index()],
            Self::NewHigh(gpr) => known.after[gpr.index()] >> 8,
            Self::Stored => known.stored,
        }
    }
}

impl Inputs {
    /// No operand.
    pub fn none(width: u8) -> Self {
        Self::one(width, Operand::Constant)
    }

    /// One operand.
    pub fn one(width: u8, left: Operand) -> Self {
        Self::two(width, left, Operand::Constant)
    }

    /// Two operands.
    pub fn two(width: u8, left: Operand, right: Operand) -> Self {
        Self { width, left, right, constant: 0 }
    }

    /// Both operands, cut to the width.
    fn values(&self, known: &Known) -> (u64, u64) {
        let mask = low_bytes(self.width);
        let left = self.left.value(self.constant, known);
        (left & mask, self.right.value(self.constant, known) & mask)
    }

    /// The status flags after the instruction, and nothing but them.
    #[inline]
    pub fn flags(&self, rule: FlagRule, known: &Known) -> u64 {
        let (left, right) = self.values(known);
        flags::flags(rule, self.width, left, right, known.before.rflags)
    }

    /// Whether the status flags after the instruction may depend on those before it.
    pub fn keep_flags(&self, rule: FlagRule) -> bool {
        // A shift by 0 changes nothing.
        let shifts = self.right == Operand::Constant && self.constant & 31 != 0;
        rule.depends_on_flags() && !(shifts && rule.is_shift())
    }

    /// [`Self::flags`] for operands found elsewhere, of which the width's bytes count;
    /// `rflags` before the instruction.
    #[inline]
    pub fn flags_of(&self, rule: FlagRule, [left, right]: [u64; 2], rflags: u64) -> u64 {
        let mask = low_bytes(self.width);
        flags::flags(rule, self.width, left & mask, right & mask, rflags)
    }
}

impl Computation {
    /// Its value cut to the width, zero-extended.
    #[inline]
    pub fn value(&self, known: &Known) -> u64 {
        let (left, right) = self.inputs.values(known);
        let Inputs { width, constant, .. } = self.inputs;
        operation::value(self.operation, width, [left, right], constant, known.before.rflags)
    }

    /// What a destination register that held `old` holds after taking the value.
    pub fn extended(&self, known: &Known, old: u64) -> u64 {
        self.extend.apply(self.value(known), self.inputs.width, old)
    }

    /// [`Self::value`] for operands found elsewhere, of which the width's bytes
    /// count; `rflags` before the instruction.
    #[inline]
    pub fn value_of(&self, [left, right]: [u64; 2], rflags: u64) -> u64 {
        let Inputs { width, constant, .. } = self.inputs;
        let mask = low_bytes(width);
        operation::value(self.operation, width, [left & mask, right & mask], constant, rflags)
    }
}

/// A mask of the low `width` bytes.
pub fn low_bytes(width: u8) -> u64 {
    if width >= 8 { u64::MAX } else { (1 << (u32::from(width) * 8)) - 1 }
}

/// The low `width` bytes as a signed number.
pub(crate) fn sign(value: u64, width: u8) -> i64 {
    let unused = 64 - 8 * u32::from(width.clamp(1, 8));
    ((value << unused) as i64) >> unused
}

/// The number of a sign bit.
fn top(width: u8) -> u32 {
    8 * u32::from(width.clamp(1, 8)) - 1
}
