//! Signals: which instruction they belong to, and what becomes of them.

use super::{Step, signal_code};
use crate::engine::{Flow, Interrupt};
use crate::os::Delivery;
use crate::tracee::{Outcome, Resume, Stop, Stopped};
use rdb_schema::event::Disposition;

impl Step {
    /// At the delivery stop of `signal`. If the current instruction raised it,
    /// that is a tracepoint; else it belongs to the last one.
    pub(in crate::engine) fn signal(&mut self, stopped: Stopped, signal: i32) -> Flow<Stopped> {
        let info = stopped.siginfo()?;
        let after = self.registers_after(&stopped, false)?;
        let mut fault = false;
        if after.rip != self.rec.registers.rip {
            // The instruction completed, and the signal came with it.
            self.executed(&stopped, after)?;
        } else if is_fault(signal, signal_code(&info)) {
            self.faulted()?;
            fault = true;
        } else {
            self.end_execution(false);
        }
        self.deliver(stopped, signal, info, fault)
    }

    /// The same, when the instruction that raised it was recorded already.
    pub(in crate::engine) fn signal_after(
        &mut self,
        stopped: Stopped,
        signal: i32,
        fault: bool,
    ) -> Flow<Stopped> {
        let info = stopped.siginfo()?;
        self.deliver(stopped, signal, info, fault)
    }

    /// Lets the signal do what it does, and records that.
    pub(in crate::engine) fn deliver(
        &mut self,
        stopped: Stopped,
        signal: i32,
        info: [u8; 128],
        fault: bool,
    ) -> Flow<Stopped> {
        self.rec.stack_limit.free(&stopped);
        let delivery = Delivery { signal, info, fault };
        match self.rec.disposition(signal) {
            Disposition::Handled => self.enter_handler(stopped, &delivery),
            Disposition::Ignored => {
                self.rec.signal_event(&delivery, Disposition::Ignored);
                Ok(stopped)
            }
            Disposition::Stopped => {
                self.rec.signal_event(&delivery, Disposition::Stopped);
                self.find_instruction();
                self.step(stopped, signal)
            }
            Disposition::Fatal => Err(self.die_of(stopped, &delivery)?),
        }
    }

    fn enter_handler(&mut self, stopped: Stopped, delivery: &Delivery) -> Flow<Stopped> {
        // What only the code cache changes was not read at each stop.
        stopped.extended_registers(&self.rec.layout, &mut self.rec.registers)?;
        self.rec.trap_mask.reveal(&stopped)?;
        match stopped.resume(Resume::Step, delivery.signal)?.wait()? {
            Outcome::Stopped(stopped, Stop::Signal(libc::SIGTRAP)) => {
                let after = self.registers_after(&stopped, true)?;
                self.rec.handler_entered(delivery, after)?;
                self.rec.trap_mask.hide(&stopped)?;
                Ok(stopped)
            }
            // The frame could not be built: the kernel kills with SIGSEGV.
            other => {
                self.rec.signal_event(delivery, Disposition::Ignored);
                self.interrupted(other)
            }
        }
    }

    fn die_of(&mut self, stopped: Stopped, delivery: &Delivery) -> Flow<Interrupt> {
        self.rec.signal_event(delivery, Disposition::Fatal);
        self.die(stopped, delivery.signal)
    }

    /// Lets a signal that was recorded end the program.
    pub(super) fn die(&mut self, stopped: Stopped, signal: i32) -> Flow<Interrupt> {
        match stopped.resume(Resume::Continue, signal)?.wait()? {
            Outcome::Stopped(stopped, Stop::Exit) => self.dying(stopped),
            other => self.interrupted(other).map_or_else(Ok, |_| Ok(Interrupt::Gone)),
        }
    }
}

/// Signals that instructions raise.
pub(in crate::engine) const RAISED: [i32; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];

/// Whether the CPU raised the signal for the current instruction: si_code above
/// zero (sigaction(2)) and a signal that instructions raise.
pub(in crate::engine) fn is_fault(signal: i32, code: i32) -> bool {
    code > 0 && RAISED.contains(&signal)
}
