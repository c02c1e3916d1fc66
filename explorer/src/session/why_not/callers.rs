//! Where code is entered from: calls and jumps with fixed targets in the module's code.

use crate::session::Session;
use crate::timeline::StateError;
use iced_x86::{Decoder, DecoderOptions};
use rdb_schema::space::PROT_EXEC;
use std::ops::Range;

/// Bytes of code read at a time.
const PART: u64 = 1 << 18;

/// Most bytes of code that are looked through.
const MAX_SCANNED: u64 = 512 << 20;

/// Bytes of the longest branch with a fixed target that is looked for: 0f 8x and four.
const LONGEST: usize = 6;

impl Session {
    /// The addresses of at most `limit` instructions elsewhere that call or jump into `code`, in
    /// all code mapped at the cursor that is near enough.
    pub(super) fn branches_into(
        &self,
        code: &Range<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, StateError> {
        let space = self.timeline.shared_space(self.cursor)?;
        let (mut found, mut left) = (Vec::new(), MAX_SCANNED);
        for mapping in space.iter().filter(|mapping| mapping.protection & PROT_EXEC != 0) {
            let mut at = mapping.start;
            while at < mapping.end && left > 0 {
                if self.interrupt.raised() {
                    return Err(StateError::Interrupted);
                }
                let length = (mapping.end - at).min(PART);
                let bytes = self.timeline.memory(self.cursor, at, length as usize + LONGEST)?;
                let bytes: Vec<u8> = bytes.into_iter().map(Option::unwrap_or_default).collect();
                for offset in 0..length as usize {
                    let here = at + offset as u64;
                    let Some(target) = bytes.get(offset..).and_then(|b| branch_target(here, b))
                    else {
                        continue;
                    };
                    let from_outside = !code.contains(&here) && code.contains(&target);
                    if from_outside && self.begins_instruction(here)? {
                        found.push(here);
                    }
                    if found.len() >= limit {
                        return Ok(found);
                    }
                }
                at += length;
                left = left.saturating_sub(length);
            }
        }
        Ok(found)
    }

    /// Whether an instruction of the function around an address begins there.
    fn begins_instruction(&self, address: u64) -> Result<bool, StateError> {
        let bounds = self.locator.bounds(&self.timeline, self.cursor, address);
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

/// Where a call or jump with a 32-bit displacement at the start of `bytes` leads.
fn branch_target(at: u64, bytes: &[u8]) -> Option<u64> {
    let (length, displacement) = match bytes {
        [0xe8 | 0xe9, a, b, c, d, ..] => (5, [*a, *b, *c, *d]),
        [0x0f, 0x80..=0x8f, a, b, c, d, ..] => (6, [*a, *b, *c, *d]),
        _ => return None,
    };
    Some(at.wrapping_add(length).wrapping_add_signed(i32::from_le_bytes(displacement).into()))
}
