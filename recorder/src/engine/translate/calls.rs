//! System calls are made in the cache, with an `int3` behind each: one stop. In front of
//! those of which the recorder must know beforehand there is another; and some need none:
//! see [`super::buffered`].
//!
//! Which need what, shared code finds out: see [`super::judge`].

use super::block::Writer;
use super::branches::Link;
use super::buffered::Buffered;
use super::emitter::{Emitted, SCRATCH, Unencodable};
use super::layout::slot;
use super::state::{Place, Rcx};
use crate::engine::code::Prepared;
use crate::tracee::GeneralRegisters;
use iced_x86::{Code, Instruction, Register};
use rdb_schema::registers::Gpr;
use std::ops::Range;

/// Bytes of `int3; nop`, in front of a call. A jump to the call does not land right behind
/// the `int3`, so that a signal there is not taken for it.
pub const ASK_BYTES: u64 = 2;

/// Bytes of a `jmp rel32` in front of those, to where the call is buffered.
pub const BUFFER_BYTES: u64 = 5;

/// Bytes of `mov r14d, imm32; jmp rel32`, and of both of those.
const BEFORE_CALL: u64 = 6 + 5 + BUFFER_BYTES + ASK_BYTES;

/// Bytes of `syscall`.
pub const CALL_BYTES: u64 = 2;

/// Where a system call is made for the one at a program address.
#[derive(Clone, Debug)]
pub struct Way {
    /// Its code.
    pub code: Range<u64>,
    /// The program's `syscall`.
    pub pc: u64,
    /// The cache's own.
    pub call: u64,
    /// Where it is made without a stop.
    pub buffered: Buffered,
}

impl Way {
    /// The state of the program at `address`; `None` behind a call that is not recorded.
    fn place(&self, address: u64) -> Option<Place> {
        let (before, next) = (Place::between(self.pc), Place::between(self.pc + CALL_BYTES));
        if address == self.code.start {
            return Some(before);
        }
        if self.is_made(address) {
            return None;
        }
        let buffered = self.buffered.code.contains(&address);
        if buffered && address >= self.buffered.logged {
            return Some(next);
        }
        if buffered || address <= self.call {
            return Some(Place { rcx: Rcx::Saved, ..before });
        }
        let rcx = if address == self.call + CALL_BYTES + 1 { Rcx::Next } else { Rcx::Own };
        Some(Place { rcx, ..next })
    }

    /// Whether `address` is right behind a call; it may still be under way.
    pub fn is_behind_call(&self, address: u64) -> bool {
        [self.call, self.buffered.call].contains(&address.wrapping_sub(CALL_BYTES))
    }

    /// Whether the call was made at `address`, by the program's own code, and nothing of it
    /// recorded. (Behind the `int3`, that depends on whether it was seen to.)
    pub fn is_made(&self, address: u64) -> bool {
        let buffered = self.buffered.call + CALL_BYTES..self.buffered.logged;
        address == self.call + CALL_BYTES || buffered.contains(&address)
    }
}

/// The ways to system calls.
#[derive(Default)]
pub struct Ways {
    /// The code that they share.
    pub judge: Range<u64>,
    /// Ascending.
    list: Vec<Way>,
}

impl Ways {
    /// Adds one behind all others.
    pub fn push(&mut self, way: Way) {
        self.list.push(way);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The way whose code `address` is in.
    pub fn find(&self, address: u64) -> Option<&Way> {
        let after = self.list.partition_point(|way| way.code.start <= address);
        let way = self.list.get(after.checked_sub(1)?)?;
        way.code.contains(&address).then_some(way)
    }

    /// The program's state on one, but for right behind its call.
    pub fn place(&self, registers: &GeneralRegisters) -> Option<Place> {
        let pc = registers.pc();
        if self.judge.contains(&pc) {
            return self.find(registers.get(Gpr::R14))?.place(registers.get(Gpr::R14));
        }
        self.find(pc)?.place(pc)
    }
}

impl Writer {
    /// Writes the way to the system call that `prepared` is, by `judge`, from `start` on; and
    /// how it goes on.
    pub(super) fn system_call(
        &mut self,
        prepared: &Prepared,
        judge: u64,
    ) -> Emitted<(Way, Vec<Link>)> {
        let (start, pc) = (self.emitter.here(), prepared.block.start());
        self.emitter.save(slot::RCX, Register::RCX)?;
        self.emitter.save(slot::R11, Register::R11)?;
        self.emitter.save(slot::NUMBER, Register::RAX)?;
        let call = self.emitter.here() + BEFORE_CALL;
        self.emitter.constant(SCRATCH, call)?;
        self.emitter.jump(judge)?;
        let to_buffered = self.emitter.jump(call)?;
        self.emitter.trap()?;
        self.emitter.put(&Instruction::with(Code::Nopd))?;
        if self.emitter.here() != call {
            return Err(Unencodable);
        }
        self.emitter.put(&Instruction::with(Code::Syscall))?;
        let behind = self.emitter.here();
        self.emitter.trap()?;
        let next = pc + CALL_BYTES;
        self.emitter.constant(Register::RCX, next)?;
        let mut sites = Vec::new();
        self.jump(next, &mut sites)?;
        self.emitter.arrive(to_buffered)?;
        let buffered = self.buffered_call(prepared, behind, &mut sites)?;
        let links = self.stubs(&sites)?;
        Ok((Way { code: start..self.emitter.here(), pc, call, buffered }, links))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_way_is_one_of_the_program() {
        let buffered = Buffered { code: 140..180, call: 150, logged: 175 };
        let way = Way { code: 100..190, pc: 0x4000, call: 120, buffered };
        let place = |address| way.place(address).map(|place| (place.pc, place.rcx));
        assert_eq!(place(100), Some((0x4000, Rcx::Own)));
        assert_eq!(place(108), Some((0x4000, Rcx::Saved)));
        assert_eq!(place(120), Some((0x4000, Rcx::Saved)));
        assert_eq!(place(122), None);
        assert_eq!(place(123), Some((0x4002, Rcx::Next)));
        assert_eq!(place(130), Some((0x4002, Rcx::Own)));
        assert_eq!(place(140), Some((0x4000, Rcx::Saved)));
        assert_eq!(place(150), Some((0x4000, Rcx::Saved)));
        assert!((152..175).all(|address| place(address).is_none()));
        assert_eq!(place(175), Some((0x4002, Rcx::Own)));
        assert!(way.is_behind_call(152) && way.is_behind_call(122) && !way.is_behind_call(153));
    }
}
