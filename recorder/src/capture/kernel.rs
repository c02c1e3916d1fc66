//! The system calls nix has no safe form of: kcmp(2) and PTRACE_PEEKSIGINFO.

use std::cmp::Ordering;

use rdb_schema::event::SIGINFO_BYTES;

/// KCMP_FILE (linux/kcmp.h).
const KCMP_FILE: libc::c_long = 0;

/// PTRACE_PEEKSIGINFO_SHARED (linux/ptrace.h): the process-wide queue.
const SHARED_QUEUE: u32 = 1;

/// Signals fetched with one call.
const BATCH: usize = 16;

/// Signals kept of one queue; RLIMIT_SIGPENDING allows more on large machines.
const MAX_QUEUED: usize = 4096;

/// How two descriptors of a process stand in the kernel's order of open file
/// descriptions; `None` if the kernel does not tell.
pub(super) fn compare_files(pid: u32, left: i32, right: i32) -> Option<Ordering> {
    let pid = libc::c_long::from(libc::pid_t::try_from(pid).ok()?);
    let (left, right) = (libc::c_long::from(left), libc::c_long::from(right));
    // SAFETY: kcmp takes numbers only and changes nothing.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, pid, pid, KCMP_FILE, left, right) };
    match order {
        0 => Some(Ordering::Equal),
        1 => Some(Ordering::Less),
        2 => Some(Ordering::Greater),
        _ => None,
    }
}

/// The pending signals of a ptrace-stopped thread, oldest first: one `siginfo_t`
/// after the other, of its own queue or the process's. Empty if the thread is
/// not stopped by this one.
pub(super) fn queued_signals(tid: u32, shared: bool) -> Vec<u8> {
    let mut queue = Vec::new();
    while queue.len() < MAX_QUEUED * SIGINFO_BYTES {
        let taken = queue.len();
        let offset = (taken / SIGINFO_BYTES) as u64;
        queue.resize(taken + BATCH * SIGINFO_BYTES, 0);
        let found = queue.get_mut(taken..).map_or(0, |room| peek(tid, shared, offset, room));
        queue.truncate(taken + found * SIGINFO_BYTES);
        if found < BATCH {
            break;
        }
    }
    queue
}

/// Fills `room` with signals from `offset` on; how many there were.
fn peek(tid: u32, shared: bool, offset: u64, room: &mut [u8]) -> usize {
    let Ok(tid) = libc::pid_t::try_from(tid) else { return 0 };
    let count = room.len() / SIGINFO_BYTES;
    let arguments = libc::ptrace_peeksiginfo_args {
        off: offset,
        flags: if shared { SHARED_QUEUE } else { 0 },
        nr: i32::try_from(count).unwrap_or(0),
    };
    // SAFETY: the kernel reads the arguments, which live through the call, and
    // writes at most `nr` siginfo_t of 128 bytes, for which `room` has space.
    let found = unsafe {
        libc::ptrace(libc::PTRACE_PEEKSIGINFO, tid, &raw const arguments, room.as_mut_ptr())
    };
    usize::try_from(found).unwrap_or(0).min(count)
}
