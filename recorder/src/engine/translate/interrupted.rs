//! System calls of the cache's that a signal, or the program's end, comes into.

use super::Translate;
use super::stops::Next;
use crate::engine::Flow;
use crate::engine::step::signal_code;
use crate::os::Entered;
use crate::tracee::{GeneralRegisters, Stopped};
use rdb_schema::registers::Registers;

/// `si_code` of the SIGSYS of a filter, and of a dispatcher (asm-generic/siginfo.h).
const SYS_REFUSED: [i32; 2] = [1, 2];

impl Translate {
    /// A signal came behind the call at `pc`.
    pub(super) fn call_interrupted(
        &mut self,
        stopped: Stopped,
        host: GeneralRegisters,
        pc: u64,
        signal: i32,
    ) -> Flow<Next> {
        let info = stopped.siginfo()?;
        if signal == libc::SIGSYS && SYS_REFUSED.contains(&signal_code(&info)) {
            self.undo_call(&stopped, &host, pc)?;
            self.step_next = true;
            self.step.rec.calls_are_judged = true;
            return Ok(Next::Leave(stopped));
        }
        let Some((call, mut after)) = self.take_call(&stopped, &host, pc)? else {
            self.undo_call(&stopped, &host, pc)?;
            return self.deliver(stopped, signal, &info, false);
        };
        // The call is recorded before the tracee has the registers behind it.
        self.leaving = true;
        let may_restart = self.home.as_ref().is_some_and(|home| home.is_in_call(&host));
        let restarts = self.complete_call(&call, &after, may_restart)?;
        if restarts {
            after.keep_call_of(&host);
        }
        self.step_out(&stopped, &after)?;
        self.leaving = false;
        self.step.rec.stack_limit.free(&stopped);
        self.shows_segv = false;
        if restarts {
            return Ok(Next::Leave(self.step.interrupting(stopped, signal)?));
        }
        self.deliver(stopped, signal, &info, false)
    }

    /// At the exit stop: if the program was killed in a call, or right behind it, records
    /// that.
    pub(super) fn vanish_in_call(
        &mut self,
        stopped: &Stopped,
        host: &GeneralRegisters,
    ) -> Flow<bool> {
        let Some(home) = &self.home else { return Ok(false) };
        let made = home.call_made(stopped, host);
        let over = !home.is_in_call(host);
        let Some(pc) = made.or_else(|| home.call_over(stopped, host)) else { return Ok(false) };
        let Some((call, after)) = self.take_call(stopped, host, pc)? else {
            self.undo_call(stopped, host, pc)?;
            return Ok(true);
        };
        if over {
            self.complete_call(&call, &after, false)?;
        } else {
            self.died_in_call(&call, &after)?;
        }
        self.step_out(stopped, &after)?;
        Ok(true)
    }

    /// The program was killed in `call`, behind which the registers would be `after`.
    fn died_in_call(&mut self, call: &Entered, after: &GeneralRegisters) -> Flow<()> {
        self.forget_call();
        self.prepare_call();
        let mut inside: Registers = self.step.rec.registers;
        after.copy_to(&mut inside);
        self.step.died_in(call, &inside)
    }
}
