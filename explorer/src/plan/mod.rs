//! Plans: what of a block has to be computed to know where it stores, without
//! what it stores. A block's derived values are put in static single assignment,
//! address arithmetic is folded into displacements, and what no store's address
//! and no general register at the block's end depends on is left out. Running a
//! plan costs a few operations an execution, not a few an instruction.

mod compile;
mod reads;
pub mod registers;
mod run;
mod step;

pub use compile::{Wanted, compile};
pub use run::{Held, Machine, StoredAt};

use step::Step;

/// Values that are there before the first step: general registers, the bases of
/// FS and GS, RFLAGS, and zero.
const ENTRY: usize = 20;
const FS_BASE: usize = 16;
const GS_BASE: usize = 17;
const RFLAGS: usize = 18;
const ZERO: u16 = 19;

/// A value: what stands in a slot, plus a displacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value {
    slot: u16,
    disp: i32,
}

impl Value {
    const fn of(slot: usize) -> Self {
        Self { slot: slot as u16, disp: 0 }
    }
}

/// How the bytes of a store, or of a read, are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// As many, from the address on.
    Bytes(u16),
    /// Some of as many: a mask says which.
    Some(u16),
    /// The chunk's next bulk store.
    Bulk,
    /// As many are read, not stored.
    Read(u16),
    /// Nothing: the stack pointer behind the instruction is asked for.
    StackPointer,
    /// The first of several elements of as many bytes that are read.
    ReadElements(u16),
}

/// Where a plan finds what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// It was not asked for, or comes from a register that plans do not compute.
    Unknown,
    /// It is computed.
    Value(Value),
    /// It stands in the row, from this offset on.
    Row(u32),
}

/// A store of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Site {
    /// Index of its instruction.
    instruction: u8,
    address: Value,
    extent: Extent,
    content: Content,
}

/// A compiled stretch of a block.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    steps: Box<[(u16, Step)]>,
    sites: Box<[Site]>,
    /// What changes until the end: slot of the entry values, and its new value.
    exits: Box<[(u8, Value)]>,
    /// Values that the stack pointer takes, the lowest and highest of each base.
    stack: Box<[Value]>,
    /// Registers it writes, as [`registers`] numbers them.
    pub writes: u64,
    /// Whether what it computes depends on RFLAGS at its start.
    pub needs_flags: bool,
}

/// Slot of the stack pointer: the hardware's number of rsp.
const STACK_POINTER: usize = 4;
