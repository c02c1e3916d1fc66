//! Which system calls the program may make in the cache without asking.

use super::Translate;
use super::layout::{DESCRIPTORS, slot};
use crate::os::Entered;
use crate::os::call_traits::{KEEPS_FILES, LATE, READS, WRITES, traits};
use crate::tracee::SharedMemory;

/// The descriptors that may be read and written without asking.
#[derive(Default)]
pub struct Trusted(Vec<u16>);

impl Trusted {
    /// Adds one.
    pub fn add(&mut self, descriptor: u16, memory: &mut SharedMemory) {
        if !self.0.contains(&descriptor) {
            self.0.push(descriptor);
            memory.write(DESCRIPTORS + usize::from(descriptor), &[1]);
        }
    }

    /// Leaves out those that `keep` does not want.
    pub fn retain(&mut self, memory: &mut SharedMemory, keep: impl Fn(u16) -> bool) {
        self.0.retain(|descriptor| {
            let kept = keep(*descriptor);
            if !kept {
                memory.write(DESCRIPTORS + usize::from(*descriptor), &[0]);
            }
            kept
        });
    }
}

impl Translate {
    /// The program enters the cache: says which calls it may make there without asking.
    pub(super) fn trust_calls(&mut self) {
        self.review_trusted();
        let trusted = self.may_call_in_cache();
        if let Some(home) = &mut self.home {
            home.keep(slot::TRUSTED, trusted.into());
        }
    }

    /// Whether the kernel has the program's own signal mask, and nobody looks at where
    /// its system calls come from.
    pub(super) fn may_call_in_cache(&self) -> bool {
        let rec = &self.step.rec;
        !self.hides_segv && rec.trap_mask.missing() == 0 && !rec.calls_are_judged
    }

    /// Leaves out descriptors that `call` may have made others.
    pub(super) fn follow_trusted(&mut self, call: &Entered) {
        const MMAP: u64 = libc::SYS_mmap as u64;
        const CLOSE: u64 = libc::SYS_close as u64;
        let closed = call.argument(0) & 0xffff_ffff;
        match call.number() {
            CLOSE => {
                let Some(home) = &mut self.home else { return };
                home.trusted.retain(&mut home.region.memory, |d| u64::from(d) != closed);
            }
            MMAP => self.review_trusted(),
            number if traits(number) & KEEPS_FILES == 0 => self.review_trusted(),
            _ => {}
        }
    }

    /// Leaves out descriptors that are none to trust any more.
    pub(super) fn review_trusted(&mut self) {
        let Some(home) = &mut self.home else { return };
        let rec = &self.step.rec;
        home.trusted.retain(&mut home.region.memory, |descriptor| rec.may_trust(descriptor));
    }

    /// Lets the descriptor be read or written without asking, from the next call on.
    pub(super) fn trust(&mut self, call: &Entered) {
        let uses_file =
            traits(call.number()) & LATE != 0 && traits(call.number()) & (READS | WRITES) != 0;
        let Ok(descriptor) = u16::try_from(call.argument(0) & 0xffff_ffff) else { return };
        if uses_file
            && let Some(home) = &mut self.home
            && self.step.rec.may_come_to_trust(descriptor)
        {
            home.trusted.add(descriptor, &mut home.region.memory);
        }
    }
}
