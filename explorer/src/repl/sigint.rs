//! Ctrl-C stops a question, not the explorer; of a script, what follows the question as well.

use crate::session::Interrupt;
use std::sync::OnceLock;

/// What SIGINT does.
struct OnSigint {
    interrupt: Interrupt,
    /// Whether a second one, before the first was heeded, ends the explorer.
    ends: bool,
}

/// Exit status of a program that SIGINT ended, as shells give it.
const ENDED: libc::c_int = 128 + libc::SIGINT;

static ON_SIGINT: OnceLock<OnSigint> = OnceLock::new();

extern "C" fn handler(_: libc::c_int) {
    // Only atomic loads and stores, and _exit: allowed in a handler (signal-safety(7)).
    if let Some(OnSigint { interrupt, ends }) = ON_SIGINT.get() {
        if *ends && interrupt.raised() {
            // SAFETY: _exit may be called anywhere; answers are written out after each command.
            unsafe { libc::_exit(ENDED) };
        }
        interrupt.raise();
    }
}

/// Makes SIGINT raise `interrupt`, from now on, and where `ends`, of a script, a second one end
/// the explorer. Only the first call counts.
pub fn install(interrupt: &Interrupt, ends: bool) {
    if ON_SIGINT.set(OnSigint { interrupt: interrupt.clone(), ends }).is_err() {
        return;
    }
    let handler = handler as extern "C" fn(libc::c_int);
    // SAFETY: an all-zero sigaction is valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` is initialised, and its handler does what handlers may.
    // A failure leaves the default: Ctrl-C ends the explorer.
    unsafe { libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut()) };
}
