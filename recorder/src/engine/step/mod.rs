//! The `step` engine: one PTRACE_SINGLESTEP an instruction. Exact, slow,
//! universal; the reference for every other engine.

mod delta;
mod ending;
mod opaque;
mod rep;
pub(in crate::engine) mod signals;
mod syscalls;

use super::care::Care;
use super::code::{Code, Cutting, Prepared};
use super::{Ended, EngineError, Flow, Interrupt, Leave};
use crate::accounting::Cause;
use crate::affinity::Pinning;
use crate::progress::Progress;
use crate::recording::Recording;
use crate::tracee::{Outcome, Resume, Running, Stop, Stopped};
use rdb_schema::effects::Kind;
use rdb_schema::registers::{Registers, TRAP_FLAG};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What the user asked of the engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepOptions {
    /// Tracepoints after which recording ends.
    pub stop_after: Option<u64>,
    /// Bytes of its log that the translate engine uses, if not all.
    pub log_bytes: Option<u64>,
    /// Compare the model with the process at each chunk's end.
    pub audit: bool,
    /// Whether the CPU is AMD's: some prefixes decode differently there.
    pub amd: bool,
}

/// The engine.
pub struct Step {
    pub(in crate::engine) rec: Recording,
    pub(in crate::engine) code: Code,
    /// The block that is being executed, and the next instruction in it.
    pub(in crate::engine) run: Option<(Arc<Prepared>, usize)>,
    /// Stopped at a syscall's entry already: the kernel restarted it.
    pub(in crate::engine) in_syscall: bool,
    /// Hardware breakpoints have not failed yet.
    breakpoints_work: bool,
    pub(in crate::engine) options: StepOptions,
    pinning: Pinning,
    pub(in crate::engine) progress: Arc<Progress>,
}

impl Step {
    /// An engine that records into `rec`.
    pub fn new(
        rec: Recording,
        options: StepOptions,
        cutting: Cutting,
        pinning: Pinning,
        progress: Arc<Progress>,
    ) -> Self {
        let code = Code::new(options.amd, cutting);
        Self {
            rec,
            code,
            run: None,
            in_syscall: false,
            breakpoints_work: true,
            options,
            pinning,
            progress,
        }
    }

    /// Records until the program or the recording ends. The recording comes
    /// back, finished but not sealed.
    pub fn run(mut self, stopped: Stopped) -> (Recording, Result<Ended, EngineError>) {
        let ended = match self.begin(stopped) {
            Interrupt::End(ended) => Ok(ended),
            Interrupt::Gone => self.vanished(),
            Interrupt::Error(error) => Err(error),
        };
        (self.rec, ended)
    }

    fn begin(&mut self, stopped: Stopped) -> Interrupt {
        match self.rec.trap_mask.hide(&stopped) {
            Ok(()) => self.run_to_end(stopped),
            Err(gone) => gone.into(),
        }
    }

    fn run_to_end(&mut self, mut stopped: Stopped) -> Interrupt {
        loop {
            let result = match self.reason_to_leave() {
                Some(why) => Err(self.leave(stopped, why)),
                None => self.boundary(stopped).and_then(|stopped| self.advance(stopped)),
            };
            stopped = match result {
                Ok(stopped) => stopped,
                Err(interrupt) => return interrupt,
            };
            self.progress.instructions.store(self.rec.tracepoint(), Ordering::Relaxed);
        }
    }

    pub(in crate::engine) fn reason_to_leave(&self) -> Option<Leave> {
        if self.options.stop_after.is_some_and(|n| self.rec.tracepoint() >= n) {
            return Some(Leave::StopAfter);
        }
        self.rec.pipeline.status.failed.load(Ordering::Acquire).then_some(Leave::Unwritable)
    }

    /// Between two chunks: what has to be read while the process stands there.
    pub(in crate::engine) fn boundary(&mut self, stopped: Stopped) -> Flow<Stopped> {
        let here = !self.rec.builder.is_open() && !self.in_syscall;
        if here && self.rec.is_full() && !self.rec.has_boundary() {
            if self.options.audit {
                self.rec.audit(&stopped)?;
            }
            self.rec.prepare_boundary();
        }
        Ok(stopped)
    }

    /// One instruction, or one signal.
    pub(in crate::engine) fn advance(&mut self, stopped: Stopped) -> Flow<Stopped> {
        let care = self.find_instruction();
        if care.writes_unknown || care.may_overrun {
            self.rec.foresee_anything();
        }
        match care.kind {
            Kind::Plain if care.pops_flags => self.popf(stopped),
            Kind::Plain => self.step(stopped, 0),
            Kind::RepString => self.rep(stopped),
            Kind::Syscall => self.syscall(stopped),
            Kind::Opaque => self.opaque(stopped),
        }
    }

    /// Makes `run` stand at the current pc.
    fn find_instruction(&mut self) -> Care {
        let pc = self.rec.registers.rip;
        if let Some((prepared, index)) = &self.run
            && prepared.block.address(*index) == pc
        {
            return prepared.care[*index];
        }
        self.end_execution(false);
        let prepared = self.code.at(pc, &mut self.rec);
        let care = prepared.care[0];
        self.run = Some((prepared, 0));
        care
    }

    /// Ends the execution in the chunk, and forgets where the program was in it.
    pub(in crate::engine) fn end_execution(&mut self, faulted: bool) {
        if let Some((prepared, _)) = self.run.take() {
            self.rec.builder.end(prepared.block.instructions().len(), faulted);
        }
    }

    /// Single-steps, delivering `signal` first.
    fn step(&mut self, stopped: Stopped, signal: i32) -> Flow<Stopped> {
        self.rec.accounting.stopped_for(Cause::Step);
        let outcome = stopped.resume(Resume::Step, signal)?.wait()?;
        match outcome {
            Outcome::Stopped(stopped, Stop::Signal(libc::SIGTRAP)) => {
                let mut after = self.rec.registers;
                stopped.general_registers(&mut after)?;
                if after.rip == self.rec.registers.rip && !is_own_trap(&stopped)? {
                    return self.signal(stopped, libc::SIGTRAP);
                }
                self.executed_to_trap(stopped, after)
            }
            other => self.interrupted(other),
        }
    }

    /// The instruction at `run` was executed up to a trap: the recorder's, and
    /// the program's too if it single-steps itself.
    fn executed_to_trap(&mut self, stopped: Stopped, after: Registers) -> Flow<Stopped> {
        let own = self.rec.registers.rflags & TRAP_FLAG != 0;
        self.executed(&stopped, after)?;
        if own { self.signal_after(stopped, libc::SIGTRAP, true) } else { Ok(stopped) }
    }

    /// A stop or an end that is not the awaited one.
    fn interrupted(&mut self, outcome: Outcome) -> Flow<Stopped> {
        match outcome {
            Outcome::Stopped(stopped, stop) => match stop {
                Stop::Signal(signal) => self.signal(stopped, signal),
                Stop::Group(libc::SIGTRAP) => Ok(stopped),
                Stop::Group(_) => self.group_stop(stopped),
                Stop::Exit => Err(self.killed(stopped)?),
                Stop::Syscall | Stop::Exec | Stop::Other(_) => Ok(stopped),
            },
            Outcome::Exited(status) => Err(self.ended(Ended::Exited(status))?),
            Outcome::Killed(signal) => Err(self.ended(Ended::Killed(signal))?),
        }
    }

    /// At the exit stop in the middle of a step: SIGKILL overtook its trap, and
    /// the instruction may have completed.
    fn killed(&mut self, stopped: Stopped) -> Flow<Interrupt> {
        let after = self.registers_after(&stopped, true)?;
        if after.rip != self.rec.registers.rip
            && let Some((prepared, index)) = &self.run
        {
            let care = prepared.care[*index];
            match care.kind {
                Kind::Opaque => self.opaque_executed(after, care.writes_unknown)?,
                _ => self.executed(&stopped, after)?,
            }
        }
        self.dying(stopped)
    }

    /// Stopped by job control: stays so until it is continued.
    fn group_stop(&mut self, stopped: Stopped) -> Flow<Stopped> {
        let outcome = stopped.resume(Resume::Listen, 0)?.wait()?;
        self.interrupted(outcome)
    }

    /// The process was gone before anything could be asked of it.
    pub(in crate::engine) fn vanished(&mut self) -> Result<Ended, EngineError> {
        let outcome = Running::lost(self.rec.pid).wait()?;
        self.vanished_so(outcome)
    }

    /// The same when it is known what it did next.
    pub(in crate::engine) fn vanished_so(
        &mut self,
        outcome: Outcome,
    ) -> Result<Ended, EngineError> {
        let result = match outcome {
            Outcome::Exited(status) => self.ended(Ended::Exited(status)),
            Outcome::Killed(signal) => self.ended(Ended::Killed(signal)),
            Outcome::Stopped(stopped, _) => self.dying(stopped),
        };
        match result {
            Ok(Interrupt::End(ended)) => Ok(ended),
            Ok(Interrupt::Error(error)) | Err(Interrupt::Error(error)) => Err(error),
            Ok(Interrupt::Gone) | Err(_) => Ok(Ended::Killed(libc::SIGKILL)),
        }
    }

    /// The registers after the tracee moved.
    fn registers_after(&self, stopped: &Stopped, extended: bool) -> Flow<Registers> {
        let mut after = self.rec.registers;
        stopped.general_registers(&mut after)?;
        if extended {
            stopped.extended_registers(&self.rec.layout, &mut after)?;
        }
        Ok(after)
    }
}

/// Whether a SIGTRAP is the single step's own or a debug register's
/// (asm-generic/siginfo.h), not one that was sent to the program. The kernel
/// gives SIGTRAP itself as code when a syscall's exit is stepped over.
fn is_own_trap(stopped: &Stopped) -> Flow<bool> {
    const TRAP_BRKPT: i32 = 1;
    const TRAP_TRACE: i32 = 2;
    const TRAP_HWBKPT: i32 = 4;
    let code = signal_code(&stopped.siginfo()?);
    Ok([TRAP_BRKPT, TRAP_TRACE, TRAP_HWBKPT, libc::SIGTRAP].contains(&code))
}

/// `si_code` of a raw siginfo_t.
pub(in crate::engine) fn signal_code(info: &[u8; 128]) -> i32 {
    i32::from_le_bytes([info[8], info[9], info[10], info[11]])
}
