//! Ctrl-C stops a question, not the explorer; of a script, what follows the question as well.

use crate::session::Interrupt;
use std::sync::OnceLock;

static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();

extern "C" fn on_sigint(_: libc::c_int) {
    // Only atomic loads and stores: allowed in a handler (signal-safety(7)).
    if let Some(interrupt) = INTERRUPT.get() {
        interrupt.raise();
    }
}

/// Makes SIGINT raise `interrupt`, from now on; with `once`, for a script, a second one ends the
/// explorer. Only the first call counts.
pub fn install(interrupt: &Interrupt, once: bool) {
    if INTERRUPT.set(interrupt.clone()).is_err() {
        return;
    }
    let handler = on_sigint as extern "C" fn(libc::c_int);
    // SAFETY: an all-zero sigaction is valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_RESTART | if once { libc::SA_RESETHAND } else { 0 };
    // SAFETY: `action` is initialised, and its handler does what handlers may.
    // A failure leaves the default: Ctrl-C ends the explorer.
    unsafe { libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut()) };
}
