//! The program's state while it runs in the cache: which tracepoint an address
//! of the cache stands for, and where its registers are.

use super::block::Translation;
use super::exits::Exit;
use super::layout::slot;
use super::leaving::{Leaving, Stage};
use super::substitutes::Substitutes;
use super::{Home, Translate};
use crate::engine::Flow;
use crate::engine::code::Prepared;
use crate::tracee::{GeneralRegisters, Stopped};
use rdb_schema::effects::Kind;
use rdb_schema::registers::{Gpr, Registers};
use std::sync::Arc;

/// The state between two instructions of the program, found in the cache.
#[derive(Clone)]
pub struct Place {
    /// Address of the program's next instruction.
    pub pc: u64,
    /// The record that is being written: its block, and how many instructions
    /// of it have happened.
    pub record: Option<(Arc<Prepared>, usize)>,
    /// What is renamed here.
    pub substitutes: Substitutes,
    /// Where rcx is.
    pub rcx: Rcx,
    /// Which registers of a repeated string instruction are borrowed.
    pub string: Borrowed,
    /// At a repeated string instruction, which may have done a part.
    pub repeating: Option<Arc<Prepared>>,
}

/// Where the program's rcx is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rcx {
    /// In its register.
    Own,
    /// In the context.
    Saved,
    /// It is the address of the next instruction, as behind a system call.
    Next,
}

impl Rcx {
    /// Saved or not.
    fn saved_if(saved: bool) -> Self {
        if saved { Self::Saved } else { Self::Own }
    }
}

/// What is borrowed behind a repeated string instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Borrowed {
    /// Nothing.
    Nothing,
    /// rcx, which was zero.
    Count,
    /// rcx; and rsi and rdi, which wait in the context.
    All,
}

impl Place {
    /// Between two blocks.
    pub fn between(pc: u64) -> Self {
        Self {
            pc,
            record: None,
            substitutes: Substitutes::default(),
            rcx: Rcx::Own,
            string: Borrowed::Nothing,
            repeating: None,
        }
    }
}

impl Home {
    /// The registers with which the tracee goes on at `head`.
    pub(super) fn enter(&mut self, at: &Registers, head: u64, cursor: u64) -> GeneralRegisters {
        let mut registers = GeneralRegisters::of(at);
        self.keep(slot::R14, registers.get(Gpr::R14));
        self.keep(slot::R15, registers.get(Gpr::R15));
        registers.set(Gpr::R14, 0);
        registers.set(Gpr::R15, cursor);
        registers.jump(head);
        registers
    }

    pub(super) fn keep(&mut self, slot: usize, value: u64) {
        self.region.memory.write(slot, &value.to_le_bytes());
    }

    /// What the context holds.
    pub(super) fn kept(&self, stopped: &Stopped, slot: usize) -> u64 {
        self.region.memory.word(stopped, slot)
    }

    /// The exact place that `address` stands for; `None` in the middle of what
    /// the cache does for one instruction.
    pub(super) fn place(&self, registers: &GeneralRegisters) -> Option<Place> {
        let address = registers.pc();
        match self.cache.exit(address) {
            Some(Exit::Missing(link)) => return Some(Place::between(link.target)),
            Some(Exit::Stepped(pc) | Exit::Retired(pc)) => return Some(Place::between(pc)),
            Some(Exit::Changed(pc)) => {
                return Some(Place { rcx: Rcx::Saved, ..Place::between(pc) });
            }
            Some(Exit::Unknown) => {
                let pc = registers.get(Gpr::R14);
                return Some(Place { rcx: Rcx::Saved, ..Place::between(pc) });
            }
            Some(Exit::Bulk(_) | Exit::Calling(_) | Exit::Called(_)) | None => {}
        }
        if let Some(place) = self.cache.ways.place(registers) {
            return Some(place);
        }
        let translation = self.cache.find(address)?;
        let offset = u16::try_from(address - translation.head).ok()?;
        let before = offset == 0 || offset == translation.opening;
        if before && translation.marks.first() != Some(&offset) {
            return Some(Place::between(translation.prepared.block.start()));
        }
        let index = translation.marks.iter().position(|m| *m == offset)?;
        Some(self.inside(translation, index))
    }

    /// The last exact place at or before `address`, and how far the log's end was
    /// moved since.
    pub(super) fn place_before(&self, registers: &GeneralRegisters) -> Option<(Place, u64)> {
        if let Some(place) = self.place(registers) {
            return Some((place, 0));
        }
        let translation = self.cache.find(registers.pc())?;
        let offset = u16::try_from(registers.pc() - translation.head).ok()?;
        if let Some(leaving) = translation.leaving.iter().rfind(|l| l.from <= offset) {
            return Some(self.leaving(translation, leaving));
        }
        let after = translation.marks.partition_point(|m| *m <= offset);
        match after.checked_sub(1) {
            Some(index) => Some((self.inside(translation, index), 0)),
            None => {
                let rcx = Rcx::saved_if((1..translation.opening).contains(&offset));
                let start = translation.prepared.block.start();
                Some((Place { rcx, ..Place::between(start) }, 0))
            }
        }
    }

    /// The place on the way to where an indirect branch goes: code of no translation.
    pub(super) fn on_the_way(&self, registers: &GeneralRegisters) -> Place {
        Place { rcx: Rcx::Saved, ..Place::between(registers.get(Gpr::R14)) }
    }

    /// The place where `translation` is about to be left, and how far the log's end was
    /// moved.
    fn leaving(&self, translation: &Translation, leaving: &Leaving) -> (Place, u64) {
        let place = self.inside(translation, leaving.last.into());
        match leaving.stage {
            Stage::Open => (place, 0),
            Stage::Counted => (Place { string: Borrowed::Count, ..place }, 0),
            Stage::Borrowing => (Place { string: Borrowed::All, ..place }, 0),
            Stage::Advanced(bytes) => {
                (Place { substitutes: Substitutes::default(), ..place }, bytes.into())
            }
            Stage::Closed => (Place::between(translation.prepared.block.end()), 0),
        }
    }

    fn inside(&self, translation: &Translation, index: usize) -> Place {
        let prepared = &translation.prepared;
        let repeats = prepared.care[0].kind == Kind::RepString;
        Place {
            pc: prepared.block.address(index),
            record: (index > 0).then(|| (Arc::clone(prepared), index)),
            substitutes: translation.substitutes,
            rcx: Rcx::Own,
            string: Borrowed::Nothing,
            repeating: repeats.then(|| Arc::clone(prepared)),
        }
    }

    /// The program's registers at `place`, from the tracee's.
    pub(super) fn program_registers(
        &self,
        stopped: &Stopped,
        host: &GeneralRegisters,
        place: &Place,
    ) -> GeneralRegisters {
        let mut registers = *host;
        registers.set(Gpr::R14, self.kept(stopped, slot::R14));
        registers.set(Gpr::R15, self.kept(stopped, slot::R15));
        match place.rcx {
            Rcx::Own => {}
            Rcx::Saved => registers.set(Gpr::RCX, self.kept(stopped, slot::RCX)),
            Rcx::Next => registers.set(Gpr::RCX, place.pc),
        }
        if place.string != Borrowed::Nothing {
            registers.set(Gpr::RCX, 0);
        }
        if place.string == Borrowed::All {
            registers.set(Gpr::RSI, self.kept(stopped, slot::BORROWED[0]));
            registers.set(Gpr::RDI, self.kept(stopped, slot::BORROWED[1]));
        }
        for (index, (own, other)) in place.substitutes.iter().enumerate() {
            registers.set(own, host.get(other));
            registers.set(other, self.kept(stopped, slot::SUBSTITUTE[index]));
        }
        registers.jump(place.pc);
        registers
    }

    /// The registers a repeated string instruction started from, given those
    /// now.
    pub(super) fn before_string(
        &self,
        stopped: &Stopped,
        now: &GeneralRegisters,
        pc: u64,
    ) -> GeneralRegisters {
        let mut before = *now;
        for (slot, register) in slot::STRING.into_iter().zip([Gpr::RCX, Gpr::RSI, Gpr::RDI]) {
            before.set(register, self.kept(stopped, slot));
        }
        before.jump(pc);
        before
    }
}

impl Translate {
    /// Leaves the cache at `place`: absorbs the log, and gives the tracee the
    /// program's registers.
    pub(super) fn leave_cache(
        &mut self,
        stopped: &Stopped,
        host: &GeneralRegisters,
        place: &Place,
    ) -> Flow<()> {
        self.leaving = true;
        self.give_up_call();
        let Some(home) = &self.home else { return Ok(()) };
        let registers = home.program_registers(stopped, host, place);
        let before =
            place.repeating.as_ref().map(|_| home.before_string(stopped, &registers, place.pc));
        self.absorb(stopped, host.get(Gpr::R15), place)?;
        self.show_segv(stopped)?;
        self.step.rec.stack_limit.free(stopped);
        stopped.set_general_registers(&registers)?;
        self.mend_x87(stopped)?;
        let rec = &mut self.step.rec;
        stopped.extended_registers(&rec.layout, &mut rec.registers)?;
        if let (Some(prepared), Some(before)) = (&place.repeating, before)
            && before != registers
        {
            before.copy_to(&mut rec.registers);
            self.step.run = Some((Arc::clone(prepared), 0));
            let mut after = self.step.rec.registers;
            registers.copy_to(&mut after);
            self.step.executed(stopped, after)?;
            self.step.end_execution(false);
        }
        registers.copy_to(&mut self.step.rec.registers);
        self.leaving = false;
        Ok(())
    }

    /// A repeated string instruction of the cache has stored, and is done: its
    /// tracepoint, with the stored bytes. The tracee stays in the cache.
    pub(super) fn string_stored(
        &mut self,
        stopped: &Stopped,
        host: &GeneralRegisters,
        next: u64,
    ) -> Flow<()> {
        let Some(home) = &self.home else { return Ok(()) };
        let Some(translation) = home.cache.find(host.pc() - 1) else {
            return Ok(());
        };
        let prepared = Arc::clone(&translation.prepared);
        let substitutes = translation.substitutes;
        let place = Place { substitutes, ..Place::between(next) };
        let after = home.program_registers(stopped, host, &place);
        let before = home.before_string(stopped, &after, prepared.block.start());
        self.absorb(stopped, host.get(Gpr::R15), &Place::between(prepared.block.start()))?;
        before.copy_to(&mut self.step.rec.registers);
        self.step.run = Some((prepared, 0));
        let mut registers = self.step.rec.registers;
        after.copy_to(&mut registers);
        self.step.executed(stopped, registers)?;
        self.step.end_execution(false);
        Ok(())
    }
}
