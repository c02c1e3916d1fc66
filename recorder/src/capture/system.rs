//! The kernel-side state of a stopped process.

use rdb_schema::event::SIGINFO_BYTES;
use rdb_schema::system::{Action, SignalState, SystemState, ThreadState};

use super::{Status, Tracked, descriptors, error, kernel, limits, status};

/// Threads described of one process.
const MAX_THREADS: usize = 16_384;

/// Everything the kernel keeps for a process and no register or page shows.
///
/// The calling thread must trace the process, and it should be stopped: queued
/// signals are only shown of ptrace-stopped threads. `tid` is one of them; the
/// others are found by /proc. What cannot be read is empty or zero (umask 022).
pub fn system_state(pid: u32, tid: u32, tracked: &Tracked) -> SystemState {
    let own = status::thread_status(pid, tid).unwrap_or_default();
    let path = |name| format!("/proc/{pid}/{name}");
    SystemState {
        working_directory: error::read_link(&path("cwd")).unwrap_or_default(),
        root: error::read_link(&path("root")).unwrap_or_default(),
        umask: own.umask,
        brk: tracked.brk(),
        limits: limits(pid),
        descriptors: descriptors(pid),
        timers: error::read(&path("timers")).unwrap_or_default(),
        signals: signals(&own, tracked),
        threads: threads(pid, tid, &own, tracked),
    }
}

fn signals(status: &Status, tracked: &Tracked) -> SignalState {
    SignalState {
        pending: status.shared_pending,
        ignored: status.ignored,
        caught: status.caught,
        actions: tracked.actions().map(|action| checked(*action, status)).collect(),
    }
}

/// The action with its handler as the kernel's masks have it: a forced signal
/// resets a handler without any system call.
fn checked(mut action: Action, status: &Status) -> Action {
    let bit = 1u64.checked_shl(action.signal.wrapping_sub(1)).unwrap_or(0);
    let known = status.process != 0;
    if status.ignored & bit != 0 {
        action.handler = libc::SIG_IGN as u64;
    } else if known && status.caught & bit == 0 {
        action.handler = libc::SIG_DFL as u64;
    }
    action
}

fn threads(pid: u32, tid: u32, own: &Status, tracked: &Tracked) -> Vec<ThreadState> {
    let others = if own.threads > 1 { thread_ids(pid) } else { Vec::new() };
    let mut threads = vec![thread(tid, own, tracked)];
    for other in others.into_iter().filter(|other| *other != tid) {
        if let Ok(status) = status::thread_status(pid, other) {
            threads.push(thread(other, &status, tracked));
        }
    }
    threads.sort_unstable_by_key(|thread| thread.thread);
    // The process-wide queue is shown once, with the first thread that can show it.
    if own.shared_pending != 0 {
        add_shared_queue(tid, &mut threads);
    }
    threads
}

fn thread_ids(pid: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let names = entries.map_while(Result::ok).map(|entry| entry.file_name());
    names.filter_map(|n| n.to_str()?.parse().ok()).take(MAX_THREADS).collect()
}

fn thread(tid: u32, status: &Status, tracked: &Tracked) -> ThreadState {
    let mut thread = tracked.thread(tid);
    thread.pending = status.pending;
    thread.blocked = status.blocked;
    if status.pending != 0 {
        thread.queued = kernel::queued_signals(tid, false);
    }
    thread
}

/// Puts the process-wide queue before `tid`'s own.
fn add_shared_queue(tid: u32, threads: &mut [ThreadState]) {
    let Some(thread) = threads.iter_mut().find(|thread| thread.thread == tid) else { return };
    let mut queue = kernel::queued_signals(tid, true);
    thread.queued_shared = u32::try_from(queue.len() / SIGINFO_BYTES).unwrap_or(0);
    queue.append(&mut thread.queued);
    thread.queued = queue;
}

#[cfg(test)]
#[path = "system_tests.rs"]
mod tests;
