//! A trace that is truncated while it is open: reading past its new end raises
//! SIGBUS (mmap(2)). The binaries say so instead of dying without a word.

/// Exit status after a SIGBUS.
pub const EXIT: i32 = 7;

const MESSAGE: &[u8] =
    b"rdb-explore: the trace file was truncated or cannot be read any more (SIGBUS)\n";

/// Installs a handler that writes one line to stderr and exits with [`EXIT`].
#[cfg(unix)]
pub fn install() {
    // SAFETY: an all-zero sigaction is valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handle as *const () as libc::sighandler_t;
    // SAFETY: the handler only calls functions that are async-signal-safe
    // (signal-safety(7)), and `action` outlives the call.
    unsafe { libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()) };
}

/// Nothing to install: the platform has no SIGBUS.
#[cfg(not(unix))]
pub fn install() {}

#[cfg(unix)]
extern "C" fn handle(_: libc::c_int) {
    // SAFETY: write(2) and _exit(2) are async-signal-safe; the bytes are static.
    unsafe {
        libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
        libc::_exit(EXIT);
    }
}
