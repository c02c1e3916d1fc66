//! From a program address to the code for it in the cache.

use super::{Translate, may_change, region};
use crate::engine::code::is_executable;
use rdb_schema::effects::Kind;

impl Translate {
    /// Where the code for `pc` begins in the cache; `None`: it is stepped.
    pub(super) fn head(&mut self, pc: u64) -> Option<u64> {
        let home = self.home.as_mut()?;
        match home.cache.head(pc) {
            Some(head) if home.cache.is_stepped(head) => None,
            Some(head) => Some(head),
            None => {
                let head = self.translate_on(pc)?;
                let home = self.home.as_ref()?;
                (!home.cache.is_stepped(head)).then_some(head)
            }
        }
    }

    /// Whether code at `pc` cannot change without a syscall.
    pub(super) fn is_fixed(&self, pc: u64) -> bool {
        let space = &self.step.rec.space;
        is_executable(space, pc) && !may_change(space, pc, pc.saturating_add(1))
    }

    /// Where the code for `pc` begins, made if need be; an exit where `pc` has to
    /// be stepped.
    pub(super) fn translate(&mut self, pc: u64) -> Option<u64> {
        let executable = is_executable(&self.step.rec.space, pc);
        let prepared = self.step.code.at(pc, &mut self.step.rec);
        let home = self.home.as_mut()?;
        if let Some(head) = home.cache.head(pc) {
            return Some(head);
        }
        let memory = &mut home.region.memory;
        let first = prepared.care[0];
        let fixed = executable && !prepared.changeable;
        if fixed && prepared.block.code() == region::SYSCALL {
            return home.cache.add_syscall(&prepared, memory).ok();
        }
        if executable
            && first.cached
            && (fixed || first.kind == Kind::Plain)
            && let Ok(head) =
                home.cache.add(&prepared, self.step.code.decoded(&prepared.block), memory)
        {
            return Some(head);
        }
        home.cache.add_stepped(pc, memory).ok()
    }

    /// Translates the ways the program takes most often as a whole.
    pub(super) fn join_blocks(&mut self) {
        let Some(home) = &mut self.home else { return };
        if home.cache.is_full() {
            return;
        }
        let (decoder, cache) = (self.step.code.decoder_options(), &mut home.cache);
        let rec = &mut self.step.rec;
        for superblock in home.superblocks.suggest(rec, decoder, |id| cache.part(id)) {
            // One that cannot be written leaves everything as it was.
            let _ = cache.add_superblock(&superblock, &mut home.region.memory);
        }
    }
}
