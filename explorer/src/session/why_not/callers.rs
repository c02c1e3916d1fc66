//! Where code is entered from: calls and jumps to its address, to a stub of it, and through
//! slots that hold its address.

use super::pointers::slot_of;
use crate::dataflow::decode;
use crate::session::Session;
use crate::timeline::StateError;
use iced_x86::{Decoder, DecoderOptions, FlowControl};
use rdb_schema::space::PROT_EXEC;
use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of code read at a time.
const PART: u64 = 1 << 18;

/// Most bytes of code that are looked through.
const MAX_SCANNED: u64 = 512 << 20;

/// Bytes of the longest branch that is looked for: 0f 8x and four.
const LONGEST: usize = 6;

/// Most places that are found.
const MAX_FOUND: usize = 4096;

/// Bytes that may stand before the jump of a stub: endbr64 and a prefix.
const BEFORE_JUMP: u64 = 5;

/// The ways into a function.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways {
    /// Its code.
    pub code: Range<u64>,
    /// Stubs that jump to it.
    pub stubs: BTreeSet<u64>,
    /// Slots that hold its address, or will.
    pub slots: BTreeSet<u64>,
}

impl Session {
    /// The addresses, ascending, of instructions elsewhere that call or jump into a function, in
    /// all code mapped at the cursor.
    pub(super) fn branches_into(&self, mut ways: Ways) -> Result<Vec<u64>, StateError> {
        let found = self.scan(&ways)?;
        let is_stub = |at: &u64| self.is_stub(*at);
        let (stubs, mut found): (Vec<u64>, Vec<u64>) = found.into_iter().partition(is_stub);
        let starts = |at: &u64| at.saturating_sub(BEFORE_JUMP)..at.saturating_add(1);
        let known = ways.stubs.len();
        ways.stubs.extend(stubs.iter().flat_map(starts));
        if ways.stubs.len() > known {
            found = self.scan(&ways)?;
            found.retain(|at| !self.is_stub(*at));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn scan(&self, ways: &Ways) -> Result<Vec<u64>, StateError> {
        let space = self.timeline.shared_space(self.cursor)?;
        let (mut found, mut left) = (Vec::new(), MAX_SCANNED);
        for mapping in space.iter().filter(|mapping| mapping.protection & PROT_EXEC != 0) {
            let mut at = mapping.start;
            while at < mapping.end && left > 0 && found.len() < MAX_FOUND {
                if self.interrupt.raised() {
                    return Err(StateError::Interrupted);
                }
                let length = (mapping.end - at).min(PART);
                self.scan_part(ways, at, length, &mut found)?;
                at += length;
                left = left.saturating_sub(length);
            }
        }
        Ok(found)
    }

    fn scan_part(
        &self,
        ways: &Ways,
        start: u64,
        length: u64,
        found: &mut Vec<u64>,
    ) -> Result<(), StateError> {
        let bytes = self.timeline.memory(self.cursor, start, length as usize + LONGEST)?;
        let bytes: Vec<u8> = bytes.into_iter().map(Option::unwrap_or_default).collect();
        for (here, code) in (start..start + length).zip(bytes.windows(LONGEST)) {
            let enters = match branch_target(here, code) {
                Some(target) => ways.code.contains(&target) || ways.stubs.contains(&target),
                None => slot(here, code).is_some_and(|slot| self.leads(ways, slot)),
            };
            // Two bytes are easily found by accident.
            let counts = || {
                let short = code.first().is_some_and(|first| is_short(*first));
                !short || self.bounds_of(here).is_some()
            };
            let enters = enters && !ways.code.contains(&here) && counts();
            if enters && self.begins_instruction(here)? {
                found.push(here);
            }
        }
        Ok(())
    }

    /// Whether a slot holds the address of the function, or will.
    fn leads(&self, ways: &Ways, slot: u64) -> bool {
        let holds = || {
            let bytes = self.timeline.memory(self.cursor, slot, 8).ok()?;
            let bytes: Option<Vec<u8>> = bytes.into_iter().collect();
            Some(u64::from_le_bytes(*bytes?.first_chunk()?) == ways.code.start)
        };
        ways.slots.contains(&slot) || holds().unwrap_or_default()
    }

    /// Whether an instruction is the jump of a stub.
    fn is_stub(&self, at: u64) -> bool {
        let jumps = || {
            let bytes = self.timeline.memory(self.cursor, at, LONGEST).ok()?;
            let bytes: Option<Vec<u8>> = bytes.into_iter().collect();
            let instruction = decode(at, &bytes?)?;
            Some(instruction.flow_control() == FlowControl::IndirectBranch)
        };
        let name = self.bounds_of(at).map(|bounds| bounds.name);
        let stub = name.is_none_or(|name| name.is_empty() || name.ends_with("@plt"));
        stub && jumps().unwrap_or_default()
    }

    /// Whether an instruction of the function around an address begins there.
    pub(super) fn begins_instruction(&self, address: u64) -> Result<bool, StateError> {
        let bounds = self.bounds_of(address);
        let Some(bounds) = bounds.filter(|bounds| bounds.start <= address) else { return Ok(true) };
        let length = (address - bounds.start) as usize + 15;
        if length > super::MAX_CODE as usize {
            return Ok(true);
        }
        let bytes = self.timeline.memory(self.cursor, bounds.start, length)?;
        let bytes: Vec<u8> = bytes.into_iter().map(Option::unwrap_or_default).collect();
        let decoder = Decoder::with_ip(64, &bytes, bounds.start, DecoderOptions::NONE);
        Ok(decoder.into_iter().map(|i| i.ip()).take_while(|ip| *ip <= address).last()
            == Some(address))
    }
}

/// Whether a jump that begins so has a displacement of 8 bits (Intel SDM vol. 2, Jcc and JMP).
fn is_short(opcode: u8) -> bool {
    matches!(opcode, 0xeb | 0x70..=0x7f)
}

/// Where a call or jump with a displacement at the start of `bytes` leads.
fn branch_target(at: u64, bytes: &[u8]) -> Option<u64> {
    let (length, displacement) = match bytes {
        [0xe8 | 0xe9, a, b, c, d, ..] => (5, i32::from_le_bytes([*a, *b, *c, *d])),
        [0x0f, 0x80..=0x8f, a, b, c, d, ..] => (6, i32::from_le_bytes([*a, *b, *c, *d])),
        [opcode, near, ..] if is_short(*opcode) => (2, near.cast_signed().into()),
        _ => return None,
    };
    Some(at.wrapping_add(length).wrapping_add_signed(displacement.into()))
}

/// The slot that the call or jump at the start of `bytes` goes through.
fn slot(at: u64, bytes: &[u8]) -> Option<u64> {
    matches!(bytes, [0xff, 0x15 | 0x25, ..]).then(|| decode(at, bytes))?.and_then(|i| slot_of(&i))
}

#[cfg(test)]
mod tests {
    use super::branch_target;

    #[test]
    fn branches_lead_where_the_cpu_goes() {
        // jmp, jg, call, jmp and jne with displacements of 8 and 32 bits; nop.
        assert_eq!(branch_target(0x1010, &[0xeb, 0xde, 0, 0, 0, 0]), Some(0xff0));
        assert_eq!(branch_target(0x1010, &[0x7f, 0x10, 0, 0, 0, 0]), Some(0x1022));
        assert_eq!(branch_target(0x1010, &[0xe8, 0xfb, 0xff, 0xff, 0xff, 0]), Some(0x1010));
        assert_eq!(branch_target(0x1010, &[0xe9, 1, 0, 0, 0, 0]), Some(0x1016));
        assert_eq!(branch_target(0x1010, &[0x0f, 0x85, 0, 1, 0, 0]), Some(0x1116));
        assert_eq!(branch_target(0x1010, &[0x90, 0, 0, 0, 0, 0]), None);
    }
}
