//! One executed instruction's delta.

use super::Step;
use crate::engine::Flow;
use crate::engine::code::Prepared;
use crate::engine::stores;
use crate::tracee::Stopped;
use rdb_schema::block::Slot;
use rdb_schema::derive::{Known, LOADED, Loaded, Sources};
use rdb_schema::effects::{Effect, masked_runs};
use rdb_schema::event::{Event, EventKind};
use rdb_schema::registers::{RegisterPatch, Registers, STATUS_FLAGS, TRAP_FLAG};
use rdb_schema::replay::logged_register;
use rdb_schema::space::Mapping;
use std::sync::Arc;

impl Step {
    /// The instruction at `run` was executed; `after` are the general registers
    /// behind it (the others are read here, if it changes them).
    pub(in crate::engine) fn executed(
        &mut self,
        stopped: &Stopped,
        mut after: Registers,
    ) -> Flow<()> {
        let Some((prepared, index)) = self.run.take() else { return Ok(()) };
        let care = prepared.care[index];
        if care.extended {
            stopped.extended_registers(&self.rec.layout, &mut after)?;
        }
        if care.pushes_flags {
            self.hide_trap_flag(&after)?;
        }
        self.rec.begin_tracepoint(prepared.id)?;
        let slots = prepared.block.slots(index);
        let mut touched = self.fill(&prepared, index, &after);
        let unexplained = unexplained(&self.rec.registers, &after, slots, &touched);
        self.rec.builder.count(after.rip);
        let before = std::mem::replace(&mut self.rec.registers, after);
        self.run = Some((Arc::clone(&prepared), index + 1));
        let overran = overran(&prepared, index, before.rip, after.rip);
        let ends = index + 1 == prepared.block.instructions().len()
            || after.rip != prepared.block.address(index + 1);
        if let Some(patch) = unexplained {
            self.unexplained(&prepared, index, patch);
        }
        self.aliases(&prepared, &mut touched);
        let special = touched.own_code || touched.unmapped || touched.long.is_some();
        if ends || special || overran {
            self.end_execution(false);
        }
        if touched.unmapped {
            self.rec.follow_growth()?;
        }
        if let Some((address, length)) = touched.long {
            let aliases = self.rec.alias_ranges(address, length);
            self.rec.capture_written(&[vec![(address, length)], aliases].concat())?;
        }
        if overran {
            self.compare_memory()?;
        }
        Ok(())
    }

    /// `pushf` under single-step stores the tracer's trap flag.
    fn hide_trap_flag(&mut self, after: &Registers) -> Flow<()> {
        let mut word = [0; 2];
        let top = after.rsp();
        let own = self.rec.registers.rflags & TRAP_FLAG;
        if own == 0 && self.rec.memory.read(top, &mut word) && word[1] & 1 != 0 {
            self.rec.memory.write(top + 1, &[word[1] & !1])?;
        }
        Ok(())
    }

    /// Fills the instruction's slots in the open row.
    fn fill(&mut self, prepared: &Prepared, index: usize, after: &Registers) -> Touched {
        let mut touched = Touched::default();
        let rec = &mut self.rec;
        for slot in prepared.block.slots(index) {
            let (place, length) = (slot.offset as usize, slot.effect.slot_bytes());
            let stored = match slot.effect {
                Effect::Store { address, size, .. } => Some((address, usize::from(size))),
                Effect::StoreVector { address, bytes, .. } => Some((address, bytes.into())),
                Effect::StoreBytes { address, bytes } => Some((address, bytes.into())),
                _ => None,
            };
            if let Effect::Loaded { address, mask, element, bytes } = slot.effect {
                let (at, mask) = (address.value(&rec.registers), chosen(mask, &rec.registers));
                let loaded = stores::load(&rec.memory, at, bytes, element, mask);
                let row = rec.builder.row(&prepared.block);
                row[place..place + length].copy_from_slice(&loaded[..length]);
                touched.loaded = Loaded::new(&loaded[..length]);
            } else if let Effect::StoreMasked { address, mask, element, bytes, .. } = slot.effect {
                let start = address.value(&rec.registers);
                let mask = rec.registers.mask[usize::from(mask & 7)];
                for (offset, length) in masked_runs(mask, element, bytes) {
                    let at = start.wrapping_add(offset as u64);
                    touched.note(prepared, rec.space.find(at), at, length);
                }
            } else if let Some((address, size)) = stored {
                let address = address.value(&rec.registers);
                touched.note(prepared, rec.space.find(address), address, size);
                if length > 0 {
                    let row = rec.builder.row(&prepared.block);
                    let bytes = &mut row[place..place + length];
                    rec.memory.read(address, bytes);
                    touched.stored = low_word(bytes);
                }
            } else if slot.effect == Effect::StoreBulk {
                let Some(bulk) = prepared.bulk(index) else { continue };
                let (before, layout) = (&rec.registers, &rec.layout);
                touched.long = stores::too_long(bulk, before, after);
                if touched.long.is_some() {
                    rec.builder.bulk(&[]);
                    continue;
                }
                let segments = stores::segments(bulk, before, after, layout, &rec.memory);
                for (address, bytes) in &segments {
                    touched.note(prepared, rec.space.find(*address), *address, bytes.len());
                }
                rec.builder.bulk(&segments);
            } else {
                let row = rec.builder.row(&prepared.block);
                logged_register(&slot.effect, after, &mut row[place..]);
            }
        }
        touched
    }

    /// Records what the stores changed in other mappings of the same file.
    fn aliases(&mut self, prepared: &Prepared, touched: &mut Touched) {
        let ranges = std::mem::take(&mut touched.shared);
        let memory: Vec<_> = ranges.iter().flat_map(|(at, n)| self.rec.aliases(*at, *n)).collect();
        if memory.is_empty() {
            return;
        }
        for (address, bytes) in &memory {
            touched.note(prepared, self.rec.space.find(*address), *address, bytes.len());
        }
        let (tracepoint, thread) = (self.rec.last_tracepoint(), self.rec.pid.cast_unsigned());
        let mut event = Event::new(tracepoint, thread, EventKind::Opaque);
        event.memory = memory;
        self.rec.push_event(event);
    }

    /// Registers changed that `effects` did not name: recorded, counted, said.
    fn unexplained(&mut self, prepared: &Prepared, index: usize, patch: RegisterPatch) {
        let bytes: usize = patch.0.iter().map(|(_, b)| b.len()).sum();
        let code = prepared.block.bytes(index);
        let detail = format!(
            "registers changed beyond the effects of instruction {code:02x?}: {:x?}",
            patch.0
        );
        self.rec.warn_once(&detail);
        self.rec.unexplained += bytes as u64;
        let kind = EventKind::External { detail, bytes: bytes as u64 };
        let tracepoint = self.rec.last_tracepoint();
        let mut event = Event::new(tracepoint, self.rec.pid.cast_unsigned(), kind);
        event.registers = patch;
        self.rec.push_event(event);
    }

    /// The instruction at `run` raised a fault: a tracepoint without a delta.
    pub(super) fn faulted(&mut self) -> Flow<()> {
        let Some((prepared, _)) = &self.run else { return Ok(()) };
        self.rec.begin_tracepoint(prepared.id)?;
        self.rec.builder.count(self.rec.registers.rip);
        self.end_execution(true);
        Ok(())
    }
}

/// What an instruction's stores touched that needs care.
#[derive(Default)]
struct Touched {
    /// Bytes of the block that is being executed.
    own_code: bool,
    /// A page that is not mapped as far as we know: the stack grew.
    unmapped: bool,
    /// A range too long to be logged.
    long: Option<(u64, u64)>,
    /// What a logged store stored, up to 8 bytes of it.
    stored: u64,
    /// What was loaded, if that is logged.
    loaded: Loaded,
    /// Ranges in shared file mappings.
    shared: Vec<(u64, u64)>,
}

impl Touched {
    fn note(&mut self, prepared: &Prepared, place: Option<&Mapping>, address: u64, size: usize) {
        let block = &prepared.block;
        let end = address.saturating_add(size as u64);
        self.own_code |= address < block.end() && block.start() < end;
        match place {
            None => self.unmapped = true,
            Some(m) if m.inode != 0 && m.flags & libc::MAP_SHARED.cast_unsigned() != 0 => {
                self.shared.push((address, size as u64));
            }
            Some(_) => {}
        }
    }
}

/// The elements that mask register `mask` chooses, of which 0 chooses all.
fn chosen(mask: u8, registers: &Registers) -> u64 {
    if mask == 0 { u64::MAX } else { registers.mask[usize::from(mask & 7)] }
}

fn low_word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(word)
}

/// Whether the CPU went past the end of a straight-line instruction: the kernel
/// emulates some (sgdt, sidt, smsw under UMIP), and executes the next with them.
fn overran(prepared: &Prepared, index: usize, before: u64, after: u64) -> bool {
    let block = &prepared.block;
    let last = index + 1 == block.instructions().len();
    !last && after != block.address(index + 1) && after != before
}

/// What changed in the general registers that the effects do not say; and in a vector
/// register that is derived from memory, which somebody else may have changed since.
fn unexplained(
    before: &Registers,
    after: &Registers,
    slots: &[Slot],
    touched: &Touched,
) -> Option<RegisterPatch> {
    let known = Known { before, after: &after.gpr, stored: touched.stored };
    let sources = Sources { before, loaded: &touched.loaded };
    let mut expected = *after;
    expected.gpr = before.gpr;
    let mut flags = before.rflags;
    let (mut fs, mut gs) = (before.fs_base, before.gs_base);
    for slot in slots {
        match slot.effect {
            Effect::Gpr { register, source } => {
                let at = register.index();
                expected.gpr[at] = source.register(&known, before.gpr[at], after.gpr[at]);
            }
            Effect::FlagsOf { rule, inputs } => {
                flags = flags & !STATUS_FLAGS | inputs.flags(rule, &known);
            }
            Effect::StatusFlags => {
                flags = flags & !STATUS_FLAGS | after.rflags & STATUS_FLAGS;
            }
            Effect::Flags => flags = after.rflags & 0xffff_ffff,
            Effect::FlagsConst { mask, value } => {
                flags = flags & !u64::from(mask) | u64::from(value & mask);
            }
            Effect::VectorOf(vector) if vector.elements.operands.contains(&LOADED) => {
                expected.vector[usize::from(vector.register & 31)] = vector.value(&sources);
            }
            Effect::FsBase => fs = after.fs_base,
            Effect::GsBase => gs = after.gs_base,
            _ => {}
        }
    }
    (expected.rflags, expected.fs_base, expected.gs_base) = (flags, fs, gs);
    expected.selectors = before.selectors;
    (expected != *after).then(|| RegisterPatch::between(&expected, after))
}
