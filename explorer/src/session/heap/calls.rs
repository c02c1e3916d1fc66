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

/// Functions by the addresses they are entered at: all that have different names.
type Known = HashMap<u64, Vec<Function>>;

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
    known: &'a Known,
    /// Which is called, by where a call of one with several names returns to.
    called: HashMap<u64, Option<Function>>,
    /// The state behind the call that a thread is inside of.
    inside: HashMap<u32, u64>,
    ledger: Ledger,
}

impl Session {
    /// All blocks that were ever allocated, found from the calls of functions with known names.
    pub(super) fn find_heap(&self) -> Result<Heap, StateError> {
        let (targets, known) = self.allocator()?;
        let (called, inside) = (HashMap::new(), HashMap::new());
        let mut entering = Entering { known: &known, called, inside, ledger: Ledger::default() };
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
    fn allocator(&self) -> Result<(Vec<Target>, Known), StateError> {
        let interrupt = &self.interrupt;
        self.locator.complete(&self.timeline, &|| interrupt.raised())?;
        let (mut targets, mut known) = (Vec::new(), Known::new());
        for function in FUNCTIONS {
            for target in self.locator.entries(&self.timeline, function.symbol) {
                let names = known.entry(target.address).or_default();
                // `__libc_malloc` of `malloc` is the same by another name.
                if names.is_empty() || (!function.is_internal() && !names.contains(&function)) {
                    names.push(function);
                }
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
        let names = entering.known.get(&passed.pc).map(Vec::as_slice).unwrap_or_default();
        let function = match names {
            [] => return Ok(()),
            [only] => *only,
            [first, ..] => self.called(passed, names, &mut entering.called).unwrap_or(*first),
        };
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

    /// By which of the names of one function a call calls it: that of the slot or the stub of its
    /// call instruction.
    fn called(
        &self,
        passed: &Passed,
        names: &[Function],
        known: &mut HashMap<u64, Option<Function>>,
    ) -> Option<Function> {
        let back = self.back_of(passed)?;
        let find = || {
            let name = self.called_name(passed.tracepoint, back)?;
            names.iter().find(|function| function.symbol == name).copied()
        };
        *known.entry(back).or_insert_with(find)
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
