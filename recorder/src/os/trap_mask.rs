//! SIGTRAP in the program's signal mask. A single step's trap is forced: where
//! SIGTRAP is blocked, the kernel unblocks it and takes its handler away
//! (`force_sig_info_to_task`, kernel/signal.c). So it is never blocked while
//! stepping, and put back whenever the kernel is about to look at the mask.

use crate::tracee::{Gone, Stopped};

const SIGTRAP: u64 = 1 << (libc::SIGTRAP - 1);

/// Whether the program has SIGTRAP blocked, as far as it knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrapMask {
    hidden: bool,
}

impl TrapMask {
    /// The bits missing from the kernel's mask.
    pub fn missing(self) -> u64 {
        if self.hidden { SIGTRAP } else { 0 }
    }

    /// Gives the kernel the program's mask: before a syscall, a signal, a detach.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn reveal(&mut self, stopped: &Stopped) -> Result<(), Gone> {
        if std::mem::take(&mut self.hidden) {
            let mask = stopped.signal_mask()?;
            stopped.set_signal_mask(mask | SIGTRAP)?;
        }
        Ok(())
    }

    /// Takes SIGTRAP out of the mask before stepping goes on.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn hide(&mut self, stopped: &Stopped) -> Result<(), Gone> {
        let mask = stopped.signal_mask()?;
        self.hidden = mask & SIGTRAP != 0;
        if self.hidden {
            stopped.set_signal_mask(mask & !SIGTRAP)?;
        }
        Ok(())
    }
}
