//! Stops at system calls of the cache's.

use super::calls::CALL_BYTES;
use super::layout::slot;
use super::state::{Place, Rcx};
use super::stops::Next;
use super::{Home, Translate};
use crate::engine::Flow;
use crate::engine::step::signal_code;
use crate::os::Entered;
use crate::os::call_traits::{KEEPS_FILES, LATE, READS, WRITES, traits};
use crate::tracee::{GeneralRegisters, Stopped};
use rdb_schema::registers::{Gpr, Registers};
use std::sync::atomic::Ordering;

/// A call that was made, and the program's registers behind it. Nothing where it failed for
/// want of a stack that may grow: it has to be made again.
type Made = Option<(Entered, GeneralRegisters)>;

/// `si_code` of the SIGSYS of a filter, and of a dispatcher (asm-generic/siginfo.h).
const SYS_REFUSED: [i32; 2] = [1, 2];

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
    fn call_over(&self, stopped: &Stopped, host: &GeneralRegisters) -> Option<u64> {
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
    /// The program enters the cache: says which calls it may make there without asking.
    pub(super) fn trust_calls(&mut self) {
        self.review_trusted();
        let trusted = self.may_call_in_cache();
        if let Some(home) = &mut self.home {
            home.keep(slot::TRUSTED, trusted.into());
        }
    }

    /// Whether the kernel has the program's own signal mask, and nobody looks at where
    /// its system calls come from.
    fn may_call_in_cache(&self) -> bool {
        let rec = &self.step.rec;
        !self.hides_segv && rec.trap_mask.missing() == 0 && !rec.calls_are_judged
    }

    /// Leaves out descriptors that `call` may have made others.
    fn follow_trusted(&mut self, call: &Entered) {
        const MMAP: u64 = libc::SYS_mmap as u64;
        const CLOSE: u64 = libc::SYS_close as u64;
        let closed = call.argument(0) & 0xffff_ffff;
        match call.number() {
            CLOSE => {
                let Some(home) = &mut self.home else { return };
                home.trusted.retain(&mut home.region.memory, |d| u64::from(d) != closed);
            }
            MMAP => self.review_trusted(),
            number if traits(number) & KEEPS_FILES == 0 => self.review_trusted(),
            _ => {}
        }
    }

    /// Leaves out descriptors that are none to trust any more.
    fn review_trusted(&mut self) {
        let Some(home) = &mut self.home else { return };
        let rec = &self.step.rec;
        home.trusted.retain(&mut home.region.memory, |descriptor| rec.may_trust(descriptor));
    }

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

    /// Lets the descriptor be read or written without asking, from the next call on.
    fn trust(&mut self, call: &Entered) {
        let uses_file =
            traits(call.number()) & LATE != 0 && traits(call.number()) & (READS | WRITES) != 0;
        let Ok(descriptor) = u16::try_from(call.argument(0) & 0xffff_ffff) else { return };
        if uses_file
            && let Some(home) = &mut self.home
            && self.step.rec.may_come_to_trust(descriptor)
        {
            home.trusted.add(descriptor, &mut home.region.memory);
        }
    }

    /// Makes the step engine stand at the syscall where the registers are.
    fn prepare_call(&mut self) {
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
    fn take_call(&mut self, stopped: &Stopped, host: &GeneralRegisters, pc: u64) -> Flow<Made> {
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
    fn complete_call(
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
    fn step_out(&mut self, stopped: &Stopped, registers: &GeneralRegisters) -> Flow<()> {
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

    /// Leaves the cache in front of the call at `pc`, which has done nothing.
    fn undo_call(&mut self, stopped: &Stopped, host: &GeneralRegisters, pc: u64) -> Flow<()> {
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
    fn forget_call(&mut self) {
        if let Some(home) = &mut self.home {
            home.keep(slot::CALL, 0);
        }
    }
}
