//! Stops at system calls of the cache's.

use super::calls::CALL_BYTES;
use super::layout::slot;
use super::state::{Place, Rcx};
use super::stops::Next;
use super::{Home, Translate};
use crate::engine::Flow;
use crate::os::Entered;
use crate::tracee::{GeneralRegisters, Stopped};
use rdb_schema::registers::Gpr;
use std::sync::atomic::Ordering;

/// A call that was made, and the program's registers behind it. Nothing where it failed for
/// want of a stack that may grow: it has to be made again.
type Made = Option<(Entered, GeneralRegisters)>;

impl Home {
    /// The program address of the call that the tracee stands behind, if it was not
    /// recorded.
    pub(super) fn call_made(&self, stopped: &Stopped, host: &GeneralRegisters) -> Option<u64> {
        let way = self.cache.ways.find(host.pc()).filter(|way| way.is_made(host.pc()))?;
        (self.kept(stopped, slot::CALL) == way.call).then_some(way.pc)
    }

    /// Whether that one may still be under way.
    pub(super) fn is_in_call(&self, host: &GeneralRegisters) -> bool {
        let way = self.cache.ways.find(host.pc());
        way.is_some_and(|way| way.is_behind_call(host.pc()))
    }

    /// The same as [`Self::call_made`] if the tracee has executed the `int3` behind it, too.
    pub(super) fn call_over(&self, stopped: &Stopped, host: &GeneralRegisters) -> Option<u64> {
        let call = host.pc().wrapping_sub(CALL_BYTES + 1);
        let way = self.cache.ways.find(call).filter(|way| way.call == call)?;
        (self.kept(stopped, slot::CALL) == call).then_some(way.pc)
    }

    /// The program's registers in front of the call at `pc`, at it or behind it.
    fn before_call(&self, stopped: &Stopped, host: &GeneralRegisters, pc: u64) -> GeneralRegisters {
        self.program_registers(stopped, &self.unmade(stopped, host), &in_front(pc))
    }

    /// The tracee's registers as if the call had not been made.
    fn unmade(&self, stopped: &Stopped, host: &GeneralRegisters) -> GeneralRegisters {
        let mut unmade = *host;
        unmade.set(Gpr::RAX, self.kept(stopped, slot::NUMBER));
        unmade.set(Gpr::R11, self.kept(stopped, slot::R11));
        unmade
    }
}

/// Where the program is in front of its call at `pc`.
fn in_front(pc: u64) -> Place {
    Place { rcx: Rcx::Saved, ..Place::between(pc) }
}

/// Where it is right behind it.
fn behind(pc: u64) -> Place {
    Place { rcx: Rcx::Next, ..Place::between(pc + CALL_BYTES) }
}

impl Translate {
    /// In front of the call at `pc`, which cannot be made without asking.
    pub(super) fn calling(
        &mut self,
        stopped: Stopped,
        host: GeneralRegisters,
        pc: u64,
    ) -> Flow<Next> {
        let Some(before) = self.arrive_at_call(&stopped, &host, pc)? else {
            return Ok(Next::Leave(stopped));
        };
        let call = Entered::of(&mut self.step.rec);
        if self.meets_region(&call) {
            self.undo_call(&stopped, &host, pc)?;
            self.step_next = true;
            return Ok(Next::Leave(stopped));
        }
        if !self.step.rec.is_indifferent_to_stack(&call) {
            self.step.rec.stack_limit.free(&stopped);
        }
        self.before_syscall(&stopped, &call)?;
        if !self.may_call_in_cache() || self.needs_its_place(&call) {
            return self.call_in_place(stopped, &before, call);
        }
        self.trust(&call);
        self.step.rec.foresee(&call);
        self.calling = Some(call);
        Ok(Next::Run(stopped))
    }

    /// What must be known before some syscalls: all registers, where they are
    /// replaced; how far the stack grew, before the program ends.
    fn before_syscall(&mut self, stopped: &Stopped, call: &Entered) -> Flow<()> {
        if call.may_change_extended() || call.replaces_program() {
            self.mend_x87(stopped)?;
            let rec = &mut self.step.rec;
            stopped.extended_registers(&rec.layout, &mut rec.registers)?;
        }
        let rec = &mut self.step.rec;
        let grown = rec.space.find(rec.registers.rsp()).is_none();
        if grown || call.ends_program() { Ok(rec.follow_growth()?) } else { Ok(()) }
    }

    /// Takes over the log, and the registers in front of the call.
    fn arrive_at_call(
        &mut self,
        stopped: &Stopped,
        host: &GeneralRegisters,
        pc: u64,
    ) -> Flow<Option<GeneralRegisters>> {
        self.absorb(stopped, host.get(Gpr::R15), &Place::between(pc))?;
        let Some(home) = &self.home else { return Ok(None) };
        let before = home.before_call(stopped, host, pc);
        before.copy_to(&mut self.step.rec.registers);
        Ok(Some(before))
    }

    /// Whether `call` must be made where the program makes it: the recorder does it, the
    /// kernel looks at the program's signal mask or its pc, or it does not return.
    fn needs_its_place(&mut self, call: &Entered) -> bool {
        call.spawns()
            || call.is_refused()
            || call.replaces_program()
            || call.ends_program()
            || call.may_change_extended()
            || call.uses_mask()
            || self.step.rec.serves(call)
    }

    /// Makes `call` where the program makes it, with stops at its entry and its exit.
    fn call_in_place(
        &mut self,
        stopped: Stopped,
        before: &GeneralRegisters,
        call: Entered,
    ) -> Flow<Next> {
        self.forget_call();
        self.show_segv(&stopped)?;
        stopped.set_general_registers(before)?;
        self.mend_x87(&stopped)?;
        self.prepare_call();
        let keeps_mask = self.shows_segv && !call.may_change_mask();
        let next = self.step.rec.registers.rip.wrapping_add(CALL_BYTES);
        let stopped = self.step.enter_call(stopped, call)?;
        // Where a signal came instead, its handler has a mask of its own.
        let returned = self.step.rec.registers.rip == next;
        self.shows_segv = keeps_mask && returned && !self.step.in_syscall;
        Ok(Next::Leave(stopped))
    }

    /// Makes the step engine stand at the syscall where the registers are.
    pub(super) fn prepare_call(&mut self) {
        let pc = self.step.rec.registers.rip;
        let prepared = self.step.code.at(pc, &mut self.step.rec);
        self.step.run = Some((prepared, 0));
    }

    /// Behind the call at `pc`.
    pub(super) fn called(
        &mut self,
        stopped: Stopped,
        host: GeneralRegisters,
        pc: u64,
    ) -> Flow<Next> {
        let Some((call, after)) = self.take_call(&stopped, &host, pc)? else {
            self.undo_call(&stopped, &host, pc)?;
            self.step_next = true;
            return Ok(Next::Leave(stopped));
        };
        // Back in the program, the kernel restarts nothing any more.
        self.complete_call(&call, &after, false)?;
        if self.stays(&call)? {
            self.step.rec.stack_limit.hold(&stopped);
            return Ok(Next::Run(stopped));
        }
        self.step_out(&stopped, &after)?;
        Ok(Next::Leave(stopped))
    }

    /// What came of the call at `pc`. One that the kernel itself ran again, as it may where
    /// no signal came, counts as one.
    pub(super) fn take_call(
        &mut self,
        stopped: &Stopped,
        host: &GeneralRegisters,
        pc: u64,
    ) -> Flow<Made> {
        let call = match self.calling.take() {
            Some(call) => call,
            None => {
                self.arrive_at_call(stopped, host, pc)?;
                let call = Entered::of(&mut self.step.rec);
                let failed = host.get(Gpr::RAX).cast_signed() == -i64::from(libc::EFAULT);
                if failed && !self.step.rec.is_indifferent_to_stack(&call) {
                    return Ok(None);
                }
                self.before_syscall(stopped, &call)?;
                call
            }
        };
        let registers = |home: &Home| home.program_registers(stopped, host, &behind(pc));
        Ok(self.home.as_ref().map(|home| (call, registers(home))))
    }

    /// Records `call`, behind which the registers are `after`; whether the kernel will run
    /// it again.
    pub(super) fn complete_call(
        &mut self,
        call: &Entered,
        after: &GeneralRegisters,
        may_restart: bool,
    ) -> Flow<bool> {
        self.forget_call();
        self.prepare_call();
        let mut exit = self.step.rec.registers;
        after.copy_to(&mut exit);
        self.step.complete(call, &exit, may_restart)
    }

    /// Out of the cache behind a call, with the program's registers.
    pub(super) fn step_out(&mut self, stopped: &Stopped, registers: &GeneralRegisters) -> Flow<()> {
        stopped.set_general_registers(registers)?;
        self.mend_x87(stopped)?;
        let rec = &mut self.step.rec;
        Ok(stopped.extended_registers(&rec.layout, &mut rec.registers)?)
    }

    /// Whether the program may go on in the cache behind `call`.
    fn stays(&mut self, call: &Entered) -> Flow<bool> {
        let count = self.step.rec.tracepoint();
        self.step.progress.instructions.store(count, Ordering::Relaxed);
        if self.step.rec.is_full()
            || !self.may_call_in_cache()
            || self.step.reason_to_leave().is_some()
            || self.step.options.stop_after.is_some()
            || self.is_crowded()
        {
            return Ok(false);
        }
        self.follow_trusted(call);
        self.drop_changed_code()?;
        Ok(!self.has_aliases)
    }

    /// Leaves the cache in front of the call at `pc`, which has done nothing.
    pub(super) fn undo_call(
        &mut self,
        stopped: &Stopped,
        host: &GeneralRegisters,
        pc: u64,
    ) -> Flow<()> {
        let Some(home) = &self.home else { return Ok(()) };
        let host = home.unmade(stopped, host);
        self.leave_cache(stopped, &host, &in_front(pc))
    }

    /// The program leaves the cache: a call that it was about to make is not made there.
    pub(super) fn give_up_call(&mut self) {
        if self.calling.take().is_some() {
            self.step.rec.forget_memory();
        }
        self.forget_call();
    }

    /// No call is under way any more.
    pub(super) fn forget_call(&mut self) {
        if let Some(home) = &mut self.home {
            home.keep(slot::CALL, 0);
        }
    }
}
