//! The model: what the trace says the process's memory and registers are. It is
//! driven by replaying the trace's own chunks, so what it says is what a reader
//! will see.

use crate::compare::Before;
use rdb_schema::event::Event;
use rdb_schema::pages::Pages;
use rdb_schema::replay::Sink;
use rdb_schema::space::{AddressSpace, Base, Mapping, MappingChange, PAGE};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// One page's content.
pub type Page = [u8; PAGE as usize];

/// Memory as the trace has it.
#[derive(Default)]
pub struct Model {
    /// Mappings.
    pub space: AddressSpace,
    pages: HashMap<u64, Box<Page>>,
    dirty: BTreeSet<u64>,
    modules: HashMap<u32, Arc<Vec<u8>>>,
}

impl Model {
    /// Makes a module's bytes known, before a mapping names it.
    pub fn add_module(&mut self, index: u32, bytes: Arc<Vec<u8>>) {
        self.modules.insert(index, bytes);
    }

    fn base(&self, mapping: &Mapping, number: u64) -> Option<Page> {
        base_page(mapping, number, |index| self.modules.get(&index).map(|bytes| bytes.as_slice()))
    }

    /// Takes pages as they are recorded in a pages frame.
    pub fn set_pages(&mut self, pages: &Pages) {
        for (slot, number) in pages.numbers.iter().enumerate() {
            if let Some(content) = pages.get(slot).and_then(|p| Page::try_from(p).ok()) {
                self.pages.insert(*number, Box::new(content));
            }
        }
    }

    /// The pages written since the last call, ascending.
    pub fn take_dirty(&mut self) -> BTreeSet<u64> {
        std::mem::take(&mut self.dirty)
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        let mut at = address;
        let mut rest = bytes;
        while !rest.is_empty() {
            let offset = (at % PAGE) as usize;
            let (piece, later) = rest.split_at(rest.len().min(PAGE as usize - offset));
            self.write_page(at / PAGE, offset, piece);
            at = at.wrapping_add(piece.len() as u64);
            rest = later;
        }
    }

    fn write_page(&mut self, number: u64, offset: usize, piece: &[u8]) {
        if !self.pages.contains_key(&number) {
            let page = self.page(number).unwrap_or([0; PAGE as usize]);
            self.pages.insert(number, Box::new(page));
        }
        if let Some(page) = self.pages.get_mut(&number) {
            page[offset..offset + piece.len()].copy_from_slice(piece);
            self.dirty.insert(number);
        }
    }

    /// Applies a mapping change, with what it does to page contents.
    pub fn change(&mut self, change: &MappingChange) {
        match change {
            MappingChange::Map(mapping) => {
                let moved = match mapping.base {
                    Base::Moved(from) => self.moved_pages(mapping, from),
                    _ => Vec::new(),
                };
                self.forget(mapping.start, mapping.end);
                self.pages.extend(moved);
            }
            MappingChange::Unmap { start, end } => self.forget(*start, *end),
            MappingChange::Clear => {
                self.pages.clear();
                self.dirty.clear();
            }
            MappingChange::Protect { .. } | MappingChange::Advise { .. } => {}
        }
        self.space.apply(change);
    }

    fn moved_pages(&self, mapping: &Mapping, from: u64) -> Vec<(u64, Box<Page>)> {
        let (first, count) = (from / PAGE, (mapping.end - mapping.start) / PAGE);
        let to = mapping.start / PAGE;
        self.numbers(first, first + count)
            .into_iter()
            .filter_map(|n| Some((n - first + to, self.pages.get(&n)?.clone())))
            .collect()
    }

    /// Numbers of the own pages in `first..end`.
    fn numbers(&self, first: u64, end: u64) -> Vec<u64> {
        if end.saturating_sub(first) < self.pages.len() as u64 {
            (first..end).filter(|n| self.pages.contains_key(n)).collect()
        } else {
            self.pages.keys().copied().filter(|n| (first..end).contains(n)).collect()
        }
    }

    fn forget(&mut self, start: u64, end: u64) {
        for number in self.numbers(start / PAGE, end / PAGE) {
            self.pages.remove(&number);
            self.dirty.remove(&number);
        }
    }
}

impl Before for Model {
    fn page(&self, number: u64) -> Option<Page> {
        match self.pages.get(&number) {
            Some(page) => Some(**page),
            None => {
                let mapping = self.space.find(number.wrapping_mul(PAGE))?;
                self.base(mapping, number)
            }
        }
    }

    fn has_own(&self, number: u64) -> bool {
        self.pages.contains_key(&number)
    }
}

/// What `mapping` says of page `number` by itself, given the modules' bytes.
pub fn base_page<'a>(
    mapping: &Mapping,
    number: u64,
    module: impl FnOnce(u32) -> Option<&'a [u8]>,
) -> Option<Page> {
    let mut page = [0; PAGE as usize];
    match mapping.base {
        // Only mappings of zeros are recorded as moved; their written pages
        // move with them.
        Base::Zero | Base::Moved(_) => Some(page),
        Base::Unreadable => None,
        Base::Module(index) => {
            let bytes = module(index)?;
            let offset = mapping.file_offset + (number * PAGE - mapping.start);
            let rest = bytes.get(usize::try_from(offset).ok()?..).unwrap_or(&[]);
            let length = rest.len().min(page.len());
            page[..length].copy_from_slice(&rest[..length]);
            Some(page)
        }
    }
}

impl Sink for Model {
    fn store(&mut self, _: u64, address: u64, bytes: &[u8]) {
        self.write(address, bytes);
    }

    fn event(&mut self, event: &Event) {
        for change in &event.mappings {
            self.change(change);
        }
    }
}
