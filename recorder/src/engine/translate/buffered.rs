//! *Buffered* calls: system calls that need no stop. Their result is all there is to know of
//! them; the cache makes them and logs the record of the `syscall` instruction, and behind it
//! a call record, which becomes the event.

use super::block::{HEADER_BYTES, MAX_ID, Writer, header, record_bytes};
use super::emitter::{Emitted, Unencodable, at, host};
use crate::encode::{CALL_ID, CALL_RECORD};
use crate::engine::code::Prepared;
use iced_x86::{Code, Instruction, Register};
use rdb_schema::effects::Effect;
use std::ops::Range;

/// Where a call is made that is buffered.
#[derive(Clone, Debug)]
pub struct Buffered {
    /// Its code, up to the jump behind it.
    pub code: Range<u64>,
    /// The `syscall`.
    pub call: u64,
    /// From here on the call is in the log.
    pub logged: u64,
}

/// What a call record holds from the registers, behind the number: the arguments.
const ARGUMENTS: [Register; 6] =
    [Register::RDI, Register::RSI, Register::RDX, Register::R10, Register::R8, Register::R9];

impl Writer {
    /// Writes a buffered call for the `syscall` that `prepared` is; `failed` is where the
    /// `int3` stands that a failure for want of a stack leads to. rcx was saved.
    pub(super) fn buffered_call(
        &mut self,
        prepared: &Prepared,
        failed: u64,
        sites: &mut Vec<(u64, u64)>,
    ) -> Emitted<Buffered> {
        if prepared.id > MAX_ID {
            return Err(Unencodable);
        }
        let start = self.emitter.here();
        let block = record_bytes(prepared);
        let length = block + CALL_RECORD;
        self.emitter.log_constant(length, 0)?;
        self.emitter.log_constant(0, header(prepared.id, block))?;
        self.emitter.log_constant(block, header(CALL_ID, 0))?;
        let word = |index: usize| block + 8 + 8 * index;
        self.emitter.log(word(0), Register::RAX)?;
        for (index, register) in ARGUMENTS.into_iter().enumerate() {
            self.emitter.log(word(1 + index), register)?;
        }
        let call = self.emitter.here();
        self.emitter.put(&Instruction::with(Code::Syscall))?;
        self.unless_faulted(failed)?;
        self.emitter.log(word(1 + ARGUMENTS.len()), Register::RAX)?;
        let next = prepared.block.end();
        self.emitter.constant(Register::RCX, next)?;
        for logged in prepared.block.slots(0) {
            let from = match logged.effect {
                Effect::Gpr { register, .. } => host(register),
                // The flags are as r11 has them (Intel SDM vol. 2, SYSRET); no call is
                // buffered where that is otherwise.
                Effect::Flags => Register::R11D,
                _ => return Err(Unencodable),
            };
            self.emitter.log(HEADER_BYTES + logged.offset as usize, from)?;
        }
        self.emitter.advance(length)?;
        let logged = self.emitter.here();
        self.jump(next, sites)?;
        Ok(Buffered { code: start..self.emitter.here(), call, logged })
    }

    /// To `failed` if the call gave -EFAULT; rcx is lost, and flags stay.
    fn unless_faulted(&mut self, failed: u64) -> Emitted {
        let sum = at(Register::RAX, libc::EFAULT.into(), None);
        self.emitter.lea(Register::RCX, sum)?;
        let faulted = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        let fine = self.emitter.branch_ahead(Code::Jmp_rel8_64)?;
        self.emitter.land(faulted)?;
        self.emitter.jump(failed)?;
        self.emitter.land(fine)
    }
}
