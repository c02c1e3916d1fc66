//! Branches in the middle of a superblock: on along the way it was made for, or
//! out of it, with a record of what was executed.

use super::block::{Writer, header, record_bytes};
use super::emitter::{Emitted, SCRATCH, Unencodable};
use super::layout::slot;
use crate::engine::code::Prepared;
use iced_x86::{Code, FlowControl, Instruction, MemoryOperand, Register};
use rdb_schema::block::Slot;
use std::sync::Arc;

/// A branch out of the middle of a superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideExit {
    /// Index of the instruction that branches.
    branch: usize,
    /// Where the 4-byte displacement of the jump to it stands.
    site: u64,
    /// Where the program goes; `None`: to the address in the scratch register, and
    /// rcx waits in the context.
    target: Option<u64>,
    /// Where its code begins.
    code: u64,
}

impl Writer {
    /// Writes a branch in the middle of a superblock that goes on at `next`.
    pub(super) fn inner_branch(
        &mut self,
        instruction: &Instruction,
        slots: &[Slot],
        branch: usize,
        next: u64,
    ) -> Emitted {
        match instruction.flow_control() {
            FlowControl::UnconditionalBranch => Ok(()),
            FlowControl::ConditionalBranch => self.inner_condition(instruction, branch, next),
            FlowControl::Call => self.push_return_address(instruction.next_ip()),
            FlowControl::IndirectBranch | FlowControl::IndirectCall | FlowControl::Return => {
                self.branching(instruction, slots)?;
                self.guard(branch, next)
            }
            _ => Err(Unencodable),
        }
    }

    /// Leaves where the condition does not lead to `next`.
    fn inner_condition(&mut self, instruction: &Instruction, branch: usize, next: u64) -> Emitted {
        let (taken, end) = (instruction.near_branch64(), instruction.next_ip());
        if taken == end {
            return Ok(());
        }
        let mut near = *instruction;
        near.as_near_branch();
        if next == taken {
            near.negate_condition_code();
        }
        let here = self.emitter.here();
        let site = self.emitter.branch(near.code(), here)?;
        let target = Some(if next == taken { end } else { taken });
        self.side_exits.push(SideExit { branch, site, target, code: 0 });
        Ok(())
    }

    /// Leaves where the address in the scratch register is not `next`.
    fn guard(&mut self, branch: usize, next: u64) -> Emitted {
        self.emitter.save(slot::RCX, Register::RCX)?;
        self.emitter.constant(Register::RCX, next.wrapping_neg())?;
        let sum = MemoryOperand::with_base_index(SCRATCH, Register::RCX);
        self.emitter.lea(Register::RCX, sum)?;
        self.emitter.skip(Code::Jrcxz_rel8_64, 5)?;
        let here = self.emitter.here();
        let site = self.emitter.jump(here)?;
        self.side_exits.push(SideExit { branch, site, target: None, code: 0 });
        self.emitter.restore(Register::RCX, slot::RCX)
    }

    /// Writes the code of all side exits; `prefixes` says what each of them logs.
    pub(super) fn write_side_exits(
        &mut self,
        prefixes: &[Arc<Prepared>],
        sites: &mut Vec<(u64, u64)>,
    ) -> Emitted {
        let mut exits = std::mem::take(&mut self.side_exits);
        for exit in &mut exits {
            exit.code = self.emitter.here();
            let prefix = prefixes.iter().find(|p| p.care.len() == exit.branch + 1);
            let prefix = prefix.ok_or(Unencodable)?;
            if exit.target.is_none() {
                self.emitter.restore(Register::RCX, slot::RCX)?;
            }
            let record = record_bytes(prefix);
            self.emitter.log_constant(0, header(prefix.id, record))?;
            self.leave(exit.branch, record)?;
            match exit.target {
                Some(target) => self.jump(target, sites)?,
                None => self.emitter.look_up()?,
            }
        }
        self.side_exits = exits;
        Ok(())
    }

    /// Lets the jumps to side exits go there, in the code that begins at `head`.
    pub(super) fn patch_side_exits(&self, head: u64, code: &mut [u8]) {
        for exit in &self.side_exits {
            let distance = exit.code.wrapping_sub(exit.site + 4) as u32;
            let at = (exit.site - head) as usize;
            if let Some(place) = code.get_mut(at..at + 4) {
                place.copy_from_slice(&distance.to_le_bytes());
            }
        }
    }
}
