//! Instructions that are run to a hardware breakpoint behind them: rep-prefixed
//! string instructions, one tracepoint for all iterations; and popf.
//!
//! Stepping over popf, the kernel takes the trap flag for the program's own
//! from then on (`enable_single_step`, arch/x86/kernel/step.c), and it would
//! show in pushf, in r11 after syscalls, and as SIGTRAP.

use super::{Step, is_own_trap};
use crate::accounting::Cause;
use crate::engine::Flow;
use crate::tracee::{Outcome, Resume, Stop, Stopped};
use rdb_schema::registers::{Gpr, Registers};

/// Iterations from which a debug register behind the instruction is cheaper
/// than a trap for each.
const MANY: u64 = 8;

impl Step {
    pub(super) fn rep(&mut self, stopped: Stopped) -> Flow<Stopped> {
        let count = self.rec.registers.gpr[Gpr::RCX.index()];
        if count > MANY && self.breakpoints_work {
            return self.run_to_next(stopped);
        }
        self.rep_by_steps(stopped)
    }

    fn rep_by_steps(&mut self, stopped: Stopped) -> Flow<Stopped> {
        let mut stopped = stopped;
        let mut latest = self.rec.registers;
        loop {
            self.rec.accounting.stopped_for(Cause::Step);
            match stopped.resume(Resume::Step, 0)?.wait()? {
                Outcome::Stopped(next, Stop::Signal(libc::SIGTRAP)) => {
                    let mut after = latest;
                    next.general_registers(&mut after)?;
                    if after.rip != self.rec.registers.rip {
                        self.executed(&next, after)?;
                        return Ok(next);
                    }
                    if after == latest && !is_own_trap(&next)? {
                        return self.rep_cut_short(next, latest, libc::SIGTRAP);
                    }
                    (stopped, latest) = (next, after);
                }
                Outcome::Stopped(next, Stop::Signal(signal)) => {
                    return self.rep_cut_short(next, latest, signal);
                }
                other => return self.interrupted(other),
            }
        }
    }

    pub(super) fn popf(&mut self, stopped: Stopped) -> Flow<Stopped> {
        if self.breakpoints_work {
            return self.run_to_next(stopped);
        }
        self.rec.warn_once("no hardware breakpoints here: popf leaves a trap flag behind");
        self.step(stopped, 0)
    }

    /// Runs the instruction at full speed to a hardware breakpoint behind it.
    fn run_to_next(&mut self, stopped: Stopped) -> Flow<Stopped> {
        let Some((prepared, index)) = &self.run else { return Ok(stopped) };
        let next = prepared.block.address(index + 1);
        // DR7: breakpoint 0 enabled locally, on execution (Intel SDM vol. 3, 17.2.4).
        let armed =
            stopped.set_debug_register(0, next).and_then(|()| stopped.set_debug_register(7, 1));
        if armed.is_err() {
            self.breakpoints_work = false;
            return Ok(stopped);
        }
        match stopped.resume(Resume::Continue, 0)?.wait()? {
            Outcome::Stopped(stopped, Stop::Signal(signal)) => {
                stopped.set_debug_register(7, 0)?;
                let after = self.registers_after(&stopped, false)?;
                if signal == libc::SIGTRAP && after.rip == next {
                    return self.executed_to_trap(stopped, after);
                }
                self.rep_cut_short(stopped, after, signal)
            }
            Outcome::Stopped(stopped, stop) => {
                let _ = stopped.set_debug_register(7, 0);
                self.interrupted(Outcome::Stopped(stopped, stop))
            }
            other => self.interrupted(other),
        }
    }

    /// A signal came between two iterations: what was done is a tracepoint of
    /// its own, and the instruction will begin again.
    fn rep_cut_short(&mut self, stopped: Stopped, latest: Registers, signal: i32) -> Flow<Stopped> {
        if latest != self.rec.registers {
            self.executed(&stopped, latest)?;
            self.find_instruction();
        }
        self.signal(stopped, signal)
    }
}
