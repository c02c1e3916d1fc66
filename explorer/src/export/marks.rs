//! The instructions of blocks behind which the call stack may be another.

use crate::session::Session;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};
use rdb_schema::block::{Block, Slot};
use rdb_schema::effects::{Effect, Source};
use rdb_schema::registers::Gpr;
use std::sync::OnceLock;

/// Instructions of a block, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    /// Those that call, return, jump out of their function, or move the stack pointer
    /// elsewhere than by some bytes.
    pub all: u64,
    /// Those that call.
    pub calls: u64,
}

/// The marks of a dictionary's blocks, each made when its block is first met.
pub struct Marks {
    known: Vec<OnceLock<Mark>>,
}

impl Marks {
    /// None made yet.
    pub fn new(blocks: usize) -> Self {
        Self { known: (0..blocks).map(|_| OnceLock::new()).collect() }
    }

    /// Makes the marks of block `id`, which is executed at `state`.
    pub fn meet(&self, session: &Session, id: u32, block: &Block, state: u64) {
        if let Some(known) = self.known.get(id as usize) {
            known.get_or_init(|| mark(session, block, state));
        }
    }

    /// The marks of a block that was met.
    pub fn of(&self, id: u32) -> Mark {
        self.known.get(id as usize).and_then(OnceLock::get).copied().unwrap_or_default()
    }
}

fn mark(session: &Session, block: &Block, state: u64) -> Mark {
    let mut mark = Mark::default();
    for index in 0..block.instructions().len().min(64) {
        let pc = block.address(index);
        let mut decoder = Decoder::with_ip(64, block.bytes(index), pc, DecoderOptions::NONE);
        let instruction = decoder.decode();
        let marked = match instruction.flow_control() {
            // `syscall` is a call to iced-x86.
            FlowControl::Call | FlowControl::IndirectCall if !is_system(&instruction) => {
                mark.calls |= 1 << index;
                true
            }
            FlowControl::Return | FlowControl::IndirectBranch => true,
            FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => {
                leaves(session, state, pc, instruction.near_branch_target())
            }
            _ => block.slots(index).iter().any(moves_stack),
        };
        mark.all |= u64::from(marked) << index;
    }
    mark
}

/// Whether it calls the kernel.
fn is_system(instruction: &Instruction) -> bool {
    !(instruction.is_call_near()
        || instruction.is_call_near_indirect()
        || instruction.is_call_far()
        || instruction.is_call_far_indirect())
}

/// Whether a branch goes out of the function around `pc`, or back to its beginning.
fn leaves(session: &Session, state: u64, pc: u64, target: u64) -> bool {
    let function = session.locator().bounds(session.timeline(), state, pc);
    function.is_none_or(|around| target <= around.start || target >= around.end)
}

/// Whether an effect sets the stack pointer to something else than so many bytes further.
fn moves_stack(slot: &Slot) -> bool {
    match slot.effect {
        Effect::Gpr { register: Gpr::RSP, source: Source::Form(form) } => {
            form.base != Some(Gpr::RSP) || form.index.is_some()
        }
        Effect::Gpr { register, .. } => register == Gpr::RSP,
        _ => false,
    }
}
