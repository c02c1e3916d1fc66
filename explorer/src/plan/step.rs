//! What a plan computes.

use super::Value;
use rdb_schema::derive::{Computation, FlagRule, Inputs, Operation};
use rdb_schema::effects::Extend;

/// What is most often done with two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simple {
    /// left − right.
    Subtract,
    /// left AND right.
    And,
    /// left OR right.
    Or,
    /// left XOR right.
    Xor,
    /// left shifted up by right.
    ShiftLeft,
    /// left shifted down by right.
    ShiftRight,
}

impl Simple {
    /// The simple form of a computation whose result fills a register, if it has one.
    pub fn of(computation: &Computation) -> Option<Self> {
        let whole = match computation.extend {
            Extend::Zero => computation.inputs.width <= 8,
            Extend::Merge | Extend::Sign64 => computation.inputs.width == 8,
            Extend::Sign32 => false,
        };
        let simple = match computation.operation {
            Operation::Subtract => Self::Subtract,
            Operation::And => Self::And,
            Operation::Or => Self::Or,
            Operation::Xor => Self::Xor,
            Operation::ShiftLeft => Self::ShiftLeft,
            Operation::ShiftRight => Self::ShiftRight,
            _ => return None,
        };
        whole.then_some(simple)
    }

    /// The result in the bits of `mask`, of operands of which those count.
    #[inline]
    pub fn value(self, left: u64, right: u64, mask: u64) -> u64 {
        let left = left & mask;
        // As the CPU masks it (Intel SDM vol. 2, SAL/SAR/SHL/SHR).
        let count = right as u32 & if mask == u64::MAX { 63 } else { 31 };
        let value = match self {
            Self::Subtract => left.wrapping_sub(right),
            Self::And => left & right,
            Self::Or => left | right,
            Self::Xor => left ^ right,
            Self::ShiftLeft => left << count,
            Self::ShiftRight => left >> count,
        };
        value & mask
    }
}

/// One computation; its result is a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A constant.
    Const(u64),
    /// `bytes` little-endian bytes of the row from `offset`.
    Logged { offset: u32, bytes: u8 },
    /// `left + right × scale`, of which the bits of `mask` count.
    Sum { left: Value, right: Value, scale: u8, mask: u64 },
    /// The operation on those bits.
    Simple { operation: Simple, left: Value, right: Value, mask: u64 },
    /// `value` in a register that held `old`.
    Extend { value: Value, old: Value, width: u8, extend: Extend },
    /// The computation, in a register that held `old`.
    Compute { computation: Computation, left: Value, right: Value, rflags: Value, old: Value },
    /// RFLAGS with status flags of a rule.
    Flags { rule: FlagRule, inputs: Inputs, left: Value, right: Value, rflags: Value },
    /// RFLAGS with status flags from the row.
    Status { offset: u32, rflags: Value },
    /// `rflags & !mask | value`.
    Bits { rflags: Value, mask: u32, value: u32 },
}

impl Step {
    /// The values it depends on.
    pub fn inputs(&self) -> impl Iterator<Item = Value> {
        let list = match *self {
            Self::Const(_) | Self::Logged { .. } => [None; 4],
            Self::Sum { left, right, .. } | Self::Simple { left, right, .. } => {
                [Some(left), Some(right), None, None]
            }
            Self::Extend { value, old, .. } => [Some(value), Some(old), None, None],
            Self::Compute { left, right, rflags, old, .. } => {
                [Some(left), Some(right), Some(rflags), Some(old)]
            }
            Self::Flags { left, right, rflags, .. } => {
                [Some(left), Some(right), Some(rflags), None]
            }
            Self::Status { rflags, .. } | Self::Bits { rflags, .. } => {
                [Some(rflags), None, None, None]
            }
        };
        list.into_iter().flatten()
    }

    /// The same with other slots.
    pub fn map(self, slot: impl Fn(u16) -> u16) -> Self {
        let map = |v: Value| Value { slot: slot(v.slot), disp: v.disp };
        match self {
            Self::Const(_) | Self::Logged { .. } => self,
            Self::Sum { left, right, scale, mask } => {
                Self::Sum { left: map(left), right: map(right), scale, mask }
            }
            Self::Simple { operation, left, right, mask } => {
                Self::Simple { operation, left: map(left), right: map(right), mask }
            }
            Self::Extend { value, old, width, extend } => {
                Self::Extend { value: map(value), old: map(old), width, extend }
            }
            Self::Compute { computation, left, right, rflags, old } => Self::Compute {
                computation,
                left: map(left),
                right: map(right),
                rflags: map(rflags),
                old: map(old),
            },
            Self::Flags { rule, inputs, left, right, rflags } => Self::Flags {
                rule,
                inputs,
                left: map(left),
                right: map(right),
                rflags: map(rflags),
            },
            Self::Status { offset, rflags } => Self::Status { offset, rflags: map(rflags) },
            Self::Bits { rflags, mask, value } => Self::Bits { rflags: map(rflags), mask, value },
        }
    }
}
