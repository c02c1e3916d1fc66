//! Replay: walking a chunk forwards, one tracepoint at a time. The reader's
//! states and the recorder's model both come from here.

use crate::block::Slot;
use crate::chunk::{Chunk, Dictionary};
use crate::derive::{Known, Loaded, Sources};
use crate::effects::{Effect, Source, X87_BYTES, masked_runs};
use crate::event::Event;
use crate::registers::{Gpr, Registers, STATUS_FLAGS};
use crate::varint::{Malformed, Reader};

/// Receives what replay does besides registers.
pub trait Sink {
    /// Bytes stored at `address` by `tracepoint`.
    fn store(&mut self, tracepoint: u64, address: u64, bytes: &[u8]);
    /// An event of the tracepoint; its stores come separately, through `store`,
    /// after this call.
    fn event(&mut self, event: &Event);
}

/// A sink for callers that only want registers.
pub struct Ignore;

impl Sink for Ignore {
    fn store(&mut self, _: u64, _: u64, _: &[u8]) {}
    fn event(&mut self, _: &Event) {}
}

/// A place in a chunk, with the registers there. Small enough to keep many.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// Registers at state `tracepoint`.
    pub registers: Registers,
    /// The next tracepoint to replay.
    pub tracepoint: u64,
    execution: usize,
    instruction: usize,
    bulk: usize,
    event: usize,
}

impl Cursor {
    /// At the chunk's keyframe.
    pub fn new(chunk: &Chunk) -> Self {
        Self {
            registers: chunk.keyframe,
            tracepoint: chunk.first,
            execution: 0,
            instruction: 0,
            bulk: 0,
            event: 0,
        }
    }

    /// Replays up to state `until` (at most the chunk's end).
    ///
    /// # Errors
    /// [`Malformed`] when the chunk and the dictionary disagree; the cursor then
    /// stands where that was found.
    pub fn advance(
        &mut self,
        chunk: &Chunk,
        dictionary: &Dictionary,
        until: u64,
        sink: &mut impl Sink,
    ) -> Result<(), Malformed> {
        let until = until.min(chunk.end());
        // A chunk under construction: the last tracepoint may have got more events
        // since it was replayed.
        if let Some(last) = self.tracepoint.checked_sub(1) {
            self.apply_events(chunk, last, sink);
        }
        while self.tracepoint < until {
            self.replay_execution(chunk, dictionary, until, sink)?;
        }
        Ok(())
    }

    /// The execution that it stands before; none inside of one.
    pub fn execution(&self) -> Option<usize> {
        (self.instruction == 0).then_some(self.execution)
    }

    /// The tracepoint of the first event that was not applied.
    pub fn next_event(&self, chunk: &Chunk) -> Option<u64> {
        chunk.events.get(self.event).map(|event| event.tracepoint)
    }

    /// Goes on to execution `index`, or to the end behind the last. Between are executions
    /// without events and without bulk stores; the registers are the caller's, but for rip.
    pub fn pass_to(&mut self, chunk: &Chunk, dictionary: &Dictionary, index: usize) {
        self.execution = index.saturating_sub(1);
        self.registers.rip = self.pc_after_execution(chunk, dictionary);
        let execution = chunk.path.get(index);
        self.tracepoint = execution.map_or(chunk.end(), |e| chunk.first + u64::from(e.start));
        (self.execution, self.instruction) = (index, 0);
    }

    /// Replays what is left of the current execution, or up to `until`.
    fn replay_execution(
        &mut self,
        chunk: &Chunk,
        dictionary: &Dictionary,
        until: u64,
        sink: &mut impl Sink,
    ) -> Result<(), Malformed> {
        let execution = chunk.path.get(self.execution).ok_or(Malformed)?;
        let id = chunk.blocks.get(execution.block as usize).ok_or(Malformed)?.id;
        let block = dictionary.get(id).ok_or(Malformed)?;
        let row = chunk.row(execution, block.row_bytes()).ok_or(Malformed)?;
        let length = chunk.execution_length(self.execution) as usize;
        if length > block.instructions().len() || length == 0 {
            return Err(Malformed);
        }
        let faulted = chunk.cut(self.execution).is_some_and(|c| c.faulted);
        let next_event = |event: usize| chunk.events.get(event).map_or(u64::MAX, |e| e.tracepoint);
        let mut due = next_event(self.event);
        let count = usize::try_from(until - self.tracepoint).unwrap_or(length);
        let end = self.instruction.saturating_add(count).min(length - usize::from(faulted));
        for step in block.steps(self.instruction, length).take(count) {
            let last = self.instruction + 1 == length;
            if !(last && faulted) {
                let slots = seen(step.slots, step.leaves_flags_unseen(end));
                self.apply(chunk, slots, row, sink)?;
            }
            self.registers.rip = match (last, faulted) {
                (false, _) => step.behind,
                (true, true) => block.address(self.instruction),
                (true, false) => self.pc_after_execution(chunk, dictionary),
            };
            if due <= self.tracepoint {
                self.apply_events(chunk, self.tracepoint, sink);
                due = next_event(self.event);
            }
            self.tracepoint += 1;
            self.instruction += 1;
        }
        if self.instruction == length {
            self.instruction = 0;
            self.execution += 1;
        }
        Ok(())
    }

    fn pc_after_execution(&self, chunk: &Chunk, dictionary: &Dictionary) -> u64 {
        let next = chunk.path.get(self.execution + 1);
        let block = next.and_then(|e| chunk.blocks.get(e.block as usize));
        block.and_then(|b| dictionary.get(b.id)).map_or(chunk.end_pc, |b| b.start())
    }

    /// Applies the events up to `tracepoint` that were not applied yet.
    fn apply_events(&mut self, chunk: &Chunk, tracepoint: u64, sink: &mut impl Sink) {
        while let Some(event) = chunk.events.get(self.event) {
            if event.tracepoint > tracepoint {
                break;
            }
            self.event += 1;
            event.registers.apply(&mut self.registers);
            sink.event(event);
            for (address, bytes) in &event.memory {
                sink.store(tracepoint, *address, bytes);
            }
        }
    }

    /// Applies one instruction's effects. Most have but one, or a register and the flags
    /// that follow from it: those are applied without copying all registers.
    #[inline]
    fn apply(
        &mut self,
        chunk: &Chunk,
        slots: &[Slot],
        row: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(), Malformed> {
        let registers = &mut self.registers;
        match slots {
            [] => Ok(()),
            [Slot { effect: Effect::Gpr { register, source }, offset }] => {
                let known = Known { before: registers, after: &registers.gpr, stored: 0 };
                let value = general(&known, (*register, source), row, *offset)?;
                registers.gpr[register.index()] = value;
                Ok(())
            }
            [Slot { effect: Effect::FlagsOf { rule, inputs }, .. }] => {
                let known = Known { before: registers, after: &registers.gpr, stored: 0 };
                let flags = inputs.flags(*rule, &known);
                registers.rflags = registers.rflags & !STATUS_FLAGS | flags;
                Ok(())
            }
            [
                Slot { effect: Effect::Gpr { register, source }, offset },
                Slot { effect: Effect::FlagsOf { rule, inputs }, .. },
            ] => {
                let mut after = registers.gpr;
                let at = register.index();
                let known = Known { before: registers, after: &after, stored: 0 };
                after[at] = general(&known, (*register, source), row, *offset)?;
                let flags =
                    inputs.flags(*rule, &Known { before: registers, after: &after, stored: 0 });
                registers.gpr[at] = after[at];
                registers.rflags = registers.rflags & !STATUS_FLAGS | flags;
                Ok(())
            }
            [Slot { effect: Effect::Store { address, size, source }, offset }] => {
                let known = Known { before: registers, after: &registers.gpr, stored: 0 };
                let value = stored_value(&known, (*size, source), row, *offset)?.to_le_bytes();
                let bytes = value.get(..usize::from(*size)).ok_or(Malformed)?;
                sink.store(self.tracepoint, address.value(registers), bytes);
                Ok(())
            }
            _ => self.apply_all(chunk, slots, row, sink),
        }
    }

    /// The same whatever they are: all are evaluated against the registers before it, so
    /// general registers change last.
    fn apply_all(
        &mut self,
        chunk: &Chunk,
        slots: &[Slot],
        row: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(), Malformed> {
        let before = &self.registers;
        let mut gpr = before.gpr;
        let (mut others, mut stored, mut derived) = (false, 0, None);
        for slot in slots {
            let logged = row.get(slot.offset as usize..).ok_or(Malformed)?;
            let mut logged = Reader::new(logged);
            match slot.effect {
                Effect::Gpr { register, ref source } => {
                    let known = Known { before, after: &gpr, stored };
                    gpr[register.index()] = general(&known, (register, source), row, slot.offset)?;
                }
                Effect::Store { address, size, source } => {
                    let known = Known { before, after: &gpr, stored };
                    stored = stored_value(&known, (size, &source), row, slot.offset)?;
                    let bytes = stored.to_le_bytes();
                    let bytes = bytes.get(..size.into()).ok_or(Malformed)?;
                    sink.store(self.tracepoint, address.value(before), bytes);
                }
                Effect::StoreVector { address, .. } | Effect::StoreMasked { address, .. } => {
                    let (effect, address) = (&slot.effect, address.value(before));
                    store_vector(effect, before, (self.tracepoint, address), sink)?;
                }
                Effect::StoreBytes { address, bytes } => {
                    let bytes = logged.take(bytes.into())?;
                    sink.store(self.tracepoint, address.value(before), bytes);
                }
                Effect::FlagsOf { rule, inputs } => derived = Some((rule, inputs)),
                Effect::StoreBulk => {
                    self.bulk = store_bulk(self.tracepoint, chunk, self.bulk, sink)?
                }
                _ => others = true,
            }
        }
        if let Some((rule, inputs)) = derived {
            let flags = inputs.flags(rule, &Known { before, after: &gpr, stored });
            self.registers.rflags = self.registers.rflags & !STATUS_FLAGS | flags;
        }
        self.registers.gpr = gpr;
        if others { set_others(&mut self.registers, slots, row) } else { Ok(()) }
    }
}

/// Applies those of an instruction's effects that change neither memory, nor general registers,
/// nor flags as a rule says. What they change follows from the row and from registers that such
/// effects alone change.
///
/// # Errors
/// [`Malformed`]: the row is too short, or there is no such register.
pub fn set_others(registers: &mut Registers, slots: &[Slot], row: &[u8]) -> Result<(), Malformed> {
    let mut loaded = Loaded::NOTHING;
    for slot in slots.iter().filter(|slot| is_other(&slot.effect)) {
        let logged = row.get(slot.offset as usize..).ok_or(Malformed)?;
        let logged = logged.get(..slot.effect.slot_bytes()).ok_or(Malformed)?;
        match slot.effect {
            Effect::Loaded { .. } => loaded = Loaded::new(logged),
            _ => set(registers, &slot.effect, logged, &loaded)?,
        }
    }
    Ok(())
}

/// Gives `sink` what an effect stores of the vector `registers` before its instruction, at a
/// tracepoint and address; of others nothing.
///
/// # Errors
/// [`Malformed`]: there is no such register.
pub fn store_vector(
    effect: &Effect,
    registers: &Registers,
    (tracepoint, start): (u64, u64),
    sink: &mut impl Sink,
) -> Result<(), Malformed> {
    let vector = |register: u8| registers.vector.get(usize::from(register)).ok_or(Malformed);
    match *effect {
        Effect::StoreVector { register, bytes, .. } => {
            let bytes = vector(register)?.get(..bytes.into()).ok_or(Malformed)?;
            sink.store(tracepoint, start, bytes);
        }
        Effect::StoreMasked { register, mask, element, bytes, .. } => {
            let mask = registers.mask.get(usize::from(mask)).ok_or(Malformed)?;
            for (offset, length) in masked_runs(*mask, element, bytes) {
                let run = vector(register)?.get(offset..offset + length).ok_or(Malformed)?;
                sink.store(tracepoint, start.wrapping_add(offset as u64), run);
            }
        }
        _ => {}
    }
    Ok(())
}

/// What an instruction leaves in a general register; its logged value stands in the row at
/// `offset`.
fn general(
    known: &Known,
    (register, source): (Gpr, &Source),
    row: &[u8],
    offset: u32,
) -> Result<u64, Malformed> {
    match source {
        Source::Logged => {
            let bytes = row.get(offset as usize..).and_then(|row| row.first_chunk());
            Ok(u64::from_le_bytes(*bytes.ok_or(Malformed)?))
        }
        _ => Ok(source.register(known, known.before.gpr[register.index()], 0)),
    }
}

/// The value that an instruction stores in `size` bytes, likewise.
#[inline]
fn stored_value(
    known: &Known,
    (size, source): (u8, &Source),
    row: &[u8],
    offset: u32,
) -> Result<u64, Malformed> {
    match source {
        Source::Logged => {
            Reader::new(row.get(offset as usize..).ok_or(Malformed)?).integer(size.into())
        }
        _ => Ok(source.stored(known, 0)),
    }
}

/// The effects that count: not the derived flags behind the others, where they are `unseen`.
#[inline]
fn seen(slots: &[Slot], unseen: bool) -> &[Slot] {
    match slots {
        [rest @ .., Slot { effect: Effect::FlagsOf { .. }, .. }] if unseen => rest,
        slots => slots,
    }
}

fn store_bulk(
    tracepoint: u64,
    chunk: &Chunk,
    position: usize,
    sink: &mut impl Sink,
) -> Result<usize, Malformed> {
    let mut from = Reader::new(chunk.bulk.get(position..).ok_or(Malformed)?);
    for _ in 0..from.varint()? {
        let address = from.integer(8)?;
        let length = usize::try_from(from.varint()?).map_err(|_| Malformed)?;
        sink.store(tracepoint, address, from.take(length)?);
    }
    Ok(chunk.bulk.len() - from.remaining())
}

/// Whether it is an effect on other registers than general ones, which a store
/// of the same instruction may still read.
pub fn is_other(effect: &Effect) -> bool {
    !matches!(
        effect,
        Effect::Gpr { .. }
            | Effect::Store { .. }
            | Effect::StoreVector { .. }
            | Effect::StoreMasked { .. }
            | Effect::StoreBytes { .. }
            | Effect::StoreBulk
            | Effect::FlagsOf { .. }
    )
}

/// Gives a register other than a general one its logged value, or what follows from
/// `loaded` and others.
fn set(
    registers: &mut Registers,
    effect: &Effect,
    bytes: &[u8],
    loaded: &Loaded,
) -> Result<(), Malformed> {
    let value = || Reader::new(bytes).integer(bytes.len());
    match *effect {
        Effect::StatusFlags => {
            let flags = unpack_status(value()? as u16);
            registers.rflags = registers.rflags & !STATUS_FLAGS | flags;
        }
        Effect::Flags => registers.rflags = value()?,
        Effect::FlagsConst { mask, value } => {
            registers.rflags = registers.rflags & !u64::from(mask) | u64::from(value & mask);
        }
        Effect::FsBase => registers.fs_base = value()?,
        Effect::GsBase => registers.gs_base = value()?,
        Effect::Mask { register } => {
            *registers.mask.get_mut(usize::from(register)).ok_or(Malformed)? = value()?;
        }
        Effect::Mxcsr => registers.mxcsr = value()? as u32,
        Effect::Pkru => registers.pkru = value()? as u32,
        Effect::X87 => {
            let bytes: &[u8; X87_BYTES] = bytes.try_into().map_err(|_| Malformed)?;
            registers.x87 = bytemuck::pod_read_unaligned(bytes);
        }
        Effect::Vector { register, zero_upper, .. } => {
            let vector = registers.vector.get_mut(usize::from(register)).ok_or(Malformed)?;
            let (low, high) = vector.split_at_mut_checked(bytes.len()).ok_or(Malformed)?;
            low.copy_from_slice(bytes);
            if zero_upper {
                high.fill(0);
            }
        }
        Effect::VectorOf(derived) => {
            let value = derived.value(&Sources { before: registers, loaded });
            *registers.vector.get_mut(usize::from(derived.register)).ok_or(Malformed)? = value;
        }
        Effect::MaskOf { register, elements } => {
            let value = elements.mask(&Sources { before: registers, loaded });
            *registers.mask.get_mut(usize::from(register)).ok_or(Malformed)? = value;
        }
        Effect::ZeroVectors { keep } => {
            for vector in &mut registers.vector[..16] {
                vector[usize::from(keep.min(64))..].fill(0);
            }
        }
        Effect::Gpr { .. }
        | Effect::Loaded { .. }
        | Effect::Store { .. }
        | Effect::StoreVector { .. }
        | Effect::StoreMasked { .. }
        | Effect::StoreBytes { .. }
        | Effect::StoreBulk
        | Effect::FlagsOf { .. } => return Err(Malformed),
    }
    Ok(())
}

/// The value that effect's slot logs, from the registers after the instruction;
/// the counterpart of replay. Stores are not registers and give nothing.
pub fn logged_register(effect: &Effect, after: &Registers, row: &mut [u8]) {
    let mut put = |bytes: &[u8]| {
        if let Some(slot) = row.get_mut(..bytes.len()) {
            slot.copy_from_slice(bytes);
        }
    };
    match *effect {
        Effect::Gpr { register, source: Source::Logged } => {
            put(&after.gpr[register.index()].to_le_bytes());
        }
        Effect::StatusFlags => put(&pack_status(after.rflags).to_le_bytes()),
        Effect::Flags => put(&(after.rflags as u32).to_le_bytes()),
        Effect::FsBase => put(&after.fs_base.to_le_bytes()),
        Effect::GsBase => put(&after.gs_base.to_le_bytes()),
        Effect::Mask { register } => {
            put(&after.mask[usize::from(register & 7)].to_le_bytes());
        }
        Effect::Mxcsr => put(&after.mxcsr.to_le_bytes()),
        Effect::Pkru => put(&after.pkru.to_le_bytes()),
        Effect::X87 => put(bytemuck::bytes_of(&after.x87)),
        Effect::Vector { register, bytes, .. } => {
            put(&after.vector[usize::from(register & 31)][..usize::from(bytes.min(64))]);
        }
        _ => {}
    }
}

/// [`STATUS_FLAGS`] as a row has them: what `seto al; lahf` leaves in ax (Intel
/// SDM vol. 2, LAHF).
pub fn pack_status(rflags: u64) -> u16 {
    let overflow = rflags >> 11 & 1;
    ((rflags & LAHF) << 8 | FIXED | overflow) as u16
}

/// The inverse of [`pack_status`].
pub fn unpack_status(packed: u16) -> u64 {
    u64::from(packed) >> 8 & LAHF | (u64::from(packed) & 1) << 11
}

/// The status flags that `lahf` takes: all but OF.
const LAHF: u64 = STATUS_FLAGS & 0xff;

/// The bit of ah that is always set.
const FIXED: u64 = 1 << 9;
