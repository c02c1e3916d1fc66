//! Sweeping over a chunk: where it stores, which registers it writes, where the
//! stack pointer goes, execution by execution.

use crate::plan::registers::{STACK_POINTER, of_patch};
use crate::plan::{Extent, Held, Machine, Plan, StoredAt, Wanted, compile};
use rdb_schema::block::Block;
use rdb_schema::chunk::{Chunk, Dictionary, Execution};
use rdb_schema::event::Event;
use rdb_schema::registers::Registers;
use rdb_schema::varint::{Malformed, Reader};
use std::ops::Range;
use std::sync::OnceLock;

/// A store. Times are tracepoints relative to the chunk's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// When.
    pub time: u32,
    /// Where.
    pub address: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Whether all of them are stored; else some are.
    pub all: bool,
}

/// Consecutive instructions of one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Time of the first.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// Registers they write.
    pub writes: u64,
    /// The lowest value of the stack pointer, before, between and behind them.
    pub low: u64,
    /// The highest.
    pub high: u64,
}

/// Receives what a sweep finds.
pub trait Found {
    /// A store; they come in order.
    fn store(&mut self, stored: Stored);
    /// The same with the bytes stored, if [`Plans::with_values`] made the plans; none
    /// if they come from vector registers, which a sweep does not compute.
    fn holds(&mut self, stored: Stored, _bytes: Option<&[u8]>) {
        self.store(stored);
    }
    /// A read, if [`Plans::with_reads`] made the plans; of a repeated string
    /// instruction (not `all`) its first element.
    fn read(&mut self, _read: Stored) {}
    /// The stack pointer behind the instruction of `time`, if [`Plans::with_probes`] asked
    /// for it there, or behind an event that changed it; in order.
    fn stack_pointer(&mut self, _time: u32, _value: u64, _event: bool) {}
    /// A span; they come in order.
    fn span(&mut self, span: Span);
    /// An event, whose stores come through [`Self::store`]; `writes` are the
    /// registers it changes.
    fn event(&mut self, event: &Event, writes: u64);
}

/// The plans of a block.
#[derive(Default)]
struct Variants {
    /// Without, and with what flags are at its end.
    whole: [Option<Plan>; 2],
}

/// The plans of a dictionary's blocks, each made when it is first needed.
pub struct Plans<'a> {
    dictionary: &'a Dictionary,
    plans: Vec<OnceLock<Variants>>,
    wanted: Wanted,
    probes: Option<&'a (dyn Fn(u32) -> u64 + Sync)>,
}

impl<'a> Plans<'a> {
    /// None made yet.
    pub fn new(dictionary: &'a Dictionary) -> Self {
        let plans = (0..dictionary.len()).map(|_| OnceLock::new()).collect();
        Self { dictionary, plans, wanted: Wanted::default(), probes: None }
    }

    /// None made yet; they will find reads, too.
    pub fn with_reads(dictionary: &'a Dictionary) -> Self {
        let wanted = Wanted { reads: true, ..Wanted::default() };
        Self { wanted, ..Self::new(dictionary) }
    }

    /// None made yet; they will find what is stored, too.
    pub fn with_values(dictionary: &'a Dictionary) -> Self {
        let wanted = Wanted { values: true, ..Wanted::default() };
        Self { wanted, ..Self::new(dictionary) }
    }

    /// None made yet; they will find the stack pointer behind those instructions of a block
    /// that `probes` names, one bit each.
    pub fn with_probes(
        dictionary: &'a Dictionary,
        probes: &'a (dyn Fn(u32) -> u64 + Sync),
    ) -> Self {
        Self { probes: Some(probes), ..Self::new(dictionary) }
    }

    /// The blocks they are for.
    pub fn dictionary(&self) -> &'a Dictionary {
        self.dictionary
    }

    fn wanted(&self, id: u32) -> Wanted {
        Wanted { probes: self.probes.map_or(0, |probes| probes(id)), ..self.wanted }
    }

    fn block(&self, id: u32) -> Result<(&'a Block, &[Option<Plan>; 2]), Malformed> {
        let block = self.dictionary.get(id).ok_or(Malformed)?;
        let variants = self.plans.get(id as usize).ok_or(Malformed)?.get_or_init(|| {
            let all = 0..block.instructions().len();
            let plan = |flags| compile(block, all.clone(), Wanted { flags, ..self.wanted(id) });
            Variants { whole: [false, true].map(plan) }
        });
        Ok((block, &variants.whole))
    }
}

/// One block of a chunk.
struct Local<'a> {
    block: &'a Block,
    plans: &'a [Option<Plan>; 2],
    length: u32,
    row_bytes: usize,
    needs_flags: bool,
    wanted: Wanted,
}

struct Sweep<'a, F> {
    chunk: &'a Chunk,
    locals: Vec<Local<'a>>,
    machine: Machine,
    registers: Registers,
    bulk: Reader<'a>,
    events: &'a [Event],
    wanted: Wanted,
    found: &'a mut F,
}

/// Sweeps over `chunk`; its registers at the end, of which only the general ones
/// and the bases of FS and GS count.
///
/// # Errors
/// The chunk and the dictionary disagree.
pub fn sweep(chunk: &Chunk, plans: &Plans, found: &mut impl Found) -> Result<Registers, Malformed> {
    let locals = chunk.blocks.iter().map(|rows| local(plans, rows.id));
    let mut sweep = Sweep {
        chunk,
        locals: locals.collect::<Result<_, _>>()?,
        machine: Machine::new(&chunk.keyframe),
        registers: chunk.keyframe,
        bulk: Reader::new(&chunk.bulk),
        events: &chunk.events,
        wanted: plans.wanted,
        found,
    };
    let mut cuts = chunk.cuts.iter().peekable();
    for (index, execution) in chunk.path.iter().enumerate() {
        let length = chunk.execution_length(index);
        let cut = cuts.next_if(|cut| cut.execution as usize == index);
        let done = length.checked_sub(cut.is_some_and(|cut| cut.faulted).into());
        let done = done.ok_or(Malformed)?;
        // What is cut may leave alone what its whole block sets.
        let next_is_cut = cuts.peek().is_some_and(|cut| cut.execution as usize == index + 1);
        sweep.execution((index, execution), length, done, next_is_cut)?;
    }
    let mut end = sweep.registers;
    sweep.machine.get(&mut end);
    Ok(end)
}

fn local<'a>(plans_of: &'a Plans<'a>, id: u32) -> Result<Local<'a>, Malformed> {
    let (block, plans) = plans_of.block(id)?;
    let needs_flags = plans.iter().flatten().any(|plan| plan.needs_flags);
    let length = block.instructions().len() as u32;
    let wanted = plans_of.wanted(id);
    Ok(Local { block, plans, length, row_bytes: block.row_bytes(), needs_flags, wanted })
}

impl<'a, F: Found> Sweep<'a, F> {
    /// An execution of `length` tracepoints, of which `done` have effects; whether the next one
    /// leaves its block early.
    fn execution(
        &mut self,
        (index, execution): (usize, &Execution),
        length: u32,
        done: u32,
        next_is_cut: bool,
    ) -> Result<(), Malformed> {
        let next = self.chunk.path.get(index + 1);
        let next = next.and_then(|next| self.locals.get(next.block as usize));
        let local = self.locals.get(execution.block as usize).ok_or(Malformed)?;
        let row = self.chunk.row(execution, local.row_bytes).ok_or(Malformed)?;
        let end = execution.start + length;
        let last = self.chunk.first + u64::from(end);
        let event_within = self.events.first().is_some_and(|event| event.tracepoint < last);
        if done == local.length && !event_within {
            let needed = next_is_cut || next.is_some_and(|next| next.needs_flags);
            let flags = usize::from(needed);
            let plan = local.plans.get(flags).and_then(Option::as_ref).ok_or(Malformed)?;
            return self.run(plan, row, execution.start, execution.start..end);
        }
        self.in_parts(execution, length, done, row)
    }

    /// An execution with events, or one that left its block early.
    fn in_parts(
        &mut self,
        execution: &Execution,
        length: u32,
        done: u32,
        row: &[u8],
    ) -> Result<(), Malformed> {
        let local = self.locals.get(execution.block as usize).ok_or(Malformed)?;
        let (block, wanted) = (local.block, Wanted { flags: true, ..local.wanted });
        let first = self.chunk.first + u64::from(execution.start);
        let (mut from, end) = (0, execution.start + length);
        while from < length {
            let event = self.events.first().map(|event| event.tracepoint.saturating_sub(first));
            let until = event.map_or(length, |at| (at + 1).min(length.into()) as u32);
            let until = until.max(from + 1);
            let effects = from.min(done) as usize..until.min(done) as usize;
            let plan = compile(block, effects, wanted).ok_or(Malformed)?;
            let span = execution.start + from..(execution.start + until).min(end);
            self.run(&plan, row, execution.start, span)?;
            self.apply_events(first + u64::from(until));
            from = until;
        }
        Ok(())
    }

    fn run(
        &mut self,
        plan: &Plan,
        row: &[u8],
        start: u32,
        span: Range<u32>,
    ) -> Result<(), Malformed> {
        let (bulk, found) = (&mut self.bulk, &mut *self.found);
        let (values, mut malformed) = (self.wanted.values, false);
        let (low, high) = self.machine.run(plan, row, |at| {
            let StoredAt { instruction, address, extent, held } = at;
            let time = start + u32::from(instruction);
            let (bytes, all) = match extent {
                Extent::Bytes(bytes) => (bytes, true),
                Extent::Some(bytes) => (bytes, false),
                Extent::Read(bytes) | Extent::ReadElements(bytes) => {
                    let all = matches!(extent, Extent::Read(_));
                    return found.read(Stored { time, address, bytes: bytes.into(), all });
                }
                Extent::StackPointer => return found.stack_pointer(time, address, false),
                Extent::Bulk => {
                    malformed |= bulk_stores(bulk, time, found, values).is_err();
                    return;
                }
            };
            let stored = Stored { time, address, bytes: bytes.into(), all };
            if !values {
                return found.store(stored);
            }
            let length = usize::from(bytes);
            match held {
                Held::Unknown => found.holds(stored, None),
                Held::Word(word) => found.holds(stored, word.to_le_bytes().get(..length)),
                Held::Row(offset) => {
                    let from = row.get(offset as usize..);
                    found.holds(stored, from.and_then(|from| from.get(..length)));
                }
            }
        })?;
        let Range { start, end } = span;
        self.found.span(Span { start, end, writes: plan.writes, low, high });
        if malformed { Err(Malformed) } else { Ok(()) }
    }

    /// Applies the events of the tracepoints before `until`.
    fn apply_events(&mut self, until: u64) {
        while let Some((event, rest)) = self.events.split_first() {
            if event.tracepoint >= until {
                return;
            }
            self.events = rest;
            let writes = of_patch(&event.registers);
            if !event.registers.is_empty() {
                self.machine.get(&mut self.registers);
                event.registers.apply(&mut self.registers);
                self.machine.set(&self.registers);
            }
            self.found.event(event, writes);
            let time = event.tracepoint.saturating_sub(self.chunk.first) as u32;
            for (address, bytes) in &event.memory {
                let length = bytes.len() as u64;
                let stored = Stored { time, address: *address, bytes: length, all: true };
                give(self.found, stored, bytes, self.wanted.values);
            }
            let at = self.machine.stack_pointer();
            if writes >> STACK_POINTER & 1 == 1 {
                self.found.stack_pointer(time, at, true);
            }
            self.found.span(Span { start: time, end: time + 1, writes, low: at, high: at });
        }
    }
}

fn bulk_stores(
    from: &mut Reader,
    time: u32,
    found: &mut impl Found,
    values: bool,
) -> Result<(), Malformed> {
    for _ in 0..from.varint()? {
        let address = from.integer(8)?;
        let length = from.varint()?;
        let bytes = from.take(usize::try_from(length).map_err(|_| Malformed)?)?;
        let stored = Stored { time, address, bytes: length, all: true };
        give(found, stored, bytes, values);
    }
    Ok(())
}

/// A store whose bytes are at hand, with them if `values` are wanted.
fn give(found: &mut impl Found, stored: Stored, bytes: &[u8], values: bool) {
    if values { found.holds(stored, Some(bytes)) } else { found.store(stored) }
}
