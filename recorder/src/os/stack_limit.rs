//! Growing stacks: no stack grows while the program runs in the cache.
//!
//! The kernel grows a stack when an instruction touches the pages below it, and
//! tells nobody. It does so only up to RLIMIT_STACK (`acct_stack_growth`,
//! mm/vma.c), and raises SIGSEGV beyond. With a limit of zero in the cache, an
//! instruction that grows a stack faults there, and is stepped without it: so the
//! growth is noticed at its own tracepoint.

use super::Entered;
use super::call_traits::{self, FREE_OF_STACK, READS};
use crate::recording::Recording;
use crate::tracee::{ResourceLimit, Stopped, sys};

/// The program's limit of its stack.
#[derive(Debug, Default)]
pub struct StackLimit {
    /// Its own, while a lower one is in force.
    own: Option<ResourceLimit>,
}

impl StackLimit {
    /// Lets no stack grow from now on.
    pub fn hold(&mut self, stopped: &Stopped) {
        if self.own.is_some() {
            return;
        }
        let Some(own) = stopped.stack_limit() else { return };
        if stopped.set_stack_limit(ResourceLimit { soft: 0, ..own }) {
            self.own = Some(own);
        }
    }

    /// Gives the program its limit back: before anything that grows a stack, or shows
    /// or inherits the limit.
    pub fn free(&mut self, stopped: &Stopped) {
        self.free_process(stopped.pid());
    }

    /// The same for a process that need not be stopped. Where somebody else set a limit
    /// meanwhile, that stays.
    pub fn free_process(&mut self, pid: libc::pid_t) {
        let Some(own) = self.own.take() else { return };
        let Ok(now) = sys::stack_limit(pid, None) else { return };
        if now.rlim_cur == 0 {
            let limit = libc::rlimit { rlim_cur: own.soft.min(now.rlim_max), ..now };
            // The process may be gone.
            let _ = sys::stack_limit(pid, Some(&limit));
        }
    }
}

/// Arguments below are no addresses (mmap_min_addr).
pub(super) const LOWEST: u64 = 0x1_0000;

impl Recording {
    /// Whether the kernel does not look at the stack's limit during `call`: no address
    /// it is given can be one that a stack would have to grow to.
    pub fn is_indifferent_to_stack(&mut self, call: &Entered) -> bool {
        let traits = call_traits::traits(call.number());
        if traits & FREE_OF_STACK == 0 {
            return false;
        }
        if traits & READS != 0
            && self.open_files.get(self.pid, call.argument(0) as i32).in_proc.is_some()
        {
            return false;
        }
        (0..6).map(|index| call.argument(index)).all(|argument| {
            argument < LOWEST || argument.cast_signed() < 0 || self.space.find(argument).is_some()
        })
    }
}
