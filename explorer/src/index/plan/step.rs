//! What a plan computes.

use super::Value;
use rdb_schema::derive::{Computation, FlagRule, Inputs};
use rdb_schema::effects::Extend;

/// One computation; its result is a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A constant.
    Const(u64),
    /// `bytes` little-endian bytes of the row from `offset`.
    Logged { offset: u32, bytes: u8 },
    /// `left + right × scale`, cut to `width` bytes.
    Sum { left: Value, right: Value, scale: u8, width: u8 },
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
            Self::Sum { left, right, .. } => [Some(left), Some(right), None, None],
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
            Self::Sum { left, right, scale, width } => {
                Self::Sum { left: map(left), right: map(right), scale, width }
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
