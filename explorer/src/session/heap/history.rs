//! All blocks that were ever allocated, from the calls that allocated and freed them.

use super::calls::Call;
use super::functions::Action;
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
        let (freed, replaced) = (None, None);
        let block = Block { address, bytes, allocated, returned, freed, replaced, function };
        self.last.insert(address, self.heap.blocks.len());
        self.heap.blocks.push(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(t: u64, action: Action, arguments: [u64; 2], result: u64) -> Call {
        let [a, b] = arguments;
        let arguments = [a, b, 0, 0, 0, 0];
        let (name, outside, end) = ("f", 0, Some(t + 5));
        Call { tracepoint: t, action, name, arguments, outside, end, result }
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
