//! All blocks that were ever allocated, from the calls that allocated and freed them.

use super::functions::{Action, FUNCTIONS};
use crate::session::Session;
use crate::timeline::{Direction, StateError};
use rdb_schema::registers::{Gpr, Registers};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// Most calls that are looked at.
const MAX_CALLS: usize = 4 << 20;

/// Registers of the first integer arguments (System V ABI for x86-64, 3.2.3).
const ARGUMENTS: [Gpr; 6] = [Gpr::RDI, Gpr::RSI, Gpr::RDX, Gpr::RCX, Gpr::R8, Gpr::R9];

/// A block of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its address.
    pub address: u64,
    /// Bytes asked for.
    pub bytes: u64,
    /// The tracepoint at which the allocating function was entered.
    pub allocated: u64,
    /// The state in which that had returned.
    pub returned: u64,
    /// The tracepoint at which the freeing function was entered.
    pub freed: Option<u64>,
    /// The function that allocated.
    pub function: &'static str,
}

impl Block {
    /// Whether it is the program's at state `t`.
    pub fn is_alive(&self, t: u64) -> bool {
        self.returned <= t && self.freed.is_none_or(|freed| t <= freed)
    }

    /// Its addresses; of one without bytes, its own.
    pub fn addresses(&self) -> Range<u64> {
        self.address..self.address.saturating_add(self.bytes.max(1))
    }
}

/// What was freed that must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Misuse {
    /// It was freed already.
    DoubleFree,
    /// No block begins there.
    NoBlock,
}

/// A call that freed what must not be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongFree {
    /// The tracepoint at which the freeing function was entered.
    pub tracepoint: u64,
    /// What it was given.
    pub address: u64,
    /// What is wrong with that.
    pub misuse: Misuse,
}

/// The heap, over all of history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heap {
    /// The blocks, in the order of their allocation.
    pub blocks: Vec<Block>,
    /// What went wrong, in order.
    pub faults: Vec<WrongFree>,
    /// When functions of the allocator ran: from a tracepoint to the state behind the call.
    pub calls: Vec<Range<u64>>,
    /// Whether there were allocating functions at all.
    pub functions: bool,
    /// Whether there are more calls than were looked at.
    pub more: bool,
}

/// What one call was given and gave.
struct Call {
    tracepoint: u64,
    action: Action,
    name: &'static str,
    arguments: [u64; 6],
    /// The state behind it, if it returned.
    end: Option<u64>,
    result: u64,
}

impl Heap {
    /// Whether a function of the allocator ran at tracepoint `t`.
    pub fn is_inside(&self, t: u64) -> bool {
        let after = self.calls.partition_point(|call| call.start <= t);
        let last = after.checked_sub(1).and_then(|at| self.calls.get(at));
        last.is_some_and(|call| call.contains(&t))
    }

    /// The blocks alive at state `t`, in the order of their allocation.
    pub fn alive(&self, t: u64) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.is_alive(t))
    }
}

/// Blocks as calls make and free them.
#[derive(Default)]
struct Ledger {
    heap: Heap,
    /// The last block at each address.
    last: BTreeMap<u64, usize>,
}

impl Ledger {
    fn free(&mut self, tracepoint: u64, address: u64) {
        let known = self.last.get(&address).and_then(|at| self.heap.blocks.get_mut(*at));
        let misuse = match known {
            Some(block) if block.freed.is_none() => {
                block.freed = Some(tracepoint);
                return;
            }
            Some(_) => Misuse::DoubleFree,
            None => Misuse::NoBlock,
        };
        self.heap.faults.push(WrongFree { tracepoint, address, misuse });
    }

    fn enter(&mut self, call: &Call, stored: Option<u64>) {
        self.heap.calls.push(call.tracepoint..call.end.unwrap_or(u64::MAX));
        let bytes = call.action.bytes(&call.arguments);
        let failed = call.result == 0 && bytes.is_some_and(|bytes| bytes > 0);
        let freed = call.action.freed(&call.arguments);
        // A reallocation that fails leaves its block.
        if let Some(address) = freed.filter(|_| call.action == Action::Free || !failed) {
            self.free(call.tracepoint, address);
        }
        let address = if call.action == Action::Store { stored } else { Some(call.result) };
        let (Some(returned), Some(bytes), Some(address)) = (call.end, bytes, address) else {
            return;
        };
        if address == 0 {
            return;
        }
        let (allocated, function) = (call.tracepoint, call.name);
        let block = Block { address, bytes, allocated, returned, freed: None, function };
        self.last.insert(address, self.heap.blocks.len());
        self.heap.blocks.push(block);
    }
}

impl Session {
    /// All blocks that were ever allocated, found from the calls of functions with known names.
    pub(super) fn find_heap(&self) -> Result<Heap, StateError> {
        let interrupt = &self.interrupt;
        self.locator.complete(&self.timeline, &|| interrupt.raised())?;
        let (mut targets, mut known) = (Vec::new(), HashMap::new());
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
        self.fill(&mut ledger, &all, &known)?;
        Ok(ledger.heap)
    }

    fn fill(
        &self,
        ledger: &mut Ledger,
        all: &[u64],
        known: &HashMap<u64, (&'static str, Action)>,
    ) -> Result<(), StateError> {
        // Threads are inside of calls on their own.
        let mut inside: HashMap<u32, u64> = HashMap::new();
        for t in all {
            if self.interrupt.raised() {
                return Err(StateError::Interrupted);
            }
            let thread = self.timeline.thread(*t)?;
            // What the allocator calls of its own is a part of the call.
            if inside.get(&thread).is_some_and(|end| t < end) {
                continue;
            }
            let Some((name, action)) = known.get(&self.timeline.pc(*t)?) else { continue };
            let call = self.allocator_call(*t, name, *action)?;
            inside.insert(thread, call.end.unwrap_or(u64::MAX));
            let stored = self.stored_address(&call)?;
            ledger.enter(&call, stored);
        }
        Ok(())
    }

    fn allocator_call(
        &self,
        t: u64,
        name: &'static str,
        action: Action,
    ) -> Result<Call, StateError> {
        let registers = self.timeline.registers(t)?;
        let gpr = |all: &Registers, r: Gpr| all.gpr.get(r.index()).copied().unwrap_or_default();
        let outside = registers.rsp().saturating_add(8);
        let end = self.find_above(t, Direction::Forward, outside)?;
        let result = match end {
            Some(end) => gpr(&self.timeline.registers(end)?, Gpr::RAX),
            None => 0,
        };
        let arguments = ARGUMENTS.map(|register| gpr(&registers, register));
        Ok(Call { tracepoint: t, action, name, arguments, end, result })
    }

    /// The address that posix_memalign stored; it returns 0 where it did.
    fn stored_address(&self, call: &Call) -> Result<Option<u64>, StateError> {
        let (Action::Store, 0, Some(end)) = (call.action, call.result as u32, call.end) else {
            return Ok(None);
        };
        let mut word = [0; 8];
        let [to, ..] = call.arguments;
        Ok(self.timeline.read(end, to, &mut word).then(|| u64::from_le_bytes(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(t: u64, action: Action, arguments: [u64; 2], result: u64) -> Call {
        let [a, b] = arguments;
        let arguments = [a, b, 0, 0, 0, 0];
        Call { tracepoint: t, action, name: "f", arguments, end: Some(t + 5), result }
    }

    #[test]
    fn blocks_live_from_their_return_to_their_free() {
        let mut ledger = Ledger::default();
        ledger.enter(&call(10, Action::Allocate(0), [32, 0], 0x100), None);
        ledger.enter(&call(20, Action::Reallocate, [0x100, 64], 0x200), None);
        ledger.enter(&call(30, Action::Free, [0x100, 0], 0), None);
        ledger.enter(&call(40, Action::Free, [0x300, 0], 0), None);
        ledger.enter(&call(50, Action::Free, [0, 0], 0), None);
        // Not enough memory: the old block stays.
        ledger.enter(&call(60, Action::Reallocate, [0x200, 1 << 60], 0), None);
        let heap = ledger.heap;
        let alive = |t: u64| heap.alive(t).map(|block| block.address).collect::<Vec<_>>();
        assert_eq!([alive(14), alive(15), alive(20)], [vec![], vec![0x100], vec![0x100]]);
        assert_eq!([alive(21), alive(25), alive(99)], [vec![], vec![0x200], vec![0x200]]);
        let faults: Vec<_> = heap.faults.iter().map(|f| (f.tracepoint, f.misuse)).collect();
        assert_eq!(faults, [(30, Misuse::DoubleFree), (40, Misuse::NoBlock)]);
        assert!(heap.is_inside(12) && !heap.is_inside(15) && !heap.is_inside(9));
    }
}
