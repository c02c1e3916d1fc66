//! The naive machine: every state in full.

use rdb_schema::block::{Block, Slot};
use rdb_schema::derive::{Known, Loaded, Sources};
use rdb_schema::effects::{Effect, Source};
use rdb_schema::event::Event;
use rdb_schema::registers::{Registers, STATUS_FLAGS};
use rdb_schema::space::{AddressSpace, Base, MappingChange, PAGE};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub type Page = Arc<Vec<Option<u8>>>;

#[derive(Clone)]
pub struct State {
    pub registers: Registers,
    pub space: AddressSpace,
    pub pages: BTreeMap<u64, Page>,
}

impl State {
    pub fn byte(&self, address: u64) -> Option<u8> {
        self.space.find(address)?;
        self.pages.get(&(address / PAGE))?[(address % PAGE) as usize]
    }

    pub fn memory(&self, address: u64, length: usize) -> Vec<Option<u8>> {
        (0..length as u64).map(|i| self.byte(address + i)).collect()
    }

    /// Applies a mapping change; `before` is the state the tracepoint started from.
    pub fn map(&mut self, change: &MappingChange, before: &State, module: &[u8]) {
        self.space.apply(change);
        match change {
            MappingChange::Map(mapping) => {
                for start in (mapping.start..mapping.end).step_by(PAGE as usize) {
                    let offset = start - mapping.start;
                    let page = (0..PAGE).map(|i| match mapping.base {
                        Base::Zero => Some(0),
                        Base::Unreadable => None,
                        Base::Moved(from) => before.byte(from + offset + i),
                        Base::Module(_) => {
                            let at = mapping.file_offset + offset + i;
                            Some(module.get(at as usize).copied().unwrap_or(0))
                        }
                    });
                    self.pages.insert(start / PAGE, Arc::new(page.collect()));
                }
            }
            MappingChange::Unmap { start, end } => {
                (start / PAGE..end / PAGE).for_each(|p| drop(self.pages.remove(&p)));
            }
            MappingChange::Clear => self.pages.clear(),
            MappingChange::Protect { .. } | MappingChange::Advise { .. } => {}
        }
    }

    /// Stores what falls on mapped pages, and notes those.
    pub fn store(&mut self, address: u64, bytes: &[u8], dirty: &mut BTreeSet<u64>) {
        for (i, byte) in bytes.iter().enumerate() {
            let Some(at) = address.checked_add(i as u64) else { return };
            if let Some(page) = self.pages.get_mut(&(at / PAGE)) {
                Arc::make_mut(page)[(at % PAGE) as usize] = Some(*byte);
                dirty.insert(at / PAGE);
            }
        }
    }
}

/// One tracepoint's part in a chunk.
pub struct Step<'a> {
    pub block: &'a Block,
    pub index: usize,
    pub row: &'a [u8],
    pub faulted: bool,
    /// rip afterwards, events aside.
    pub rip: u64,
    pub bulk: &'a [(u64, Vec<u8>)],
}

/// The state after `step` and its events.
pub fn advance(
    before: &State,
    step: &Step,
    events: &[Event],
    module: &[u8],
    dirty: &mut BTreeSet<u64>,
) -> State {
    let mut after = before.clone();
    for change in events.iter().flat_map(|e| &e.mappings) {
        after.map(change, before, module);
    }
    if !step.faulted {
        for slot in step.block.slots(step.index) {
            apply(&mut after, before, slot, step, dirty);
        }
    }
    after.registers.rip = step.rip;
    for event in events {
        event.registers.apply(&mut after.registers);
        event.memory.iter().for_each(|(a, b)| after.store(*a, b, dirty));
    }
    after
}

/// What vectors are derived from where nothing is loaded.
fn registers(before: &Registers) -> Sources<'_> {
    Sources { before, loaded: &Loaded::NOTHING }
}

fn apply(after: &mut State, before: &State, slot: &Slot, step: &Step, dirty: &mut BTreeSet<u64>) {
    let old = &before.registers;
    let logged = &step.row[slot.offset as usize..];
    let word = |n: usize| {
        let mut bytes = [0; 8];
        bytes[..n].copy_from_slice(&logged[..n]);
        u64::from_le_bytes(bytes)
    };
    match slot.effect {
        Effect::Gpr { register, source } => {
            let was = old.gpr[register.index()];
            let known = Known { before: old, after: &old.gpr, stored: 0 };
            after.registers.gpr[register.index()] = match source {
                Source::Logged => word(8),
                _ => source.register(&known, was, 0),
            }
        }
        Effect::StatusFlags => {
            let [overflow, low] = [logged[0], logged[1]].map(u64::from);
            let new = (overflow << 11 | low) & STATUS_FLAGS;
            after.registers.rflags = after.registers.rflags & !STATUS_FLAGS | new;
        }
        Effect::FlagsOf { rule, inputs } => {
            let new = inputs.flags(rule, &Known { before: old, after: &old.gpr, stored: 0 });
            after.registers.rflags = after.registers.rflags & !STATUS_FLAGS | new;
        }
        Effect::Store { address, size, source } => {
            let value = match source {
                Source::Logged => word(size.into()),
                _ => source.stored(&Known { before: old, after: &old.gpr, stored: 0 }, 0),
            };
            after.store(address.value(old), &value.to_le_bytes()[..size.into()], dirty);
        }
        Effect::StoreVector { address, register, bytes } => {
            let bytes = &old.vector[usize::from(register)][..bytes.into()];
            after.store(address.value(old), bytes, dirty);
        }
        Effect::StoreMasked { address, register, mask, element, bytes } => {
            let vector = &old.vector[usize::from(register)][..bytes.into()];
            for (lane, bytes) in vector.chunks(element.into()).enumerate() {
                if old.mask[usize::from(mask)] >> lane & 1 == 1 {
                    let at = address.value(old).wrapping_add((lane * bytes.len()) as u64);
                    after.store(at, bytes, dirty);
                }
            }
        }
        Effect::StoreBytes { address, bytes } => {
            after.store(address.value(old), &logged[..bytes.into()], dirty);
        }
        Effect::StoreBulk => step.bulk.iter().for_each(|(a, b)| after.store(*a, b, dirty)),
        Effect::Vector { register, bytes, zero_upper } => {
            let vector = &mut after.registers.vector[usize::from(register)];
            vector[..bytes.into()].copy_from_slice(&logged[..bytes.into()]);
            if zero_upper {
                vector[bytes.into()..].fill(0);
            }
        }
        Effect::VectorOf(vector) => {
            after.registers.vector[usize::from(vector.register)] = vector.value(&registers(old));
        }
        Effect::MaskOf { register, elements } => {
            after.registers.mask[usize::from(register)] = elements.mask(&registers(old));
        }
        Effect::Mask { register } => after.registers.mask[usize::from(register)] = word(8),
        other => panic!("the machine does not know {other:?}"),
    }
}
