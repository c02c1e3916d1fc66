//! What the `int3`s of the cache mean.

use super::branches::Link;
use crate::engine::addresses::AddressMap;

/// Why the tracee ran into an `int3` of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A jump whose target has no translation yet.
    Missing(Link),
    /// An indirect branch to an address that has none; the context holds rcx,
    /// the scratch register the address.
    Unknown,
    /// The program's instruction at this address has to be stepped.
    Stepped(u64),
    /// The translation of this program address that began here is none any more.
    Retired(u64),
    /// The program's code at this address is not what was translated; the context
    /// holds rcx.
    Changed(u64),
    /// In front of the system call for the one at this address, which cannot be made
    /// without asking.
    Calling(u64),
    /// Behind the system call for the one at this address.
    Called(u64),
    /// A repeated string instruction has stored; the program goes on here.
    Bulk(u64),
}

/// All exits, by address.
#[derive(Default)]
pub struct Exits {
    /// Those that were written with the code around them: ascending, for good.
    placed: Vec<(u64, Exit)>,
    /// Those where translations begin, or began.
    heads: AddressMap<Exit>,
}

impl Exits {
    /// None yet, and room for as many that are placed.
    pub fn with_room(count: usize) -> Self {
        Self { placed: Vec::with_capacity(count), ..Self::default() }
    }

    /// What an `int3` at `address` means.
    pub fn get(&self, address: u64) -> Option<Exit> {
        if let Some(exit) = self.heads.get(&address) {
            return Some(*exit);
        }
        let found = self.placed.binary_search_by_key(&address, |(at, _)| *at).ok()?;
        self.placed.get(found).map(|(_, exit)| *exit)
    }

    /// Adds one behind all that were placed before.
    pub fn place(&mut self, address: u64, exit: Exit) {
        debug_assert!(self.placed.last().is_none_or(|(last, _)| *last < address));
        self.placed.push((address, exit));
    }

    /// Lets a translation's head be an exit.
    pub fn set_head(&mut self, head: u64, exit: Exit) {
        self.heads.insert(head, exit);
    }

    /// The head is none any more.
    pub fn remove_head(&mut self, head: u64) {
        self.heads.remove(&head);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.placed.clear();
        self.heads.clear();
    }
}
