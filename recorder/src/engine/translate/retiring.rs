//! Translations that are no longer right, and what takes their place.
//!
//! Jumps are not looked for: where a translation began, a trap leads to the
//! recorder, and a jump to the next translation of the same address later on.
//! That place stays the address's head for good.

use super::cache::Cache;
use super::exits::Exit;
use crate::tracee::SharedMemory;
use std::ops::Range;

/// `int3`.
const TRAP: u8 = 0xcc;

/// `jmp rel32`, without its displacement.
const JUMP: u8 = 0xe9;

impl Cache {
    /// Retires all translations of code in `range`.
    pub fn retire_all(&mut self, range: &Range<u64>, memory: &mut SharedMemory) {
        let (first, last) = (range.start >> 12, range.end.saturating_sub(1) >> 12);
        let pages: Vec<u64> = self.pages.range(first..=last.max(first)).map(|(p, _)| *p).collect();
        for page in pages {
            for pc in self.pages.remove(&page).unwrap_or_default() {
                self.retire(pc, memory);
            }
        }
    }

    /// Retires the translation of `pc`, outside of which the tracee has to be.
    pub fn retire(&mut self, pc: u64, memory: &mut SharedMemory) {
        let Some(head) = self.heads.remove(&pc).map(|head| head.at) else { return };
        memory.write((head - self.layout.base) as usize, &[TRAP]);
        self.exits.set_head(head, Exit::Retired(pc));
        self.retired.insert(pc, head);
    }

    /// Lets the head of `pc`, if it has one from a retired translation, lead to
    /// `fresh`. Where `pc` begins from now on.
    pub(super) fn lead_on(&mut self, pc: u64, fresh: u64, memory: &mut SharedMemory) -> u64 {
        let Some(head) = self.retired.get(&pc).copied() else { return fresh };
        if head != fresh {
            self.redirect(head, fresh, memory);
            self.exits.remove_head(head);
        }
        head
    }

    /// Lets the code that begins at `from` be but a jump to `to`.
    pub(super) fn redirect(&self, from: u64, to: u64, memory: &mut SharedMemory) {
        memory.write((from - self.layout.base) as usize, &[JUMP]);
        self.set_jump(from + 1, to, memory);
    }
}
