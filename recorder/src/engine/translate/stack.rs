//! Growing stacks: no stack grows while the program runs in the cache.
//!
//! The kernel grows a stack when an instruction touches the pages below it, and
//! tells nobody. It does so only up to RLIMIT_STACK (`acct_stack_growth`,
//! mm/vma.c), and raises SIGSEGV beyond. With a limit of zero in the cache, an
//! instruction that grows a stack faults there, and is stepped without it: so the
//! growth is noticed at its own tracepoint.

use super::Translate;
use crate::tracee::{ResourceLimit, Stopped};

impl Translate {
    /// Before the program runs in the cache.
    pub(super) fn hold_stack(&mut self, stopped: &Stopped) {
        let Some(own) = stopped.stack_limit() else { return };
        let held = ResourceLimit { soft: 0, ..own };
        if stopped.set_stack_limit(held) {
            self.stack_limit = Some(own);
        }
    }

    /// Gives the program its limit back.
    pub(super) fn free_stack(&mut self, stopped: &Stopped) {
        if let Some(own) = self.stack_limit.take() {
            stopped.set_stack_limit(own);
        }
    }
}
