//! What must be seen afterwards, if the effects are right.

use super::child::SCRATCH;
use iced_x86::Instruction;
use rdb_schema::derive::{Known, Loaded, Sources};
use rdb_schema::effects::{
    Address, Bulk, Effect, Source, bit_string_address, effects, scatter_addresses,
};
use rdb_schema::registers::{Registers, STATUS_FLAGS};

/// Bytes an xsave may write: more than any area.
const XSAVE_BYTES: usize = 0x3000;

/// AF and OF, which shifts and logic may leave undefined. The rules for them were
/// made for Intel's CPUs; a recorder tries its own.
const UNDEFINED: u64 = 1 << 4 | 1 << 11;

fn is_intel() -> bool {
    std::arch::x86_64::__cpuid(0).ecx == u32::from_le_bytes(*b"ntel")
}

/// Registers and scratch memory around one step.
pub struct Case<'a> {
    pub before: &'a Registers,
    pub after: &'a Registers,
    pub memory: &'a [u8],
    pub memory_after: &'a [u8],
}

impl Case<'_> {
    /// Applies the effects to the state before, taking from the state after
    /// only what the log would have; the outcome must be the state after.
    pub fn check(&self, instruction: &Instruction) -> Result<(), String> {
        let effects = effects(instruction);
        let mut registers = *self.before;
        let mut memory = self.memory.to_vec();
        registers.rip = self.after.rip;
        for effect in &effects.list {
            self.apply(effect, &effects.list, &mut registers);
            self.store(effect, effects.bulk.as_ref(), &mut memory);
        }
        self.compare(&registers, &memory).map_err(|e| format!("{e}; {:?}", effects.list))
    }

    fn apply(&self, effect: &Effect, list: &[Effect], r: &mut Registers) {
        let after = self.after;
        match *effect {
            Effect::Gpr { register, source } => {
                let at = register.index();
                r.gpr[at] = source.register(&self.known(0), self.before.gpr[at], after.gpr[at]);
            }
            Effect::StatusFlags => {
                r.rflags = r.rflags & !STATUS_FLAGS | after.rflags & STATUS_FLAGS;
            }
            Effect::FlagsOf { rule, inputs } => {
                let flags = inputs.flags(rule, &self.known(self.stored(list)));
                r.rflags = r.rflags & !STATUS_FLAGS | flags;
                if rule.is_empirical() && !is_intel() {
                    r.rflags = r.rflags & !UNDEFINED | after.rflags & UNDEFINED;
                }
            }
            Effect::Flags => r.rflags = after.rflags,
            Effect::FlagsConst { mask, value } => {
                r.rflags = r.rflags & !u64::from(mask) | u64::from(value);
            }
            Effect::FsBase => r.fs_base = after.fs_base,
            Effect::GsBase => r.gs_base = after.gs_base,
            Effect::Vector { register, bytes, zero_upper } => {
                let (at, low) = (usize::from(register), usize::from(bytes));
                r.vector[at][..low].copy_from_slice(&after.vector[at][..low]);
                if zero_upper {
                    r.vector[at][low..].fill(0);
                }
            }
            Effect::VectorOf(vector) => {
                let loaded = self.loaded(list);
                let sources = Sources { before: self.before, loaded: &loaded };
                r.vector[usize::from(vector.register)] = vector.value(&sources);
            }
            Effect::MaskOf { register, elements } => {
                let loaded = self.loaded(list);
                let sources = Sources { before: self.before, loaded: &loaded };
                r.mask[usize::from(register)] = elements.mask(&sources);
            }
            Effect::ZeroVectors { keep } => {
                r.vector[..16].iter_mut().for_each(|v| v[usize::from(keep)..].fill(0));
            }
            Effect::Mask { register } => {
                r.mask[usize::from(register)] = after.mask[usize::from(register)];
            }
            Effect::X87 => r.x87 = after.x87,
            Effect::Mxcsr => r.mxcsr = after.mxcsr,
            Effect::Pkru => r.pkru = after.pkru,
            Effect::Loaded { .. }
            | Effect::Store { .. }
            | Effect::StoreVector { .. }
            | Effect::StoreMasked { .. }
            | Effect::StoreBytes { .. }
            | Effect::StoreBulk => {}
        }
    }

    /// What the log has of the instruction's memory operand.
    fn loaded(&self, list: &[Effect]) -> Loaded {
        list.iter().find_map(|effect| self.load(effect)).unwrap_or(Loaded::NOTHING)
    }

    fn load(&self, effect: &Effect) -> Option<Loaded> {
        let Effect::Loaded { address, mask, element, bytes } = *effect else { return None };
        let start = address.value(self.before).wrapping_sub(SCRATCH) as usize;
        let mut loaded = self.memory.get(start..start.checked_add(bytes.into())?)?.to_vec();
        for (index, cell) in loaded.chunks_mut(element.into()).enumerate() {
            if mask != 0 && self.before.mask[usize::from(mask)] >> index & 1 == 0 {
                cell.fill(0);
            }
        }
        Some(Loaded::new(&loaded))
    }

    fn known(&self, stored: u64) -> Known<'_> {
        Known { before: self.before, after: &self.after.gpr, stored }
    }

    /// What the log has of the instruction's store.
    fn stored(&self, list: &[Effect]) -> u64 {
        list.iter().map(|effect| self.logged_store(effect)).sum()
    }

    fn logged_store(&self, effect: &Effect) -> u64 {
        let Effect::Store { address, size, source: Source::Logged } = effect else { return 0 };
        let start = address.value(self.before).wrapping_sub(SCRATCH) as usize;
        let mut bytes = [0; 8];
        let size = usize::from(*size);
        if let Some(actual) = self.memory_after.get(start..start.saturating_add(size)) {
            bytes[..size].copy_from_slice(actual);
        }
        u64::from_le_bytes(bytes)
    }

    fn store(&self, effect: &Effect, bulk: Option<&Bulk>, memory: &mut [u8]) {
        let before = self.before;
        match *effect {
            Effect::Store { address, size, source } => {
                let value = match source {
                    Source::Logged => return self.logged(&address, size.into(), memory),
                    _ => source.stored(&self.known(0), 0),
                };
                put(memory, address.value(before), &value.to_le_bytes()[..usize::from(size)]);
            }
            Effect::StoreVector { address, register, bytes } => {
                let vector = &before.vector[usize::from(register)];
                put(memory, address.value(before), &vector[..usize::from(bytes)]);
            }
            Effect::StoreMasked { address, register, mask, element, bytes } => {
                let (start, element) = (address.value(before), usize::from(element));
                let vector = &before.vector[usize::from(register)][..usize::from(bytes)];
                for (index, lane) in vector.chunks(element).enumerate() {
                    if before.mask[usize::from(mask)] >> index & 1 == 1 {
                        put(memory, start + (index * element) as u64, lane);
                    }
                }
            }
            Effect::StoreBytes { address, bytes } => self.logged(&address, bytes.into(), memory),
            Effect::StoreBulk => {
                if let Some(bulk) = bulk {
                    self.bulk(bulk, memory);
                }
            }
            _ => {}
        }
    }

    fn bulk(&self, bulk: &Bulk, memory: &mut [u8]) {
        match *bulk {
            Bulk::RepString { element, .. } => {
                let element = u64::from(element);
                let (from, to) = (self.before.gpr[7] as u32, self.after.gpr[7] as u32);
                let (low, high) = if to >= from { (from, to) } else { (to, from) };
                // Backwards, the last element is above where rdi ends.
                let shift = if to >= from { 0 } else { element };
                self.range(u64::from(low) + shift, u64::from(high - low) as usize, memory);
            }
            Bulk::Masked { address, bytes, mask } => {
                for (at, length) in mask.runs(&address, bytes, self.before) {
                    self.range(at, length, memory);
                }
            }
            Bulk::Xsave { address, .. } => self.logged(&address, XSAVE_BYTES, memory),
            Bulk::BitString { address, index, bytes } => {
                let at = bit_string_address(&address, index, bytes, self.before);
                self.range(at, bytes.into(), memory);
            }
            Bulk::Scatter { element, .. } => {
                for at in scatter_addresses(bulk, self.before) {
                    self.range(at, element.into(), memory);
                }
            }
        }
    }

    fn logged(&self, address: &Address, bytes: usize, memory: &mut [u8]) {
        self.range(address.value(self.before), bytes, memory);
    }

    fn range(&self, at: u64, bytes: usize, memory: &mut [u8]) {
        let start = at.wrapping_sub(SCRATCH) as usize;
        let end = start.saturating_add(bytes).min(self.memory_after.len());
        if let Some(actual) = self.memory_after.get(start..end) {
            put(memory, at, actual);
        }
    }

    fn compare(&self, registers: &Registers, memory: &[u8]) -> Result<(), String> {
        let (mut foretold, mut actual) = (*registers, *self.after);
        // The tracer's own flags.
        let ours = 1 << 8 | 1 << 16;
        (foretold.rflags, actual.rflags) = (foretold.rflags | ours, actual.rflags | ours);
        let bytes = foretold.as_bytes().iter().zip(actual.as_bytes());
        if let Some(at) = bytes.clone().position(|(a, b)| a != b) {
            return Err(self.register_difference(at, &foretold, &actual));
        }
        match memory.iter().zip(self.memory_after).position(|(a, b)| a != b) {
            Some(at) => Err(format!(
                "memory at {:#x}: foretold {:02x?}, got {:02x?}",
                SCRATCH + at as u64,
                &memory[at..(at + 16).min(memory.len())],
                &self.memory_after[at..(at + 16).min(memory.len())]
            )),
            None => Ok(()),
        }
    }

    fn register_difference(&self, at: usize, foretold: &Registers, actual: &Registers) -> String {
        let granule = |r: &Registers| r.as_bytes()[at & !7..][..8].to_vec();
        format!(
            "registers at byte {at}: before {:02x?}, foretold {:02x?}, got {:02x?}",
            granule(self.before),
            granule(foretold),
            granule(actual)
        )
    }
}

fn put(memory: &mut [u8], at: u64, bytes: &[u8]) {
    let start = at.wrapping_sub(SCRATCH) as usize;
    if let Some(place) = memory.get_mut(start..start.saturating_add(bytes.len())) {
        place.copy_from_slice(bytes);
    }
}
