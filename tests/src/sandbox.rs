//! Changes to a command that take effect in the child, before it executes its program.

use std::io::{Error, Result};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Switches address-space randomisation off, as a recording does.
pub fn fix_addresses(command: &mut Command) {
    let switch = || -> Result<()> {
        // SAFETY: personality takes and returns a number, and is async-signal-safe.
        let old = unsafe { libc::personality(0xffff_ffff) };
        let new =
            libc::c_ulong::from(old.cast_unsigned()) | libc::ADDR_NO_RANDOMIZE as libc::c_ulong;
        // SAFETY: as above.
        check(unsafe { libc::personality(new) })
    };
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(switch) };
}

/// Lets every `ptrace` call of the child fail with EPERM.
pub fn forbid_ptrace(command: &mut Command) {
    let install = || -> Result<()> {
        let mut filter = ptrace_filter();
        let length = u16::try_from(filter.len()).unwrap_or(0);
        let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
        // SAFETY: PR_SET_NO_NEW_PRIVS takes numbers only.
        check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
        let mode = libc::SECCOMP_MODE_FILTER;
        // SAFETY: `program` and the filter it points to live until the call returns.
        check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) })
    };
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(install) };
}

/// Gives the child a descriptor of that number, open for reading on `/dev/null`.
pub fn open_descriptor(command: &mut Command, number: i32) {
    let open = move || -> Result<()> {
        // SAFETY: the path is a C string; open and dup2 are async-signal-safe.
        let fd = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY) };
        check(fd)?;
        // SAFETY: dup2 takes numbers only.
        check(unsafe { libc::dup2(fd, number) })?;
        if fd == number {
            return Ok(());
        }
        // SAFETY: `fd` was opened above and is used no more.
        check(unsafe { libc::close(fd) })
    };
    // SAFETY: the closure makes system calls only and allocates nothing.
    unsafe { command.pre_exec(open) };
}

/// Lets the child start with a signal ignored and another one blocked.
pub fn unusual_signals(command: &mut Command, ignored: i32, blocked: i32) {
    let set = move || -> Result<()> {
        // SAFETY: SIG_IGN is a valid disposition.
        if unsafe { libc::signal(ignored, libc::SIG_IGN) } == libc::SIG_ERR {
            return Err(Error::last_os_error());
        }
        // SAFETY: an all-zero sigset_t is a valid, empty set, and lives through both calls.
        unsafe {
            let mut mask: libc::sigset_t = std::mem::zeroed();
            libc::sigaddset(&raw mut mask, blocked);
            check(libc::sigprocmask(libc::SIG_BLOCK, &raw const mask, std::ptr::null_mut()))
        }
    };
    // SAFETY: the closure makes system calls only and allocates nothing.
    unsafe { command.pre_exec(set) };
}

/// One of the processors that this process may run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cpu {
    /// The lowest-numbered.
    First,
    /// The highest-numbered.
    Last,
}

/// Lets the child run on one processor only.
pub fn pin(command: &mut Command, cpu: Cpu) {
    // SAFETY: an all-zero cpu_set_t is a valid, empty set.
    let mut allowed: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: the set lives through the call, and `size` is its size.
    unsafe { libc::sched_getaffinity(0, size, &raw mut allowed) };
    // SAFETY: the numbers are below the set's capacity.
    let mut numbers = (0..1024).filter(|number| unsafe { libc::CPU_ISSET(*number, &allowed) });
    let number = if cpu == Cpu::First { numbers.next() } else { numbers.next_back() };
    let number = number.unwrap_or(0);
    let set = move || -> Result<()> {
        // SAFETY: an all-zero set is valid, `number` is below its capacity, and the set lives
        // through the call.
        check(unsafe {
            let mut wanted: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(number, &mut wanted);
            libc::sched_setaffinity(0, size, &raw const wanted)
        })
    };
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe { command.pre_exec(set) };
}

fn check(result: libc::c_int) -> Result<()> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

/// seccomp(2): load the call's number, compare with ptrace's, refuse or allow.
fn ptrace_filter() -> [libc::sock_filter; 4] {
    let number = u32::try_from(libc::SYS_ptrace).unwrap_or(u32::MAX);
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, refuse),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
