//! Pages of a stopped program's code that are read once for many blocks.

use super::addresses::AddressMap;
use crate::tracee::Memory;
use rdb_schema::space::PAGE;
use std::collections::hash_map::Entry;
use std::ops::Range;

const BYTES: usize = PAGE as usize;

/// Most pages held.
const MOST: usize = 512;

/// Whether the program can change a page's code without a syscall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// It cannot: held until [`HeldPages::forget`] is told of a change.
    Long,
    /// It can: held from [`HeldPages::begin`] to [`HeldPages::end`], where nothing
    /// changes it.
    Burst,
    /// It is not known: every read is the program's memory as it is.
    Never,
}

/// The pages.
#[derive(Default)]
pub struct HeldPages {
    bursting: bool,
    pages: AddressMap<(Lasts, Box<[u8; BYTES]>)>,
}

impl HeldPages {
    /// From now on nothing changes the program's memory.
    pub fn begin(&mut self) {
        self.bursting = true;
    }

    /// The program goes on.
    pub fn end(&mut self) {
        self.bursting = false;
        self.pages.retain(|_, (lasts, _)| *lasts == Lasts::Long);
    }

    /// Lets all pages go that have to do with `range`.
    pub fn forget(&mut self, range: &Range<u64>) {
        let pages = range.start / PAGE..=range.end.saturating_sub(1) / PAGE;
        self.pages.retain(|number, _| !pages.contains(number));
    }

    /// Lets all pages go.
    pub fn clear(&mut self) {
        self.pages.clear();
    }

    /// Reads as much of `bytes` as is readable from `address` on; bytes read.
    pub fn read_some(
        &mut self,
        address: u64,
        lasts: Lasts,
        memory: &Memory,
        bytes: &mut [u8],
    ) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u64);
            let Some(page) = self.page(at / PAGE, lasts, memory) else { break };
            let from = &page[(at % PAGE) as usize..];
            let count = from.len().min(bytes.len() - done);
            bytes[done..done + count].copy_from_slice(&from[..count]);
            done += count;
        }
        if done == 0 { memory.read_some(address, bytes) } else { done }
    }

    fn page(&mut self, number: u64, lasts: Lasts, memory: &Memory) -> Option<&[u8; BYTES]> {
        if lasts == Lasts::Never || lasts == Lasts::Burst && !self.bursting {
            return None;
        }
        if self.pages.len() >= MOST {
            self.pages.clear();
        }
        match self.pages.entry(number) {
            Entry::Occupied(held) => Some(&held.into_mut().1),
            Entry::Vacant(place) => {
                let mut page = Box::new([0; BYTES]);
                let whole = memory.read_some(number * PAGE, &mut page[..]) == BYTES;
                whole.then(|| &*place.insert((lasts, page)).1)
            }
        }
    }
}
