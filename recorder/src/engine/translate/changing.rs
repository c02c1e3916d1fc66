//! Code that may change: in writable memory, or in a file that is mapped shared.
//!
//! Its translations begin with a comparison of the program's code with what they
//! were made of. A block of such code ends behind each store, so that nothing of
//! it changes between the comparison and its end.

use super::Translate;
use super::block::Writer;
use super::emitter::{Emitted, SCRATCH, at};
use super::layout::slot;
use super::state::{Place, Rcx};
use super::stops::Next;
use crate::engine::Flow;
use crate::tracee::{GeneralRegisters, Stopped};
use iced_x86::{Code, Instruction, Register};
use rdb_schema::block::Block;
use rdb_schema::registers::Gpr;
use rdb_schema::space::{AddressSpace, PROT_WRITE};

/// Whether code between these addresses may change without a syscall.
pub fn may_change(space: &AddressSpace, start: u64, end: u64) -> bool {
    let shared = libc::MAP_SHARED.cast_unsigned();
    let mut mappings = space.overlapping(start, end);
    mappings.any(|m| m.protection & PROT_WRITE != 0 || m.flags & shared != 0)
}

impl Writer {
    /// Compares the program's code with the block's, with traps for where they
    /// differ; there, the context holds rcx. Addresses of the traps.
    pub(super) fn compare_code(&mut self, block: &Block) -> Emitted<Vec<u64>> {
        self.emitter.save(slot::RCX, Register::RCX)?;
        self.emitter.constant(SCRATCH, block.start())?;
        let mut traps = Vec::new();
        for (offset, bytes) in pieces(block.code()) {
            let code = match bytes.len() {
                4 => Code::Mov_r32_rm32,
                2 => Code::Movzx_r32_rm16,
                _ => Code::Movzx_r32_rm8,
            };
            let place = at(SCRATCH, offset as i64, None);
            self.emitter.put(&Instruction::with2(code, Register::ECX, place)?)?;
            let less = at(Register::RCX, i64::from(value(bytes).wrapping_neg()), None);
            self.emitter.put(&Instruction::with2(Code::Lea_r32_m, Register::ECX, less)?)?;
            self.emitter.skip(Code::Jrcxz_rel8_64, 1)?;
            traps.push(self.emitter.here());
            self.emitter.trap()?;
        }
        self.emitter.restore(Register::RCX, slot::RCX)?;
        Ok(traps)
    }
}

/// Pieces of 4, 2 and 1 bytes that cover `code`, with their offsets.
fn pieces(code: &[u8]) -> Vec<(usize, &[u8])> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < code.len() {
        let left = code.len() - start;
        let (from, length) = match left {
            4.. => (start, 4),
            // Once more what was compared already is shorter than two pieces.
            _ if code.len() >= 4 => (code.len() - 4, 4),
            2 | 3 => (start, 2),
            _ => (start, 1),
        };
        pieces.push((from, &code[from..from + length]));
        start = from + length;
    }
    pieces
}

/// At most 4 bytes as an integer.
fn value(bytes: &[u8]) -> i32 {
    let mut word = [0; 4];
    word[..bytes.len()].copy_from_slice(bytes);
    i32::from_le_bytes(word)
}

impl Translate {
    /// The code at `pc` is not what its translation was made of.
    pub(super) fn code_changed(
        &mut self,
        stopped: Stopped,
        host: GeneralRegisters,
        pc: u64,
    ) -> Flow<Next> {
        if let Some(home) = &mut self.home {
            home.cache.retire(pc, &mut home.region.memory);
        }
        self.go_on(stopped, host, &Place { rcx: Rcx::Saved, ..Place::between(pc) })
    }

    /// In the cache, at the beginning of a block: on in its translation, made if
    /// need be, or out of the cache.
    pub(super) fn go_on(
        &mut self,
        stopped: Stopped,
        mut host: GeneralRegisters,
        place: &Place,
    ) -> Flow<Next> {
        let found = if self.is_crowded() { None } else { self.translate(place.pc) };
        let (Some(head), Some(home)) = (found, &self.home) else {
            self.leave_cache(&stopped, &host, place)?;
            return Ok(Next::Leave(stopped));
        };
        if place.rcx == Rcx::Saved {
            host.set(Gpr::RCX, home.kept(&stopped, slot::RCX));
        }
        host.jump(head);
        stopped.set_general_registers(&host)?;
        Ok(Next::Run(stopped))
    }
}

#[cfg(test)]
mod tests {
    use super::{pieces, value};

    #[test]
    fn pieces_cover_code_of_any_length() {
        let code: Vec<u8> = (1..=64).collect();
        for length in 1..=code.len() {
            let code = &code[..length];
            let mut covered = vec![false; length];
            for (offset, bytes) in pieces(code) {
                assert_eq!(bytes, &code[offset..offset + bytes.len()]);
                covered[offset..offset + bytes.len()].fill(true);
            }
            assert!(covered.into_iter().all(|covered| covered), "{length}");
        }
    }

    #[test]
    fn short_pieces_have_zeros_above() {
        assert_eq!(value(&[0xff]), 0xff);
        assert_eq!(value(&[0, 0, 0, 0x80]), i32::MIN);
    }
}
