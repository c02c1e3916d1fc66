//! All blocks that were ever allocated, from the calls that allocated and freed them.

use super::calls::Call;
use super::functions::{Action, Family};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;

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
    /// The tracepoint at which another program took the process over.
    pub replaced: Option<u64>,
    /// The function that allocated.
    pub function: &'static str,
    /// What it belongs to.
    pub family: Family,
}

impl Block {
    /// Whether it is the program's at state `t`.
    pub fn is_alive(&self, t: u64) -> bool {
        let ends = [self.freed, self.replaced];
        self.returned <= t && ends.into_iter().flatten().all(|end| t <= end)
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
    /// It was freed by a function of another family than allocated it.
    Mismatch,
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
    /// The freeing function.
    pub function: &'static str,
    /// The function that allocated the block, and the tracepoint at which it was entered, if
    /// there is a block.
    pub allocated: Option<(&'static str, u64)>,
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

impl Heap {
    /// Whether a function of the allocator ran at tracepoint `t`.
    pub(super) fn is_inside(&self, t: u64) -> bool {
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
pub(super) struct Ledger {
    /// What came of the calls so far.
    pub heap: Heap,
    /// The last block at each address.
    last: BTreeMap<u64, usize>,
}

impl Ledger {
    fn free(&mut self, call: &Call, address: u64) {
        let (tracepoint, function) = (call.tracepoint, call.function);
        let known = self.last.get(&address).and_then(|at| self.heap.blocks.get_mut(*at));
        let allocated = known.as_ref().map(|block| (block.function, block.allocated));
        let misuse = match known {
            Some(block) if block.freed.is_none() => {
                block.freed = Some(tracepoint);
                (block.family != function.family).then_some(Misuse::Mismatch)
            }
            Some(_) => Some(Misuse::DoubleFree),
            None => Some(Misuse::NoBlock),
        };
        let function = function.name;
        let fault = |misuse| WrongFree { tracepoint, address, misuse, function, allocated };
        self.heap.faults.extend(misuse.map(fault));
    }

    /// Another program takes the process over at `tracepoint`: its memory is gone.
    pub fn replace(&mut self, tracepoint: u64) {
        for at in std::mem::take(&mut self.last).into_values() {
            let block = self.heap.blocks.get_mut(at).filter(|block| block.freed.is_none());
            if let Some(block) = block {
                block.replaced = Some(tracepoint);
            }
        }
    }

    /// Adds a call; `stored` is the address it stored, if it stores one.
    pub fn enter(&mut self, call: &Call, stored: Option<u64>) {
        self.heap.calls.push(call.tracepoint..call.end.unwrap_or(u64::MAX));
        let action = call.function.action;
        let bytes = action.bytes(&call.arguments);
        let failed = call.result == 0 && bytes.is_some_and(|bytes| bytes > 0);
        let freed = action.freed(&call.arguments);
        // A reallocation that fails leaves its block.
        if let Some(address) = freed.filter(|_| action == Action::Free || !failed) {
            self.free(call, address);
        }
        let address = if action == Action::Store { stored } else { Some(call.result) };
        let (Some(returned), Some(bytes), Some(address)) = (call.end, bytes, address) else {
            return;
        };
        if address == 0 {
            return;
        }
        let (allocated, function) = (call.tracepoint, call.function.name);
        let (freed, replaced, family) = (None, None, call.function.family);
        let block =
            Block { address, bytes, allocated, returned, freed, replaced, function, family };
        self.last.insert(address, self.heap.blocks.len());
        self.heap.blocks.push(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::heap::functions::Function;

    fn call(t: u64, action: Action, arguments: [u64; 2], result: u64) -> Call {
        let [a, b] = arguments;
        let arguments = [a, b, 0, 0, 0, 0];
        let function = Function { symbol: "f", name: "f", action, family: Family::Malloc };
        Call { tracepoint: t, function, arguments, end: Some(t + 5), result }
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

    #[test]
    fn who_frees_has_to_be_of_the_family_that_allocated() {
        let of = |t, action, address, result, family| {
            let call = call(t, action, [address, 0], result);
            Call { function: Function { family, ..call.function }, ..call }
        };
        let mut ledger = Ledger::default();
        ledger.enter(&of(10, Action::Allocate(0), 32, 0x100, Family::New), None);
        ledger.enter(&of(20, Action::Free, 0x100, 0, Family::Malloc), None);
        ledger.enter(&of(30, Action::Allocate(0), 32, 0x100, Family::NewArray), None);
        ledger.enter(&of(40, Action::Free, 0x100, 0, Family::NewArray), None);
        let faults: Vec<_> = ledger.heap.faults.iter().map(|f| (f.tracepoint, f.misuse)).collect();
        assert_eq!(faults, [(20, Misuse::Mismatch)]);
        assert!(ledger.heap.blocks.iter().all(|block| block.freed.is_some()));
    }

    #[test]
    fn another_program_has_none_of_the_blocks() {
        let mut ledger = Ledger::default();
        ledger.enter(&call(10, Action::Allocate(0), [32, 0], 0x100), None);
        ledger.replace(20);
        ledger.enter(&call(30, Action::Free, [0x100, 0], 0), None);
        let heap = ledger.heap;
        assert_eq!([heap.alive(20).count(), heap.alive(21).count()], [1, 0]);
        assert_eq!(heap.faults.first().map(|fault| fault.misuse), Some(Misuse::NoBlock));
    }
}
