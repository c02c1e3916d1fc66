//! A safe ptrace layer. A stopped and a running tracee are different types; a
//! transition consumes one and returns the other, so a failing request can only
//! mean that the tracee died.

mod inject;
mod memory;
mod registers;
mod shared;
mod spawn;
pub mod sys;

pub use memory::Memory;
pub use registers::{GeneralRegisters, XSTATE_BV, XsaveLayout};
pub use shared::SharedMemory;
pub use spawn::{Launch, LaunchError, launch};

use libc::{c_int, c_uint};
use rdb_schema::registers::Registers;
use std::io;

/// The tracee died under our hands (SIGKILL): wait for it.
#[derive(Debug, thiserror::Error)]
#[error("the program is gone")]
pub struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// How far to let a stopped tracee run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// One instruction.
    Step,
    /// To the next syscall entry or exit.
    Syscall,
    /// Freely.
    Continue,
    /// Not at all, but take part in job control (PTRACE_LISTEN).
    Listen,
}

impl Resume {
    fn request(self) -> c_uint {
        match self {
            Self::Step => libc::PTRACE_SINGLESTEP,
            Self::Syscall => libc::PTRACE_SYSCALL,
            Self::Continue => libc::PTRACE_CONT,
            Self::Listen => libc::PTRACE_LISTEN,
        }
    }
}

/// Why a tracee stopped (ptrace(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Signal-delivery stop; a finished single step is SIGTRAP.
    Signal(c_int),
    /// Syscall entry or exit.
    Syscall,
    /// execve succeeded.
    Exec,
    /// About to die; registers and memory are still there.
    Exit,
    /// Group stop of this signal, or SIGTRAP when it ended.
    Group(c_int),
    /// An event nobody asked for.
    Other(c_int),
}

/// What a running tracee did next.
pub enum Outcome {
    /// It stopped.
    Stopped(Stopped, Stop),
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Killed(c_int),
}

/// A resource limit (getrlimit(2)).
#[derive(Clone, Copy, Debug)]
pub struct ResourceLimit {
    /// The one in force.
    pub soft: u64,
    /// The highest that the process may set.
    pub hard: u64,
}

/// A tracee in a ptrace stop.
#[derive(Debug)]
pub struct Stopped {
    pid: libc::pid_t,
}

/// A tracee that runs.
#[derive(Debug)]
pub struct Running {
    pid: libc::pid_t,
}

impl Running {
    /// A tracee that was lost sight of: a request failed with [`Gone`], or it
    /// was detached on an error. All that is left is to wait for it.
    pub fn lost(pid: libc::pid_t) -> Self {
        Self { pid }
    }

    /// Kills it.
    pub fn kill(&self) {
        let _ = sys::kill(self.pid, libc::SIGKILL);
    }

    /// Waits until it stops or ends.
    ///
    /// # Errors
    /// waitpid(2)'s.
    pub fn wait(self) -> io::Result<Outcome> {
        let status = sys::wait(self.pid)?;
        if libc::WIFEXITED(status) {
            return Ok(Outcome::Exited(libc::WEXITSTATUS(status)));
        }
        if libc::WIFSIGNALED(status) {
            return Ok(Outcome::Killed(libc::WTERMSIG(status)));
        }
        Ok(Outcome::Stopped(Stopped { pid: self.pid }, stop(status)))
    }
}

/// Decodes a stop's wait status. Real-time signals are why this is not nix's.
fn stop(status: c_int) -> Stop {
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        0 if signal == libc::SIGTRAP | 0x80 => Stop::Syscall,
        0 => Stop::Signal(signal),
        libc::PTRACE_EVENT_EXEC => Stop::Exec,
        libc::PTRACE_EVENT_EXIT => Stop::Exit,
        libc::PTRACE_EVENT_STOP => Stop::Group(signal),
        event => Stop::Other(event),
    }
}

impl Stopped {
    /// Its process id.
    pub fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// Lets it run, delivering `signal` (0: none).
    ///
    /// # Errors
    /// [`Gone`].
    pub fn resume(self, how: Resume, signal: c_int) -> Result<Running, Gone> {
        sys::resume(how.request(), self.pid, signal)?;
        Ok(Running { pid: self.pid })
    }

    /// Lets it go for good, delivering `signal` (0: none).
    ///
    /// # Errors
    /// [`Gone`].
    pub fn detach(self, signal: c_int) -> Result<Running, Gone> {
        sys::resume(libc::PTRACE_DETACH, self.pid, signal)?;
        Ok(Running { pid: self.pid })
    }

    /// Reads the general registers into `registers`; returns orig_rax.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn general_registers(&self, registers: &mut Registers) -> Result<u64, Gone> {
        let raw = sys::registers(self.pid)?;
        registers::set_general(registers, &raw);
        Ok(raw.orig_rax)
    }

    /// Its general registers as they are.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn host_registers(&self) -> Result<GeneralRegisters, Gone> {
        Ok(GeneralRegisters(sys::registers(self.pid)?))
    }

    /// Sets its general registers.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn set_general_registers(&self, registers: &GeneralRegisters) -> Result<(), Gone> {
        Ok(sys::set_registers(self.pid, &registers.0)?)
    }

    /// Sets the siginfo_t of the signal it stopped for.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn set_siginfo(&self, info: &[u8; 128]) -> Result<(), Gone> {
        Ok(sys::set_siginfo(self.pid, info)?)
    }

    /// Reads x87, vector, mask and PKRU state into `registers`.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn extended_registers(
        &self,
        layout: &XsaveLayout,
        registers: &mut Registers,
    ) -> Result<(), Gone> {
        let mut area = [0; registers::MAX_XSAVE_BYTES];
        let length = sys::xstate(self.pid, &mut area)?;
        layout.parse(&area[..length], registers);
        Ok(())
    }

    /// The limit of its stack, if it can be read.
    pub fn stack_limit(&self) -> Option<ResourceLimit> {
        let limit = sys::stack_limit(self.pid, None).ok()?;
        Some(ResourceLimit { soft: limit.rlim_cur, hard: limit.rlim_max })
    }

    /// Sets the limit of its stack; false if that is not allowed.
    pub fn set_stack_limit(&self, limit: ResourceLimit) -> bool {
        let limit = libc::rlimit { rlim_cur: limit.soft, rlim_max: limit.hard };
        sys::stack_limit(self.pid, Some(&limit)).is_ok()
    }

    /// If the pointer to the last x87 instruction is `old`, makes it `new`.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn replace_x87_pointer(&self, old: u64, new: u64) -> Result<(), Gone> {
        let mut area = [0; registers::MAX_XSAVE_BYTES];
        let length = sys::xstate(self.pid, &mut area)?;
        if area[registers::X87_POINTER] == old.to_le_bytes() {
            area[registers::X87_POINTER].copy_from_slice(&new.to_le_bytes());
            sys::set_xstate(self.pid, &mut area[..length])?;
        }
        Ok(())
    }

    /// At an exit stop: the wait status it will end with.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn exit_status(&self) -> Result<c_int, Gone> {
        Ok(sys::event_message(self.pid)? as c_int)
    }

    /// At a syscall's entry: makes it fail with ENOSYS.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn skip_syscall(&self) -> Result<(), Gone> {
        Ok(sys::set_original_rax(self.pid, u64::MAX)?)
    }

    /// At a syscall's exit: sets its result.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn set_result(&self, result: i64) -> Result<(), Gone> {
        Ok(sys::set_rax(self.pid, result.cast_unsigned())?)
    }

    /// Its blocked signals; bit n−1 for signal n.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn signal_mask(&self) -> Result<u64, Gone> {
        Ok(sys::signal_mask(self.pid)?)
    }

    /// Sets its blocked signals.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn set_signal_mask(&self, mask: u64) -> Result<(), Gone> {
        Ok(sys::set_signal_mask(self.pid, mask)?)
    }

    /// The siginfo_t of the signal it stopped for.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn siginfo(&self) -> Result<[u8; 128], Gone> {
        Ok(sys::siginfo(self.pid)?)
    }

    /// Sets debug register `number`.
    ///
    /// # Errors
    /// The kernel's: hardware breakpoints may not exist here.
    pub fn set_debug_register(&self, number: usize, value: u64) -> io::Result<()> {
        sys::set_debug_register(self.pid, number, value)
    }
}
