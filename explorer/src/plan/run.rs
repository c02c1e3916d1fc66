//! Running plans.

use super::compile::MAX_VALUES;
use super::step::Step;
use super::{Content, ENTRY, Extent, FS_BASE, GS_BASE, Plan, RFLAGS, STACK_POINTER, Value};
use rdb_schema::registers::{Registers, STATUS_FLAGS};
use rdb_schema::replay::unpack_status;
use rdb_schema::varint::Malformed;

/// What a store holds, as far as a plan knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing is known.
    Unknown,
    /// The low bytes of a word.
    Word(u64),
    /// The bytes of the row from this offset on.
    Row(u32),
}

/// A store, or a read, of one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredAt {
    /// Index of its instruction.
    pub instruction: u8,
    /// Where.
    pub address: u64,
    /// How much.
    pub extent: Extent,
    /// What.
    pub held: Held,
}

/// The registers that plans compute, between two of them.
pub struct Machine {
    slots: Box<[u64; MAX_VALUES]>,
}

impl Machine {
    /// With these registers.
    pub fn new(registers: &Registers) -> Self {
        let mut machine = Self { slots: Box::new([0; MAX_VALUES]) };
        machine.set(registers);
        machine
    }

    /// Takes registers.
    pub fn set(&mut self, registers: &Registers) {
        self.slots[..16].copy_from_slice(&registers.gpr);
        self.slots[FS_BASE] = registers.fs_base;
        self.slots[GS_BASE] = registers.gs_base;
        self.slots[RFLAGS] = registers.rflags;
    }

    /// Puts what it has of them into `registers`: of the flags, the status flags,
    /// if the last plan was asked for them.
    pub fn get(&self, registers: &mut Registers) {
        registers.gpr.copy_from_slice(&self.slots[..16]);
        registers.fs_base = self.slots[FS_BASE];
        registers.gs_base = self.slots[GS_BASE];
        registers.rflags = registers.rflags & !STATUS_FLAGS | self.slots[RFLAGS] & STATUS_FLAGS;
    }

    /// What it has, to go back to with [`Self::enter`].
    #[inline]
    pub fn entry(&self) -> [u64; ENTRY] {
        self.slots.first_chunk().copied().unwrap_or([0; ENTRY])
    }

    /// Goes back to what it had.
    pub fn enter(&mut self, entry: [u64; ENTRY]) {
        self.slots[..ENTRY].copy_from_slice(&entry);
    }

    /// The stack pointer.
    pub fn stack_pointer(&self) -> u64 {
        self.slots[STACK_POINTER]
    }

    fn value(&self, value: Value) -> u64 {
        let slot = self.slots[usize::from(value.slot) % MAX_VALUES];
        slot.wrapping_add(i64::from(value.disp) as u64)
    }

    /// Runs `plan` on an execution's row: calls `store` with each store, in order. The lowest
    /// and the highest value of the stack pointer.
    ///
    /// # Errors
    /// The row is too short.
    #[inline]
    pub fn run(
        &mut self,
        plan: &Plan,
        row: &[u8],
        mut store: impl FnMut(StoredAt),
    ) -> Result<(u64, u64), Malformed> {
        for (to, step) in &plan.steps {
            self.slots[usize::from(*to) % MAX_VALUES] = self.step(step, row)?;
        }
        for site in &plan.sites {
            let held = match site.content {
                Content::Unknown => Held::Unknown,
                Content::Value(value) => Held::Word(self.value(value)),
                Content::Row(offset) => Held::Row(offset),
            };
            let address = self.value(site.address);
            store(StoredAt { instruction: site.instruction, address, extent: site.extent, held });
        }
        let (mut low, mut high) = (u64::MAX, 0);
        for value in &plan.stack {
            let value = self.value(*value);
            (low, high) = (low.min(value), high.max(value));
        }
        let mut exits = [0; ENTRY];
        for (new, (_, value)) in exits.iter_mut().zip(&plan.exits) {
            *new = self.value(*value);
        }
        for (new, (at, _)) in exits.iter().zip(&plan.exits) {
            self.slots[usize::from(*at) % ENTRY] = *new;
        }
        Ok((low, high))
    }

    // Called once for each step of each plan that is run.
    #[inline(always)]
    fn step(&self, step: &Step, row: &[u8]) -> Result<u64, Malformed> {
        Ok(match step {
            Step::Const(value) => *value,
            Step::Logged { offset, bytes: 8 } => {
                let bytes = row.get(*offset as usize..).and_then(|row| row.first_chunk());
                u64::from_le_bytes(*bytes.ok_or(Malformed)?)
            }
            Step::Sum { left, right, scale, mask } => {
                let right = self.value(*right).wrapping_mul(u64::from(*scale));
                self.value(*left).wrapping_add(right) & mask
            }
            Step::Simple { operation, left, right, mask } => {
                operation.value(self.value(*left), self.value(*right), *mask)
            }
            Step::Extend { value, old, width, extend } => {
                extend.apply(self.value(*value), *width, self.value(*old))
            }
            _ => return self.rare_step(step, row),
        })
    }

    /// The same, out of the way of the steps that are taken most.
    #[inline(never)]
    fn rare_step(&self, step: &Step, row: &[u8]) -> Result<u64, Malformed> {
        Ok(match step {
            Step::Logged { offset, bytes } => logged(row, *offset, (*bytes).into())?,
            Step::Compute { computation, left, right, rflags, old } => {
                let operands = [self.value(*left), self.value(*right)];
                let value = computation.value_of(operands, self.value(*rflags));
                computation.extend.apply(value, computation.inputs.width, self.value(*old))
            }
            Step::Flags { rule, inputs, left, right, rflags } => {
                let operands = [self.value(*left), self.value(*right)];
                inputs.flags_of(*rule, operands, self.value(*rflags))
            }
            Step::Status { offset, rflags } => {
                let packed = logged(row, *offset, 2)? as u16;
                self.value(*rflags) & !STATUS_FLAGS | unpack_status(packed)
            }
            Step::Bits { rflags, mask, value } => {
                self.value(*rflags) & !u64::from(*mask) | u64::from(value & mask)
            }
            // Taken above.
            Step::Const(_) | Step::Sum { .. } | Step::Simple { .. } | Step::Extend { .. } => 0,
        })
    }
}

/// `count` bytes of the row, at most 8.
fn logged(row: &[u8], offset: u32, count: usize) -> Result<u64, Malformed> {
    let from = row.get(offset as usize..).and_then(|row| row.get(..count)).ok_or(Malformed)?;
    let mut word = [0; 8];
    word.get_mut(..count).ok_or(Malformed)?.copy_from_slice(from);
    Ok(u64::from_le_bytes(word))
}
