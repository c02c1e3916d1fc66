//! Replaying a whole chunk, most of it by plans: a few operations an execution of a block,
//! not a few an instruction. What plans leave out is replayed instruction by instruction.

use crate::plan::{Extent, Held, Machine, Plan, StoredAt, Wanted, compile};
use rdb_schema::block::Block;
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::effects::Effect;
use rdb_schema::registers::{Registers, STATUS_FLAGS};
use rdb_schema::replay::{Cursor, Sink, is_other, set_others, store_vector};
use rdb_schema::varint::Malformed;
use std::sync::OnceLock;

/// The plans of a dictionary's blocks, each made when a chunk executes its block often enough.
pub struct BlockPlans {
    plans: Vec<OnceLock<Option<Box<BlockPlan>>>>,
    least: usize,
}

/// What replays a block.
struct BlockPlan {
    plan: Plan,
    /// Its instructions that change what plans do not compute, ascending.
    others: Box<[u8]>,
}

impl BlockPlans {
    /// Executions in a chunk from which making a plan pays.
    const PAYS: usize = 32;

    /// Of `dictionary`; none is made yet.
    pub fn new(dictionary: &Dictionary) -> Self {
        Self::from(dictionary, Self::PAYS)
    }

    /// The same, each made for `least` executions.
    pub fn from(dictionary: &Dictionary, least: usize) -> Self {
        Self { plans: (0..dictionary.len()).map(|_| OnceLock::new()).collect(), least }
    }

    /// The plan of the block with this id, if there can be one and it pays.
    fn get(&self, id: u32, block: &Block, executions: usize) -> Option<&BlockPlan> {
        let plan = self.plans.get(id as usize)?;
        if plan.get().is_none() && executions < self.least {
            return None;
        }
        plan.get_or_init(|| BlockPlan::of(block).map(Box::new)).as_deref()
    }
}

impl BlockPlan {
    fn of(block: &Block) -> Option<Self> {
        let count = block.instructions().len();
        let indexes = 0..u8::try_from(count).ok()?;
        if indexes.clone().any(|index| !is_simple(block, index)) {
            return None;
        }
        let wanted = Wanted { flags: true, values: true, ..Wanted::default() };
        let plan = compile(block, 0..count, wanted)?;
        Some(Self { plan, others: indexes.filter(|index| has_others(block, *index)).collect() })
    }
}

/// Whether an instruction stores nothing of which the chunk alone knows the place, and stores
/// of vector registers once at most.
fn is_simple(block: &Block, instruction: u8) -> bool {
    let slots = block.slots(instruction.into());
    let vector =
        |effect: &Effect| matches!(effect, Effect::StoreVector { .. } | Effect::StoreMasked { .. });
    slots.iter().all(|slot| slot.effect != Effect::StoreBulk)
        && slots.iter().filter(|slot| vector(&slot.effect)).count() <= 1
}

/// Whether an instruction changes what a plan does not compute.
fn has_others(block: &Block, instruction: u8) -> bool {
    block.slots(instruction.into()).iter().any(|slot| match slot.effect {
        Effect::StatusFlags | Effect::FsBase | Effect::GsBase => false,
        Effect::FlagsConst { mask, .. } => u64::from(mask) & !STATUS_FLAGS != 0,
        effect => is_other(&effect),
    })
}

/// A block of a chunk that a plan replays.
struct Planned<'a> {
    block: &'a Block,
    plan: &'a BlockPlan,
    tracepoints: u32,
    row_bytes: usize,
}

/// A replay on its way.
pub struct Replay<'a> {
    /// Where it stands: between executions, unless it failed.
    pub cursor: Cursor,
    chunk: &'a Chunk,
    dictionary: &'a Dictionary,
    /// One a block of the chunk.
    planned: Vec<Option<Planned<'a>>>,
    machine: Machine,
}

impl<'a> Replay<'a> {
    /// At the chunk's keyframe. Without plans, all is replayed instruction by instruction:
    /// where it fails is then exact.
    pub fn new(
        chunk: &'a Chunk,
        dictionary: &'a Dictionary,
        plans: Option<&'a BlockPlans>,
    ) -> Self {
        let mut executions = vec![0; chunk.blocks.len()];
        for execution in &chunk.path {
            if let Some(count) = executions.get_mut(execution.block as usize) {
                *count += 1;
            }
        }
        let planned = |(id, executions)| {
            let block = dictionary.get(id)?;
            Some(Planned {
                block,
                plan: plans?.get(id, block, executions)?,
                tracepoints: block.instructions().len() as u32,
                row_bytes: block.row_bytes(),
            })
        };
        let blocks = chunk.blocks.iter().map(|rows| rows.id).zip(executions);
        let (cursor, machine) = (Cursor::new(chunk), Machine::new(&chunk.keyframe));
        Self { cursor, chunk, dictionary, planned: blocks.map(planned).collect(), machine }
    }

    /// Goes on until the first execution that begins at or after state `until`, or to the
    /// chunk's end.
    ///
    /// # Errors
    /// [`Malformed`], as [`Cursor::advance`]; with plans, the cursor may stand earlier.
    pub fn advance(&mut self, until: u64, sink: &mut impl Sink) -> Result<(), Malformed> {
        let until = until.min(self.chunk.end());
        while self.cursor.tracepoint < until {
            if !self.run(until, u64::MAX, sink)? {
                self.step(sink)?;
            }
        }
        Ok(())
    }

    /// Goes on by plans, if it stands between two executions, until one that begins at or after state
    /// `until`, or has no plan, or in which the stack pointer comes to `limit` or above: what
    /// follows is to be looked at instruction by instruction.
    ///
    /// # Errors
    /// [`Malformed`]; the cursor may stand earlier.
    pub fn advance_below(
        &mut self,
        until: u64,
        limit: u64,
        sink: &mut impl Sink,
    ) -> Result<(), Malformed> {
        self.run(until.min(self.chunk.end()), limit, sink).map(drop)
    }

    /// Replays an execution, or the rest of one, instruction by instruction.
    fn step(&mut self, sink: &mut impl Sink) -> Result<(), Malformed> {
        let at = self.cursor.execution();
        let at = at.or_else(|| self.chunk.execution_at(self.cursor.tracepoint));
        let next = at.and_then(|at| self.chunk.path.get(at + 1));
        let end = next.map_or(self.chunk.end(), |next| self.chunk.first + u64::from(next.start));
        let end = end.max(self.cursor.tracepoint + 1);
        self.cursor.advance(self.chunk, self.dictionary, end, sink)
    }

    /// Runs plans until an execution begins at or after state `until`, or one has none, is
    /// disturbed, or takes the stack pointer to `limit`; whether any was run.
    fn run(&mut self, until: u64, limit: u64, sink: &mut impl Sink) -> Result<bool, Malformed> {
        let Some(first) = self.cursor.execution() else { return Ok(false) };
        let (chunk, mut at) = (self.chunk, first);
        let event = self.cursor.next_event(chunk).unwrap_or(u64::MAX);
        let cut = chunk.cuts.partition_point(|cut| (cut.execution as usize) < first);
        let cut = chunk.cuts.get(cut).map_or(usize::MAX, |cut| cut.execution as usize);
        self.machine.set(&self.cursor.registers);
        let mut stored = Vec::new();
        while let Some(execution) = chunk.path.get(at).filter(|_| at < cut) {
            let start = chunk.first + u64::from(execution.start);
            let Some(Some(planned)) = self.planned.get(execution.block as usize) else { break };
            let whole = chunk.execution_length(at) == planned.tracepoints
                && start + u64::from(planned.tracepoints) <= event;
            if start >= until || !whole {
                break;
            }
            let row = chunk.row(execution, planned.row_bytes).ok_or(Malformed)?;
            stored.clear();
            let before = self.machine.entry();
            let (_, high) = self.machine.run(&planned.plan.plan, row, |one| stored.push(one))?;
            if high >= limit && limit < u64::MAX {
                self.machine.enter(before);
                break;
            }
            let registers = &mut self.cursor.registers;
            let mut running = Running { planned, done: 0, start, row, registers, sink };
            stored.iter().try_for_each(|one| running.store(one))?;
            running.set_others(u8::MAX)?;
            at += 1;
        }
        if at > first {
            self.machine.get(&mut self.cursor.registers);
            self.cursor.pass_to(chunk, self.dictionary, at);
        }
        Ok(at > first)
    }
}

/// An execution while its plan runs.
struct Running<'a, S> {
    planned: &'a Planned<'a>,
    /// How many of the instructions with other effects have had them.
    done: usize,
    start: u64,
    row: &'a [u8],
    /// Those that plans do not compute.
    registers: &'a mut Registers,
    sink: &'a mut S,
}

impl<S: Sink> Running<'_, S> {
    /// Applies what instructions before index `end` change besides.
    #[inline]
    fn set_others(&mut self, end: u8) -> Result<(), Malformed> {
        let Planned { block, plan, .. } = self.planned;
        while let Some(instruction) = plan.others.get(self.done).filter(|at| **at < end) {
            set_others(self.registers, block.slots(usize::from(*instruction)), self.row)?;
            self.done += 1;
        }
        Ok(())
    }

    #[inline]
    fn store(&mut self, stored: &StoredAt) -> Result<(), Malformed> {
        let StoredAt { instruction, address, extent, held } = *stored;
        let tracepoint = self.start + u64::from(instruction);
        match (extent, held) {
            (Extent::Bytes(length), Held::Word(word)) => {
                let bytes = word.to_le_bytes();
                let bytes = bytes.get(..length.into()).ok_or(Malformed)?;
                self.sink.store(tracepoint, address, bytes);
            }
            (Extent::Bytes(length), Held::Row(offset)) => {
                let bytes = self.row.get(offset as usize..).and_then(|r| r.get(..length.into()));
                self.sink.store(tracepoint, address, bytes.ok_or(Malformed)?);
            }
            _ => {
                self.set_others(instruction)?;
                for slot in self.planned.block.slots(instruction.into()) {
                    let at = (tracepoint, address);
                    store_vector(&slot.effect, self.registers, at, self.sink)?;
                }
            }
        }
        Ok(())
    }
}
