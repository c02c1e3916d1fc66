//! The calls of functions that allocate and free.

use super::functions::{Action, FUNCTIONS, Function};
use super::history::{Heap, Ledger};
use crate::session::passed::Passed;
use crate::session::{Session, Target};
use crate::timeline::{Direction, StateError};
use rdb_schema::event::EventKind;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Most calls that are looked at.
const MAX_CALLS: usize = 4 << 20;

/// What one call was given and gave.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The tracepoint of its first instruction.
    pub tracepoint: u64,
    /// Its function.
    pub function: Function,
    /// What the registers of integer arguments held.
    pub arguments: [u64; 6],
    /// The state behind it, if it returned.
    pub end: Option<u64>,
    /// What rax held then.
    pub result: u64,
}

/// Calls while they are entered.
struct Entering<'a> {
    /// The functions by the addresses they are entered at.
    known: &'a HashMap<u64, Function>,
    /// The state behind the call that a thread is inside of.
    inside: HashMap<u32, u64>,
    ledger: Ledger,
}

impl Session {
    /// All blocks that were ever allocated, found from the calls of functions with known names.
    pub(super) fn find_heap(&self) -> Result<Heap, StateError> {
        let (targets, known) = self.allocator()?;
        let mut entering =
            Entering { known: &known, inside: HashMap::new(), ledger: Ledger::default() };
        entering.ledger.heap.functions = !targets.is_empty();
        let all =
            self.executed_in(&targets, 0..self.timeline.end(), Direction::Forward, MAX_CALLS)?;
        entering.ledger.heap.more = all.len() == MAX_CALLS;
        let mut programs = self.programs()?.into_iter().peekable();
        self.calls_at(&all, &mut |passed| {
            while let Some(t) = programs.next_if(|t| *t < passed.tracepoint) {
                entering.ledger.replace(t);
                entering.inside.clear();
            }
            self.enter_call(&passed, &mut entering)
        })?;
        programs.for_each(|t| entering.ledger.replace(t));
        Ok(entering.ledger.heap)
    }

    /// Where the allocator's functions are entered, and which is entered there.
    fn allocator(&self) -> Result<(Vec<Target>, HashMap<u64, Function>), StateError> {
        let interrupt = &self.interrupt;
        self.locator.complete(&self.timeline, &|| interrupt.raised())?;
        let (mut targets, mut known) = (Vec::new(), HashMap::new());
        for function in FUNCTIONS {
            for target in self.locator.entries(&self.timeline, function.symbol) {
                known.entry(target.address).or_insert(function);
                targets.push(target);
            }
        }
        Ok((targets, known))
    }

    /// Adds a call, unless it is a part of one that its thread is inside of.
    fn enter_call(&self, passed: &Passed, entering: &mut Entering) -> Result<(), StateError> {
        self.interrupt.check()?;
        let tracepoint = passed.tracepoint;
        let thread = self.timeline.thread(tracepoint)?;
        let Some(function) = entering.known.get(&passed.pc).copied() else { return Ok(()) };
        if entering.inside.get(&thread).is_some_and(|end| tracepoint < *end) {
            return Ok(());
        }
        let end = self.end_of(passed)?;
        entering.inside.insert(thread, end.map_or(u64::MAX, |end| end.state));
        let (end, result) = (end.map(|end| end.state), end.map_or(0, |end| end.value));
        let call = Call { tracepoint, function, arguments: passed.arguments, end, result };
        let stored = self.stored_address(&call);
        entering.ledger.enter(&call, stored);
        Ok(())
    }

    /// The address that posix_memalign stored; it returns 0 where it did.
    fn stored_address(&self, call: &Call) -> Option<u64> {
        let (Action::Store, 0, Some(end)) = (call.function.action, call.result as u32, call.end)
        else {
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
