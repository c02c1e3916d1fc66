//! The calls of functions that allocate and free.

use super::functions::{Action, FUNCTIONS};
use super::history::{Heap, Ledger};
use crate::session::Session;
use crate::timeline::{Direction, StateError, Timeline};
use rayon::prelude::*;
use rdb_schema::event::EventKind;
use rdb_schema::registers::{Gpr, Registers};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Most calls that are looked at.
const MAX_CALLS: usize = 4 << 20;

/// Chunks that are replayed at a time.
const BATCH: usize = 4;

/// Registers of the first integer arguments (System V ABI for x86-64, 3.2.3).
const ARGUMENTS: [Gpr; 6] = [Gpr::RDI, Gpr::RSI, Gpr::RDX, Gpr::RCX, Gpr::R8, Gpr::R9];

/// The functions by the addresses they are entered at.
type Known = HashMap<u64, (&'static str, Action)>;

/// What one call was given and gave.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The tracepoint of its first instruction.
    pub tracepoint: u64,
    /// What its function does.
    pub action: Action,
    /// Its function.
    pub name: &'static str,
    /// What the registers of integer arguments held.
    pub arguments: [u64; 6],
    /// Where the stack pointer is when it has returned.
    pub outside: u64,
    /// The state behind it, if it returned.
    pub end: Option<u64>,
    /// What rax held then.
    pub result: u64,
}

impl Call {
    fn new(tracepoint: u64, (name, action): (&'static str, Action), at: &Registers) -> Self {
        let arguments = ARGUMENTS.map(|register| gpr(at, register));
        let outside = at.rsp().saturating_add(8);
        Self { tracepoint, action, name, arguments, outside, end: None, result: 0 }
    }

    fn returns(&mut self, end: u64, registers: &Registers) {
        (self.end, self.result) = (Some(end), gpr(registers, Gpr::RAX));
    }
}

impl Session {
    /// All blocks that were ever allocated, found from the calls of functions with known names.
    pub(super) fn find_heap(&self) -> Result<Heap, StateError> {
        let interrupt = &self.interrupt;
        self.locator.complete(&self.timeline, &|| interrupt.raised())?;
        let (mut targets, mut known) = (Vec::new(), Known::new());
        for (name, action) in FUNCTIONS {
            for target in self.locator.entries(&self.timeline, name) {
                known.entry(target.address).or_insert((name, action));
                targets.push(target);
            }
        }
        let mut ledger = Ledger::default();
        ledger.heap.functions = !targets.is_empty();
        let all =
            self.executed_in(&targets, 0..self.timeline.end(), Direction::Forward, MAX_CALLS)?;
        ledger.heap.more = all.len() == MAX_CALLS;
        let (timeline, programs) = (&self.timeline, self.programs()?);
        let of_chunk = |t: &u64| self.timeline.chunk_at(*t).unwrap_or(0);
        let chunks: Vec<&[u64]> = all.chunk_by(|a, b| of_chunk(a) == of_chunk(b)).collect();
        let (mut inside, mut programs) = (HashMap::new(), programs.into_iter().peekable());
        for batch in chunks.chunks(BATCH) {
            if self.interrupt.raised() {
                return Err(StateError::Interrupted);
            }
            let one = |entries: &&[u64]| calls_of(timeline, entries, &known);
            let found: Vec<Vec<Call>> = batch.par_iter().map(one).collect::<Result<_, _>>()?;
            for call in found.into_iter().flatten() {
                while let Some(t) = programs.next_if(|t| *t < call.tracepoint) {
                    ledger.replace(t);
                    inside.clear();
                }
                self.enter_call(call, &mut inside, &mut ledger)?;
            }
        }
        programs.for_each(|t| ledger.replace(t));
        Ok(ledger.heap)
    }

    /// Adds a call, unless it is a part of one that its thread is inside of.
    fn enter_call(
        &self,
        mut call: Call,
        inside: &mut HashMap<u32, u64>,
        ledger: &mut Ledger,
    ) -> Result<(), StateError> {
        let thread = self.timeline.thread(call.tracepoint)?;
        if inside.get(&thread).is_some_and(|end| call.tracepoint < *end) {
            return Ok(());
        }
        if call.end.is_none()
            && let Some(end) =
                self.find_above(thread, call.tracepoint, Direction::Forward, call.outside)?
        {
            call.returns(end, &self.timeline.registers(end)?);
        }
        inside.insert(thread, call.end.unwrap_or(u64::MAX));
        let stored = self.stored_address(&call);
        ledger.enter(&call, stored);
        Ok(())
    }

    /// The address that posix_memalign stored; it returns 0 where it did.
    fn stored_address(&self, call: &Call) -> Option<u64> {
        let (Action::Store, 0, Some(end)) = (call.action, call.result as u32, call.end) else {
            return None;
        };
        let mut word = [0; 8];
        let [to, ..] = call.arguments;
        self.timeline.read(end, to, &mut word).then(|| u64::from_le_bytes(word))
    }

    /// The tracepoints at which another program took the process over.
    fn programs(&self) -> Result<Vec<u64>, StateError> {
        let mut found = Vec::new();
        let end = self.timeline.end();
        self.timeline.events(0..end, Direction::Forward, &mut |event| {
            if matches!(event.kind, EventKind::Exec(_)) {
                found.push(event.tracepoint);
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}

/// The calls that begin at `entries`, which lie in one chunk; not those inside others of them.
/// Of the last, the end may be in another chunk.
fn calls_of(timeline: &Timeline, entries: &[u64], known: &Known) -> Result<Vec<Call>, StateError> {
    let Some(first) = entries.first() else { return Ok(Vec::new()) };
    let view = timeline.chunk_view(timeline.chunk_at(*first)?)?;
    let (mut calls, mut open): (Vec<Call>, Option<Call>) = (Vec::new(), None);
    let mut entries = entries.iter().copied().peekable();
    view.visit(timeline.dictionary(), *first..u64::MAX, &mut |state, registers| {
        if let Some(mut call) = open.take_if(|call| registers.rsp() >= call.outside) {
            call.returns(state, registers);
            calls.push(call);
        }
        if entries.next_if_eq(&state).is_some() && open.is_none() {
            let function = known.get(&registers.rip).copied();
            open = function.map(|function| Call::new(state, function, registers));
        }
        let more = open.is_some() || entries.peek().is_some();
        if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    calls.extend(open);
    Ok(calls)
}

fn gpr(registers: &Registers, register: Gpr) -> u64 {
    registers.gpr.get(register.index()).copied().unwrap_or_default()
}
