//! The raw calls of the ptrace layer; nothing outside `tracee` uses them.

use libc::{c_int, c_long, c_uint, c_void, pid_t};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};

/// NT_X86_XSTATE (linux/elf.h): the XSAVE area.
const NT_X86_XSTATE: usize = 0x202;

fn check(result: c_long) -> io::Result<c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A ptrace request whose arguments are plain numbers.
fn request(request: c_uint, pid: pid_t, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: the requests passed here take numbers, not pointers into this
    // process; the kernel checks pid and state.
    check(unsafe { libc::ptrace(request, pid, address, data) }).map(drop)
}

/// PTRACE_SEIZE with `options`.
pub fn seize(pid: pid_t, options: c_int) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, pid, 0, options as usize)
}

/// PTRACE_SINGLESTEP, PTRACE_SYSCALL, PTRACE_CONT, PTRACE_LISTEN or
/// PTRACE_DETACH, delivering `signal` (0: none).
pub fn resume(how: c_uint, pid: pid_t, signal: c_int) -> io::Result<()> {
    request(how, pid, 0, signal as usize)
}

/// Writes a debug register of the tracee (`struct user`, sys/user.h).
pub fn set_debug_register(pid: pid_t, number: usize, value: u64) -> io::Result<()> {
    let offset = std::mem::offset_of!(libc::user, u_debugreg) + number * 8;
    request(libc::PTRACE_POKEUSER, pid, offset, value as usize)
}

/// Sets orig_rax: the number of the syscall that is being entered.
pub fn set_original_rax(pid: pid_t, value: u64) -> io::Result<()> {
    let offset = std::mem::offset_of!(libc::user, regs)
        + std::mem::offset_of!(libc::user_regs_struct, orig_rax);
    request(libc::PTRACE_POKEUSER, pid, offset, value as usize)
}

/// Sets rax.
pub fn set_rax(pid: pid_t, value: u64) -> io::Result<()> {
    let offset =
        std::mem::offset_of!(libc::user, regs) + std::mem::offset_of!(libc::user_regs_struct, rax);
    request(libc::PTRACE_POKEUSER, pid, offset, value as usize)
}

/// A duplicate of a tracee's descriptor, of the same open file description
/// (pidfd_getfd(2)).
pub fn share_descriptor(pid: pid_t, descriptor: c_int) -> io::Result<File> {
    // SAFETY: pidfd_open takes numbers.
    let process = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the descriptor was just made, and nobody else knows it.
    let process = unsafe { OwnedFd::from_raw_fd(process as c_int) };
    // SAFETY: pidfd_getfd takes numbers.
    let shared =
        unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), descriptor, 0) };
    // SAFETY: the descriptor was just made, and nobody else knows it.
    check(shared).map(|shared| unsafe { File::from_raw_fd(shared as c_int) })
}

/// PTRACE_GETREGS.
pub fn registers(pid: pid_t) -> io::Result<libc::user_regs_struct> {
    let mut registers = std::mem::MaybeUninit::<libc::user_regs_struct>::uninit();
    // SAFETY: the kernel fills exactly one user_regs_struct at the pointer, and
    // only then reports success.
    unsafe {
        check(libc::ptrace(libc::PTRACE_GETREGS, pid, 0usize, registers.as_mut_ptr()))?;
        Ok(registers.assume_init())
    }
}

/// PTRACE_SETREGS.
pub fn set_registers(pid: pid_t, registers: &libc::user_regs_struct) -> io::Result<()> {
    // SAFETY: the kernel reads exactly one user_regs_struct at the pointer.
    check(unsafe { libc::ptrace(libc::PTRACE_SETREGS, pid, 0usize, &raw const *registers) })?;
    Ok(())
}

/// PTRACE_GETREGSET of the XSAVE area into `buffer`; its length.
pub fn xstate(pid: pid_t, buffer: &mut [u8]) -> io::Result<usize> {
    let mut area =
        libc::iovec { iov_base: buffer.as_mut_ptr().cast::<c_void>(), iov_len: buffer.len() };
    // SAFETY: the iovec describes `buffer`, which outlives the call.
    check(unsafe { libc::ptrace(libc::PTRACE_GETREGSET, pid, NT_X86_XSTATE, &raw mut area) })?;
    Ok(area.iov_len)
}

/// PTRACE_SETREGSET of the XSAVE area, which [`xstate`] gave.
pub fn set_xstate(pid: pid_t, area: &mut [u8]) -> io::Result<()> {
    let mut area =
        libc::iovec { iov_base: area.as_mut_ptr().cast::<c_void>(), iov_len: area.len() };
    // SAFETY: the iovec describes `area`, which outlives the call.
    check(unsafe { libc::ptrace(libc::PTRACE_SETREGSET, pid, NT_X86_XSTATE, &raw mut area) })?;
    Ok(())
}

/// The process's RLIMIT_STACK, made `new` if that is given; as it was before.
pub fn stack_limit(pid: pid_t, new: Option<&libc::rlimit>) -> io::Result<libc::rlimit> {
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the kernel reads at most one rlimit, and writes one to `old`.
    let result = unsafe { libc::prlimit(pid, libc::RLIMIT_STACK, new, &raw mut old) };
    check(result.into())?;
    Ok(old)
}

/// PTRACE_GETSIGINFO, as raw bytes.
pub fn siginfo(pid: pid_t) -> io::Result<[u8; 128]> {
    let mut info = [0u8; 128];
    const { assert!(size_of::<libc::siginfo_t>() == 128) }
    // SAFETY: the kernel writes one siginfo_t, which is 128 bytes.
    check(unsafe { libc::ptrace(libc::PTRACE_GETSIGINFO, pid, 0usize, info.as_mut_ptr()) })?;
    Ok(info)
}

/// PTRACE_SETSIGINFO, as raw bytes.
pub fn set_siginfo(pid: pid_t, info: &[u8; 128]) -> io::Result<()> {
    // SAFETY: the kernel reads one siginfo_t, which is 128 bytes.
    check(unsafe { libc::ptrace(libc::PTRACE_SETSIGINFO, pid, 0usize, info.as_ptr()) })?;
    Ok(())
}

/// PTRACE_GETSIGMASK and PTRACE_SETSIGMASK (linux/ptrace.h), which libc lacks;
/// their `addr` is the size of the kernel's sigset_t.
const PTRACE_GETSIGMASK: c_uint = 0x420a;
const PTRACE_SETSIGMASK: c_uint = 0x420b;

/// The tracee's blocked signals.
pub fn signal_mask(pid: pid_t) -> io::Result<u64> {
    let mut mask = 0u64;
    // SAFETY: the kernel writes eight bytes, as the size says.
    check(unsafe { libc::ptrace(PTRACE_GETSIGMASK, pid, size_of::<u64>(), &raw mut mask) })?;
    Ok(mask)
}

/// Sets the tracee's blocked signals.
pub fn set_signal_mask(pid: pid_t, mask: u64) -> io::Result<()> {
    // SAFETY: the kernel reads eight bytes, as the size says.
    check(unsafe { libc::ptrace(PTRACE_SETSIGMASK, pid, size_of::<u64>(), &raw const mask) })?;
    Ok(())
}

/// PTRACE_GETEVENTMSG.
pub fn event_message(pid: pid_t) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the kernel writes one unsigned long.
    check(unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, pid, 0usize, &raw mut message) })?;
    Ok(message)
}

/// waitpid(2) for this child, whatever it does; its raw status.
pub fn wait(pid: pid_t) -> io::Result<c_int> {
    let mut status = 0;
    loop {
        // SAFETY: waitpid writes one int.
        let found = unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) };
        if found == pid {
            return Ok(status);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// process_vm_readv(2): bytes read, which may be fewer than asked for.
pub fn read_memory(pid: pid_t, address: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let local =
        libc::iovec { iov_base: buffer.as_mut_ptr().cast::<c_void>(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: buffer.len() };
    // SAFETY: `local` describes `buffer`; `remote` is only read by the kernel,
    // in the other process.
    let count =
        unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    check(count as c_long).map(|count| count as usize)
}

/// What [`fork`] returned.
pub enum Fork {
    /// In the parent: the child's pid.
    Parent(pid_t),
    /// In the child.
    Child,
}

/// fork(2).
///
/// # Safety
/// The caller has one thread, or the child calls only async-signal-safe
/// functions until it execs.
pub unsafe fn fork() -> io::Result<Fork> {
    // SAFETY: promised by the caller.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// _exit(2), running no destructors.
pub fn exit_now(status: c_int) -> ! {
    // SAFETY: has no preconditions.
    unsafe { libc::_exit(status) }
}

/// execve(2) with NUL-terminated strings; returns only on failure.
pub fn exec(path: &std::ffi::CStr, arguments: &[std::ffi::CString]) -> io::Error {
    let mut pointers: Vec<*const libc::c_char> = arguments.iter().map(|a| a.as_ptr()).collect();
    pointers.push(null_mut());
    // SAFETY: both arrays end with a null pointer and outlive the call; environ
    // is not changed by this process.
    unsafe {
        libc::execve(path.as_ptr(), pointers.as_ptr(), libc::environ as *const *const libc::c_char);
    }
    io::Error::last_os_error()
}

/// Sets the disposition of `signal` to SIG_IGN or SIG_DFL.
pub fn set_disposition(signal: c_int, ignore: bool) {
    let handler = if ignore { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: both are valid dispositions and run no code of ours.
    unsafe { libc::signal(signal, handler) };
}

static PROGRAM: AtomicI32 = AtomicI32::new(0);

/// Passes a signal on to the program.
extern "C" fn forward(signal: c_int) {
    // SAFETY: kill is async-signal-safe (signal-safety(7)).
    unsafe { libc::kill(PROGRAM.load(Ordering::Relaxed), signal) };
}

/// From now on, what the terminal sends to both is for the program `pid` alone,
/// and requests to end are passed on to it.
pub fn stand_aside(pid: pid_t) {
    PROGRAM.store(pid, Ordering::Relaxed);
    set_disposition(libc::SIGINT, true);
    set_disposition(libc::SIGQUIT, true);
    let handler = forward as *const () as libc::sighandler_t;
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2] {
        // SAFETY: the handler is async-signal-safe and has the right type.
        unsafe { libc::signal(signal, handler) };
    }
}

/// kill(2).
pub fn kill(pid: pid_t, signal: c_int) -> io::Result<()> {
    // SAFETY: has no memory preconditions.
    check(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

/// personality(2) with `flag` added to the current one.
pub fn add_personality(flag: c_int) -> io::Result<()> {
    // SAFETY: 0xffffffff asks for the current value; neither call touches memory.
    let current = check(unsafe { libc::personality(0xffff_ffff) }.into())?;
    // SAFETY: as above.
    check(unsafe { libc::personality((current as c_int | flag) as libc::c_ulong) }.into()).map(drop)
}

/// A CPU set as the kernel sees it, for one thread (sched_setaffinity(2)).
#[derive(Clone, Copy)]
pub struct CpuSet(libc::cpu_set_t);

impl CpuSet {
    /// Where `pid` (0: this thread) may run.
    pub fn of(pid: pid_t) -> io::Result<Self> {
        // SAFETY: all zeros is an empty cpu_set_t.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: the size is that of the set written to.
        let result = unsafe { libc::sched_getaffinity(pid, size_of_val(&set), &raw mut set) };
        check(result.into()).map(|_| Self(set))
    }

    /// The CPUs in it.
    pub fn cpus(&self) -> Vec<usize> {
        // SAFETY: the index is below the set's size.
        (0..libc::CPU_SETSIZE as usize)
            .filter(|c| unsafe { libc::CPU_ISSET(*c, &self.0) })
            .collect()
    }

    /// A set of these CPUs.
    pub fn new(cpus: &[usize]) -> Self {
        // SAFETY: all zeros is an empty cpu_set_t.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        for cpu in cpus.iter().filter(|c| **c < libc::CPU_SETSIZE as usize) {
            // SAFETY: the index is below the set's size.
            unsafe { libc::CPU_SET(*cpu, &mut set) };
        }
        Self(set)
    }

    /// Makes `pid` (0: this thread) run on these CPUs only.
    pub fn apply(&self, pid: pid_t) -> io::Result<()> {
        // SAFETY: the size is that of the set read from.
        let result =
            unsafe { libc::sched_setaffinity(pid, size_of_val(&self.0), &raw const self.0) };
        check(result.into()).map(drop)
    }

    /// The set's bytes, as sched_getaffinity(2) writes them.
    pub fn bytes(&self) -> &[u8] {
        let start = (&raw const self.0).cast::<u8>();
        // SAFETY: cpu_set_t is plain integers without padding, alive as long as self.
        unsafe { std::slice::from_raw_parts(start, size_of_val(&self.0)) }
    }
}
