//! How control leaves a block's translation.

use super::block::Writer;
use super::emitter::{Emitted, SCRATCH, Unencodable, at};
use super::layout::slot;
use super::loads::operand;
use crate::engine::code::Prepared;
use iced_x86::{Code, FlowControl, Instruction, OpKind, Register};
use rdb_schema::block::Slot;
use std::sync::Arc;

/// A jump to another block's translation, which need not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where the jump's 4-byte displacement stands.
    pub site: u64,
    /// Where it goes for now: an `int3`, and a jump behind it.
    pub stub: u64,
    /// The program address it should go to.
    pub target: u64,
    /// The stub is a stop for the stores of a repeated string instruction, not
    /// a missing translation.
    pub bulk: bool,
}

/// Bytes of a stub: `int3; jmp rel32`.
pub const STUB_BYTES: u64 = 6;

/// Where control goes from a block's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// To this address.
    To(u64),
    /// To `taken` if the branch `code` is taken, else to `next`.
    Either {
        /// A near conditional branch.
        code: Code,
        /// Its target.
        taken: u64,
        /// The address behind it.
        next: u64,
    },
    /// `loop` and its kin: if rcx is zero to `zero`; else as `code` says to
    /// `taken`, or always where it is `None`; or to `next`.
    Count {
        /// Target when rcx is zero.
        zero: u64,
        /// A further condition.
        code: Option<Code>,
        /// Target when rcx is not zero and the condition holds.
        taken: u64,
        /// Target otherwise.
        next: u64,
    },
    /// To the address in the scratch register.
    LookUp,
    /// The recorder reads what a repeated string instruction stored; then here.
    Bulk(u64),
}

impl Writer {
    /// Writes what the block's last instruction, a branch, does besides
    /// branching.
    pub(super) fn branching(
        &mut self,
        instruction: &Instruction,
        slots: &[Slot],
    ) -> Emitted<Ending> {
        let next = instruction.next_ip();
        match instruction.flow_control() {
            FlowControl::UnconditionalBranch => Ok(Ending::To(instruction.near_branch64())),
            FlowControl::ConditionalBranch => self.conditional(instruction, slots, next),
            FlowControl::Call => {
                self.push_return_address(next)?;
                Ok(Ending::To(instruction.near_branch64()))
            }
            FlowControl::IndirectBranch => self.target(instruction),
            FlowControl::IndirectCall => self.indirect_call(instruction, next),
            FlowControl::Return => self.return_to(instruction),
            _ => Err(Unencodable),
        }
    }

    fn conditional(
        &mut self,
        instruction: &Instruction,
        slots: &[Slot],
        next: u64,
    ) -> Emitted<Ending> {
        let taken = instruction.near_branch64();
        let code = match instruction.code() {
            Code::Jrcxz_rel8_64 => {
                return Ok(Ending::Count { zero: taken, code: None, taken: next, next });
            }
            Code::Loop_rel8_64_RCX => None,
            Code::Loope_rel8_64_RCX => Some(Code::Je_rel32_64),
            Code::Loopne_rel8_64_RCX => Some(Code::Jne_rel32_64),
            _ => {
                let mut near = *instruction;
                near.as_near_branch();
                return Ok(Ending::Either { code: near.code(), taken, next });
            }
        };
        self.emitter.lea(Register::RCX, at(Register::RCX, -1, None))?;
        self.log(instruction, slots)?;
        Ok(Ending::Count { zero: next, code, taken, next })
    }

    pub(super) fn push_return_address(&mut self, next: u64) -> Emitted {
        if let Ok(value) = i32::try_from(next) {
            return self.emitter.put(&Instruction::with1(Code::Pushq_imm32, value)?);
        }
        self.emitter.constant(SCRATCH, next)?;
        self.emitter.put(&Instruction::with1(Code::Push_r64, SCRATCH)?)
    }

    /// Loads the operand of an indirect branch into the scratch register.
    pub(super) fn target(&mut self, instruction: &Instruction) -> Emitted<Ending> {
        let renamed = self.substitutes.rename(instruction);
        if renamed.op0_kind() == OpKind::Register {
            self.emitter.copy(SCRATCH, renamed.op0_register())?;
            return Ok(Ending::LookUp);
        }
        let from = self.reachable(renamed)?;
        self.emitter.load(SCRATCH, operand(&from))?;
        Ok(Ending::LookUp)
    }

    pub(super) fn indirect_call(
        &mut self,
        instruction: &Instruction,
        next: u64,
    ) -> Emitted<Ending> {
        self.target(instruction)?;
        self.emitter.save(slot::ADDRESS, SCRATCH)?;
        self.emitter.load(SCRATCH, at(Register::RSP, -8, None))?;
        self.emitter.save(slot::BELOW, SCRATCH)?;
        self.push_return_address(next)?;
        self.emitter.restore(SCRATCH, slot::ADDRESS)?;
        Ok(Ending::LookUp)
    }

    pub(super) fn return_to(&mut self, instruction: &Instruction) -> Emitted<Ending> {
        self.emitter.put(&Instruction::with1(Code::Pop_r64, SCRATCH)?)?;
        if instruction.op_count() > 0 {
            let more = at(Register::RSP, i64::from(instruction.immediate16()), None);
            self.emitter.lea(Register::RSP, more)?;
        }
        Ok(Ending::LookUp)
    }

    /// Ends the record and writes the ways out, stubs last; links in the order of their
    /// stubs.
    pub(super) fn ways_out(
        &mut self,
        ending: Ending,
        prepared: &Prepared,
        prefixes: &[Arc<Prepared>],
    ) -> Emitted<Vec<Link>> {
        if let Ending::Bulk(next) = ending {
            return self.stop_for_stores(next);
        }
        self.leave(prepared.care.len() - 1, self.record)?;
        let mut sites = Vec::new();
        match ending {
            Ending::To(target) => self.jump(target, &mut sites)?,
            Ending::Either { code, taken, next } => {
                self.branch(code, taken, &mut sites)?;
                self.jump(next, &mut sites)?;
            }
            Ending::Count { zero, code: Some(code), taken, next } => {
                // Over a near conditional branch and a jump.
                self.emitter.skip(Code::Jrcxz_rel8_64, 6 + 5)?;
                self.branch(code, taken, &mut sites)?;
                self.jump(next, &mut sites)?;
                self.jump(zero, &mut sites)?;
            }
            Ending::Count { zero, code: None, taken, .. } => {
                self.emitter.skip(Code::Jrcxz_rel8_64, 5)?;
                self.jump(taken, &mut sites)?;
                self.jump(zero, &mut sites)?;
            }
            Ending::LookUp | Ending::Bulk(_) => self.emitter.look_up()?,
        }
        self.write_side_exits(prefixes, &mut sites)?;
        self.stubs(&sites)
    }

    /// The recorder reads what was stored; then on to `next`.
    pub(super) fn stop_for_stores(&mut self, next: u64) -> Emitted<Vec<Link>> {
        let stub = self.emitter.here();
        self.emitter.trap()?;
        let mut sites = Vec::new();
        self.jump(next, &mut sites)?;
        let site = sites.first().map_or(0, |(site, _)| *site);
        let mut links = vec![Link { site, stub, target: next, bulk: true }];
        links.extend(self.stubs(&sites)?);
        Ok(links)
    }

    /// A jump to the translation of `target`.
    pub(super) fn jump(&mut self, target: u64, sites: &mut Vec<(u64, u64)>) -> Emitted {
        let here = self.emitter.here();
        sites.push((self.emitter.jump(here)?, target));
        Ok(())
    }

    /// A conditional branch there.
    fn branch(&mut self, code: Code, target: u64, sites: &mut Vec<(u64, u64)>) -> Emitted {
        let here = self.emitter.here();
        sites.push((self.emitter.branch(code, here)?, target));
        Ok(())
    }

    pub(super) fn stubs(&mut self, sites: &[(u64, u64)]) -> Emitted<Vec<Link>> {
        let mut links = Vec::with_capacity(sites.len());
        for (site, target) in sites {
            let stub = self.emitter.here();
            self.emitter.trap()?;
            self.emitter.jump(stub)?;
            links.push(Link { site: *site, stub, target: *target, bulk: false });
        }
        Ok(links)
    }
}
