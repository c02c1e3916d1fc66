//! A traced child that executes what it is given, one instruction at a time.

use super::xstate::Layout;
use rdb_schema::registers::Registers;
use std::ffi::c_void;
use std::ptr::{null_mut, slice_from_raw_parts_mut};

/// Where code is placed; low, so that 32-bit addresses reach everything.
pub const CODE: u64 = 0x1000_0000;
/// Where data is.
pub const SCRATCH: u64 = CODE + 0x1_0000;
/// Bytes of it.
pub const SCRATCH_BYTES: usize = 0x6000;

const MAPPED: usize = 0x1_0000 + SCRATCH_BYTES;
const NT_X86_XSTATE: usize = 0x202;
const REPETITIONS: u32 = 64;

/// How a step ended.
pub enum Stop {
    /// With a signal: it faulted, or did not finish.
    Signal,
    /// Done: the registers as they were really set, and afterwards.
    Done(Box<Registers>, Box<Registers>),
}

pub struct Child {
    pid: libc::pid_t,
    layout: Layout,
    regs: libc::user_regs_struct,
    xstate: Vec<u8>,
}

impl Child {
    pub fn start() -> Result<Self, String> {
        map_shared()?;
        pin();
        // SAFETY: the child calls only async-signal-safe functions.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: as above; it never returns into Rust code.
            unsafe { wait_to_be_driven() }
        }
        if pid < 0 || wait(pid) != Some(libc::SIGSTOP) {
            return Err("ptrace is not permitted, or fork failed".into());
        }
        // SAFETY: plain integers, for which zero is a value.
        let regs = unsafe { std::mem::zeroed() };
        let mut child = Self { pid, layout: Layout::of_cpu(), regs, xstate: vec![0; 16384] };
        child.read_regs();
        child.regs.orig_rax = u64::MAX;
        child.read_xstate();
        Ok(child)
    }

    /// The data page, in both processes.
    pub fn scratch(&mut self) -> &mut [u8] {
        let data = slice_from_raw_parts_mut(SCRATCH as *mut u8, SCRATCH_BYTES);
        // SAFETY: mapped for the life of the process, and the child, the only
        // other user, is stopped whenever this is called.
        unsafe { &mut *data }
    }

    /// Executes one instruction (all iterations of it, if it repeats).
    pub fn step(&mut self, code: &[u8; 15], before: &Registers, repeats: bool) -> Stop {
        // SAFETY: mapped writable; the child is stopped.
        unsafe {
            std::ptr::write_bytes(CODE as *mut u8, 0x90, 32);
            std::ptr::copy_nonoverlapping(code.as_ptr(), CODE as *mut u8, code.len());
        }
        self.write(before);
        let settled = Box::new(self.read());
        for _ in 0..if repeats { REPETITIONS } else { 1 } {
            self.ptrace(libc::PTRACE_SINGLESTEP, 0, null_mut());
            if wait(self.pid) != Some(libc::SIGTRAP) {
                return Stop::Signal;
            }
            self.read_regs();
            if !repeats || self.regs.rip != CODE {
                return Stop::Done(settled, Box::new(self.read()));
            }
        }
        Stop::Signal
    }

    fn read(&mut self) -> Registers {
        self.read_regs();
        self.read_xstate();
        let mut registers = self.layout.read(&self.xstate);
        let r = &self.regs;
        registers.gpr = [
            r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11,
            r.r12, r.r13, r.r14, r.r15,
        ];
        (registers.rip, registers.rflags) = (r.rip, r.eflags);
        (registers.fs_base, registers.gs_base) = (r.fs_base, r.gs_base);
        registers
    }

    fn write(&mut self, registers: &Registers) {
        let r = &mut self.regs;
        [
            r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11,
            r.r12, r.r13, r.r14, r.r15,
        ] = registers.gpr;
        (r.rip, r.eflags) = (CODE, registers.rflags);
        (r.fs_base, r.gs_base) = (registers.fs_base, registers.gs_base);
        r.orig_rax = u64::MAX;
        let regs = (&raw mut self.regs).cast();
        self.ptrace(libc::PTRACE_SETREGS, 0, regs);
        self.layout.write(registers, &mut self.xstate);
        let mut io = self.xstate_io();
        self.ptrace(libc::PTRACE_SETREGSET, NT_X86_XSTATE, (&raw mut io).cast());
    }

    fn read_regs(&mut self) {
        let regs = (&raw mut self.regs).cast();
        self.ptrace(libc::PTRACE_GETREGS, 0, regs);
    }

    fn read_xstate(&mut self) {
        let mut io = self.xstate_io();
        self.ptrace(libc::PTRACE_GETREGSET, NT_X86_XSTATE, (&raw mut io).cast());
        self.xstate.truncate(io.iov_len);
    }

    fn xstate_io(&mut self) -> libc::iovec {
        libc::iovec { iov_base: self.xstate.as_mut_ptr().cast(), iov_len: self.xstate.len() }
    }

    fn ptrace(&self, request: libc::c_uint, addr: usize, data: *mut c_void) {
        // SAFETY: `data` points to what the request reads or writes, in full.
        let done = unsafe { libc::ptrace(request, self.pid, addr, data) };
        assert!(done == 0, "ptrace {request}: {}", std::io::Error::last_os_error());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: our own child, reaped here.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, null_mut(), 0);
        }
    }
}

fn map_shared() -> Result<(), String> {
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: replaces no mapping, thanks to MAP_FIXED_NOREPLACE.
    let at = unsafe { libc::mmap(CODE as *mut c_void, MAPPED, protection, flags, -1, 0) };
    if at as u64 == CODE { Ok(()) } else { Err("no memory at the wanted address".into()) }
}

/// Parent and child on one CPU: a step is three times faster.
fn pin() {
    // SAFETY: sets this thread's affinity from a set on the stack.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu().max(0) as usize, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}

/// The child's side.
///
/// # Safety
/// Only in a fresh fork.
unsafe fn wait_to_be_driven() -> ! {
    // SAFETY: async-signal-safe calls.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) == 0 {
            libc::raise(libc::SIGSTOP);
        }
        libc::_exit(1)
    }
}

/// The signal the child stopped with; `None` if it ended.
fn wait(pid: libc::pid_t) -> Option<i32> {
    let mut status = 0;
    // SAFETY: writes one integer.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    (waited == pid && libc::WIFSTOPPED(status)).then(|| libc::WSTOPSIG(status))
}
