//! Ways to translations: jumps that lead to them, or wait for them, and the table of
//! indirect branches.

use super::{Cache, Head};
use crate::engine::translate::branches::{Link, STUB_BYTES};
use crate::engine::translate::emitter::{Emitted, SCRATCH};
use crate::engine::translate::exits::Exit;
use crate::engine::translate::layout::{TABLE, TABLE_ENTRIES, slot};
use crate::tracee::SharedMemory;
use iced_x86::{Code, MemoryOperand, Register};

impl Cache {
    /// From now on `pc`, where the block of this id is, has a translation at `head`;
    /// where it begins.
    pub(super) fn admit(
        &mut self,
        pc: u64,
        head: u64,
        block: Option<u32>,
        memory: &mut SharedMemory,
    ) -> u64 {
        let head = self.lead_on(pc, head, memory);
        self.heads.insert(pc, Head { at: head, id: block });
        self.note_page(pc >> 12, pc);
        while let Some(link) = self.waiting.pop(pc) {
            self.connect(&link, head, memory);
        }
        head
    }

    /// The translation of `pc` was made of code in the page of this number.
    pub(super) fn note_page(&mut self, page: u64, pc: u64) {
        let heads = self.pages.entry(page).or_default();
        if heads.last() != Some(&pc) {
            heads.push(pc);
        }
    }

    /// Takes up a jump: connects it, or lets it wait; whether it waits for a translation.
    pub(super) fn link(&mut self, link: Link, memory: &mut SharedMemory) -> bool {
        if link.bulk {
            self.exits.place(link.stub, Exit::Bulk(link.target));
            return false;
        }
        self.exits.place(link.stub, Exit::Missing(link));
        let head = self.head(link.target);
        match head {
            Some(head) => self.connect(&link, head, memory),
            None => {
                self.set_jump(link.site, link.stub, memory);
                self.waiting.push(link);
            }
        }
        head.is_none()
    }

    fn connect(&self, link: &Link, head: u64, memory: &mut SharedMemory) {
        self.set_jump(link.site, head, memory);
        // A tracee that stands in the stub goes on there.
        self.set_jump(link.stub + STUB_BYTES - 4, head, memory);
    }

    /// Lets the jump whose displacement stands at `site` go to `target`.
    pub(in crate::engine::translate) fn set_jump(
        &self,
        site: u64,
        target: u64,
        memory: &mut SharedMemory,
    ) {
        let distance = target.wrapping_sub(site + 4) as u32;
        memory.write((site - self.layout.base) as usize, &distance.to_le_bytes());
    }

    /// Whether indirect branches to `pc` find its translation.
    pub fn is_listed(&self, pc: u64) -> bool {
        self.listed.contains(&pc)
    }

    /// Lets indirect branches to `pc` find its translation at `head`.
    ///
    /// # Errors
    /// None in practice.
    pub fn find_by_table(&mut self, pc: u64, head: u64, memory: &mut SharedMemory) -> Emitted {
        let bucket = pc & (TABLE_ENTRIES as u64 - 1);
        let other = self.checks.get(&bucket).copied().unwrap_or(self.unknown);
        let check = self.write(memory, |emitter| {
            emitter.constant(Register::RCX, pc.wrapping_neg())?;
            let sum = MemoryOperand::with_base_index(SCRATCH, Register::RCX);
            emitter.lea(Register::RCX, sum)?;
            emitter.skip(Code::Jrcxz_rel8_64, 5)?;
            emitter.jump(other)?;
            emitter.restore(Register::RCX, slot::RCX)?;
            emitter.jump(head)?;
            Ok(())
        })?;
        self.checks.insert(bucket, check);
        self.listed.insert(pc);
        memory.write(TABLE + bucket as usize * 8, &check.to_le_bytes());
        Ok(())
    }
}
