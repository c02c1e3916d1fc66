//! `syscall`: the kernel's part of the history.

use super::Step;
use crate::accounting::Cause;
use crate::engine::{Flow, Interrupt, Leave};
use crate::os::{Delivery, Entered, restarts};
use crate::tracee::{Outcome, Resume, Stop, Stopped};
use rdb_schema::event::{Disposition, EventKind, Syscall};
use rdb_schema::registers::{Gpr, Registers};

impl Step {
    pub(super) fn syscall(&mut self, stopped: Stopped) -> Flow<Stopped> {
        let call = Entered::of(&mut self.rec);
        if std::mem::take(&mut self.in_syscall) {
            return self.entered(stopped, call);
        }
        self.enter_call(stopped, call)
    }

    /// In front of `call`.
    pub(in crate::engine) fn enter_call(
        &mut self,
        stopped: Stopped,
        call: Entered,
    ) -> Flow<Stopped> {
        match stopped.resume(Resume::Syscall, 0)?.wait()? {
            Outcome::Stopped(stopped, Stop::Syscall) => self.entered(stopped, call),
            other => self.interrupted(other),
        }
    }

    /// At the entry of `call`.
    fn entered(&mut self, stopped: Stopped, call: Entered) -> Flow<Stopped> {
        if call.starts_thread() {
            return Err(self.leave(stopped, Leave::Thread));
        }
        let served = self.rec.serve_own_maps(&call);
        if call.is_refused() || served.is_some() {
            stopped.skip_syscall()?;
        }
        if call.spawns() {
            self.pinning.release(self.rec.pid);
        }
        self.rec.foresee(&call);
        let masked = self.rec.trap_mask.missing() != 0;
        self.rec.trap_mask.reveal(&stopped)?;
        let outcome = stopped.resume(Resume::Syscall, 0)?.wait()?;
        if call.spawns() {
            self.pinning.apply(self.rec.pid);
        }
        match outcome {
            Outcome::Stopped(stopped, Stop::Syscall) => {
                if let Some(result) = served {
                    stopped.set_result(result)?;
                }
                self.returned(stopped, &call, masked)
            }
            Outcome::Stopped(stopped, Stop::Exec) => self.executing(stopped, &call),
            Outcome::Stopped(stopped, Stop::Exit) => {
                let inside = self.registers_after(&stopped, false)?;
                self.died_in(&call, &inside)?;
                Err(self.dying(stopped)?)
            }
            other => {
                let inside = self.rec.registers;
                self.never_returned(&call, &inside)?;
                self.interrupted(other)
            }
        }
    }

    /// At the syscall's exit; `masked`: SIGTRAP was blocked before it.
    fn returned(&mut self, stopped: Stopped, call: &Entered, masked: bool) -> Flow<Stopped> {
        let exit = self.registers_after(&stopped, call.may_change_extended())?;
        if self.complete(call, &exit, true)? {
            // The mask may be a temporary one here (sigsuspend): hands off.
            return self.restart(stopped);
        }
        if masked || call.may_change_mask() {
            self.rec.trap_mask.hide(&stopped)?;
        }
        Ok(stopped)
    }

    /// Records `call`, which `run` stands at, and which gave `exit`; whether the kernel
    /// will run it again, which it may if it has not gone back to the program by then.
    pub(in crate::engine) fn complete(
        &mut self,
        call: &Entered,
        exit: &Registers,
        may_restart: bool,
    ) -> Flow<bool> {
        self.pinning.hide(&self.rec, call, exit);
        let result = exit.gpr[0].cast_signed();
        self.count_syscall(exit)?;
        let restarts = may_restart && restarts(result);
        let mut after = *exit;
        if restarts {
            call.rewind(&mut after, result);
        }
        self.rec.finish_syscall(call, exit, after)?;
        Ok(restarts)
    }

    /// Counts the tracepoint of the syscall instruction, with its logged
    /// registers as `after` has them.
    fn count_syscall(&mut self, after: &Registers) -> Flow<()> {
        let Some((prepared, index)) = self.run.take() else { return Ok(()) };
        self.rec.accounting.stopped_for(Cause::Syscall);
        self.rec.begin_tracepoint(prepared.id)?;
        for slot in prepared.block.slots(index) {
            let row = self.rec.builder.row(&prepared.block);
            let place = slot.offset as usize;
            rdb_schema::replay::logged_register(&slot.effect, after, &mut row[place..]);
        }
        self.rec.builder.count(after.rip);
        self.run = Some((prepared, index));
        self.end_execution(false);
        Ok(())
    }

    /// The process was killed in `call`, which gave `inside` if it came back: it does before
    /// the kernel looks at signals (exit_to_user_mode_loop, kernel/entry/common.c).
    pub(in crate::engine) fn died_in(&mut self, call: &Entered, inside: &Registers) -> Flow<()> {
        let result = inside.gpr[0].cast_signed();
        if call.ends_program() || call.replaces_program() || restarts(result) {
            return self.never_returned(call, inside);
        }
        self.complete(call, inside, false).map(drop)
    }

    /// A syscall that ended the process: the instruction itself set rcx and r11,
    /// as `inside` has them; rax is as it was.
    fn never_returned(&mut self, call: &Entered, inside: &Registers) -> Flow<()> {
        let mut after = self.rec.registers;
        for register in [Gpr::RCX, Gpr::R11] {
            after.gpr[register.index()] = inside.gpr[register.index()];
        }
        let Some((prepared, index)) = &self.run else { return Ok(()) };
        after.rip = prepared.block.address(index + 1);
        self.count_syscall(&after)?;
        let kind = EventKind::Syscall(Syscall { finished: false, ..call.event(0) });
        self.rec.registers = after;
        self.rec.event(kind);
        Ok(())
    }

    /// At the exec stop: on to the exit of execve, which is the new program's
    /// first state.
    fn executing(&mut self, stopped: Stopped, call: &Entered) -> Flow<Stopped> {
        match stopped.resume(Resume::Syscall, 0)?.wait()? {
            Outcome::Stopped(stopped, Stop::Syscall) => {
                let mut after = self.registers_after(&stopped, true)?;
                self.rec.layout.mend_after_exec(&mut after);
                self.count_syscall(&after)?;
                self.rec.exec(call, after)?;
                self.code.forget();
                self.rec.trap_mask.hide(&stopped)?;
                Ok(stopped)
            }
            other => self.interrupted(other),
        }
    }

    /// After an interrupted syscall that the kernel will run again: the signals
    /// that interrupted it come first.
    fn restart(&mut self, stopped: Stopped) -> Flow<Stopped> {
        self.rec.stack_limit.free(&stopped);
        match stopped.resume(Resume::Syscall, 0)?.wait()? {
            Outcome::Stopped(stopped, Stop::Syscall) => {
                self.in_syscall = true;
                Ok(stopped)
            }
            Outcome::Stopped(stopped, Stop::Signal(signal)) => self.interrupting(stopped, signal),
            Outcome::Stopped(stopped, Stop::Group(signal)) => {
                let stopped = self.wait_out(stopped, signal)?;
                self.restart(stopped)
            }
            other => self.interrupted(other),
        }
    }

    /// At the delivery stop of a signal that interrupted a syscall which will run again.
    pub(in crate::engine) fn interrupting(
        &mut self,
        stopped: Stopped,
        signal: i32,
    ) -> Flow<Stopped> {
        match self.rec.disposition(signal) {
            Disposition::Handled => self.signal_after(stopped, signal, false),
            Disposition::Fatal => {
                self.rec.stack_limit.free(&stopped);
                let inside = self.registers_after(&stopped, false)?;
                let delivery = Delivery { signal, info: stopped.siginfo()?, fault: false };
                self.rec.killed_in_call(&delivery, inside);
                Err(self.die(stopped, signal)?)
            }
            disposition => {
                let delivery = Delivery { signal, info: stopped.siginfo()?, fault: false };
                self.rec.signal_event(&delivery, disposition);
                let inject = if disposition == Disposition::Stopped { signal } else { 0 };
                if inject == 0 {
                    return self.restart(stopped);
                }
                match stopped.resume(Resume::Syscall, inject)?.wait()? {
                    Outcome::Stopped(stopped, Stop::Group(signal)) => {
                        let stopped = self.wait_out(stopped, signal)?;
                        self.restart(stopped)
                    }
                    Outcome::Stopped(stopped, Stop::Syscall) => {
                        self.in_syscall = true;
                        Ok(stopped)
                    }
                    other => self.interrupted(other),
                }
            }
        }
    }

    /// A group stop in the middle of a restart.
    fn wait_out(&mut self, stopped: Stopped, signal: i32) -> Flow<Stopped> {
        if signal == libc::SIGTRAP {
            return Ok(stopped);
        }
        match stopped.resume(Resume::Listen, 0)?.wait()? {
            Outcome::Stopped(stopped, Stop::Group(_)) => Ok(stopped),
            other => match self.interrupted(other) {
                Ok(_) => Err(Interrupt::Gone),
                Err(interrupt) => Err(interrupt),
            },
        }
    }
}
