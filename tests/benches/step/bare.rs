//! The bare tracer that the recorder is measured against: PTRACE_SINGLESTEP and PTRACE_GETREGS in
//! a loop, tracer and program on one core, nothing kept.

use rdb_tests::guest::Guest;
use rdb_tests::sandbox::{Cpu, fix_addresses, pin};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What the loop did.
#[derive(Clone, Copy)]
pub struct Bare {
    /// Single steps.
    pub steps: u64,
    /// Seconds they took.
    pub seconds: f64,
}

/// Steps through the first `limit` instructions of a program, then kills it.
pub fn trace(guest: &Guest, limit: u64) -> Bare {
    let mut command = guest.surroundings(Command::new(&guest.program));
    command.args(&guest.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    fix_addresses(&mut command);
    // The tracer's thread is pinned, and only that: it ends with the measurement.
    let thread = std::thread::spawn(move || {
        pin_this_thread();
        start(command, limit)
    });
    thread.join().expect("the bare tracer failed")
}

fn start(mut command: Command, limit: u64) -> Bare {
    pin(&mut command, Cpu::Last);
    let traced = || {
        // SAFETY: PTRACE_TRACEME takes no further arguments.
        let result = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
        if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe { command.pre_exec(traced) };
    let mut child = command.spawn().expect("failed to start the program");
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    assert_eq!(wait(pid), Some(libc::SIGTRAP), "stopped behind exec");
    let result = steps(pid, limit);
    if result.steps == limit {
        child.kill().expect("failed to end the program");
    }
    // Where the loop saw it end, there is nothing left to wait for.
    let _ = child.wait();
    result
}

fn steps(pid: libc::pid_t, limit: u64) -> Bare {
    // SAFETY: an all-zero register file is valid.
    let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    let (mut done, mut signal) = (0, 0);
    let begun = Instant::now();
    while done < limit {
        // SAFETY: `pid` is our tracee in a stop; the request takes a signal number.
        unsafe { libc::ptrace(libc::PTRACE_SINGLESTEP, pid, 0, signal as libc::c_long) };
        let Some(stop) = wait(pid) else { break };
        // SAFETY: PTRACE_GETREGS fills the structure it is given.
        unsafe { libc::ptrace(libc::PTRACE_GETREGS, pid, 0, &raw mut registers) };
        signal = if stop == libc::SIGTRAP { 0 } else { stop };
        done += 1;
    }
    Bare { steps: done, seconds: begun.elapsed().as_secs_f64() }
}

/// Waits for a stop: its signal; `None` when the program is gone.
fn wait(pid: libc::pid_t) -> Option<libc::c_int> {
    let mut status = 0;
    // SAFETY: waitpid fills the status it is given.
    let result = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    (result == pid && libc::WIFSTOPPED(status)).then(|| libc::WSTOPSIG(status))
}

fn pin_this_thread() {
    // SAFETY: an all-zero set is valid and empty, and lives through both calls; the numbers are
    // below its capacity.
    unsafe {
        let size = size_of::<libc::cpu_set_t>();
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size, &raw mut allowed);
        let last = (0..1024).rfind(|cpu| libc::CPU_ISSET(*cpu, &allowed)).unwrap_or(0);
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(last, &mut one);
        libc::sched_setaffinity(0, size, &raw const one);
    }
}
