//! The region in a program image, and what lives there as long as its code stays what it is.

use super::Translate;
use super::cache::Cache;
use super::judge::write_tables;
use super::region::Region;
use super::superblocks::Superblocks;
use super::trusting::Trusted;
use crate::engine::Flow;
use crate::tracee::Stopped;

/// The region in the present program image.
pub(super) struct Home {
    pub(super) region: Region,
    pub(super) cache: Cache,
    /// Where the log begins that was not absorbed yet.
    pub(super) unread: u64,
    pub(super) superblocks: Superblocks,
    /// Where the program has a `syscall` instruction.
    pub(super) syscall_at: u64,
    pub(super) trusted: Trusted,
}

impl Translate {
    /// Makes sure that the present program image has a region, if it can.
    pub(super) fn settle(&mut self, stopped: &mut Stopped) -> Flow<()> {
        let image = self.step.code.image();
        if self.image == Some(image) || self.step.in_syscall {
            return Ok(());
        }
        self.image = Some(image);
        self.home = None;
        let rec = &self.step.rec;
        let vdso = rec.space.iter().find(|m| m.name == b"[vdso]").map(|m| m.start..m.end);
        let at = vdso.and_then(|range| Region::find_syscall(&rec.memory, range));
        let region = match at {
            Some(at) => Region::map(stopped, &rec.memory, at)?.map(|region| (region, at)),
            None => None,
        };
        let Some((mut region, syscall_at)) = region else {
            self.step
                .rec
                .warn_once("no room for a code cache in the program: every instruction is stepped");
            return Ok(());
        };
        let decoder = self.step.code.decoder_options();
        let layout = region.layout;
        self.step.rec.own = vec![layout.all()];
        self.step.code.pages.clear();
        write_tables(&mut region.memory);
        self.home = Cache::new(layout, decoder, &mut region.memory).ok().map(|cache| Home {
            region,
            cache,
            unread: layout.ring(),
            superblocks: Superblocks::default(),
            syscall_at,
            trusted: Trusted::default(),
        });
        Ok(())
    }

    /// Retires translations of code that changed, and forgets all where there is no
    /// room for more.
    pub(super) fn drop_changed_code(&mut self) -> Flow<()> {
        let changed = std::mem::take(&mut self.step.rec.touched);
        if !changed.is_empty() {
            self.has_aliases = self.step.rec.has_aliases();
        }
        changed.iter().for_each(|range| self.step.code.pages.forget(range));
        let Some(home) = &mut self.home else { return Ok(()) };
        for range in &changed {
            home.cache.retire_all(range, &mut home.region.memory);
        }
        if home.cache.is_full() {
            let cleared = home.cache.clear(&mut home.region.memory);
            cleared.map_err(|_| std::io::Error::other("the code cache cannot be written"))?;
            home.superblocks = Superblocks::default();
        }
        Ok(())
    }
}
