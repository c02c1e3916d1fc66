//! What encloses a function in its source, from the inside out: blocks, classes, namespaces
//! (DWARF 5, 3.2 and 3.5; for definitions elsewhere, where their declarations are, 2.13.2).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::address::ModuleAddr;
use super::dies::{DieRef, Dies, Language};
use super::guard::guarded;

/// Most levels around one function.
const MAX_LEVELS: usize = 256;

/// Most abstract origins and specifications followed.
const MAX_ORIGINS: usize = 16;

/// Places of which the levels are kept.
const MAX_KEPT: usize = 4096;

/// A part of the source that has names of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// A function, or a block of one.
    Block(DieRef),
    /// A class, and its full name.
    Class(DieRef, Arc<str>),
    /// A namespace or module by its full name; without one, what is outside of all.
    Space(Arc<str>),
}

/// Levels by function and address.
#[derive(Debug, Default)]
pub(crate) struct Surroundings(Mutex<HashMap<Around, Arc<[Level]>>>);

/// A function, and an address in it.
type Around = (DieRef, Option<u64>);

impl Dies {
    /// The levels around an address in a function (or inlined copy), innermost first; without an
    /// address, those around the function.
    pub fn levels(&self, function: DieRef, address: Option<ModuleAddr>) -> Arc<[Level]> {
        let of = (function, address.map(|address| address.0));
        let kept = || self.surroundings.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().get(&of) {
            return Arc::clone(known);
        }
        let found: Arc<[Level]> = guarded(|| self.read_levels(function, address)).into();
        let mut kept = kept();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(of, Arc::clone(&found));
        found
    }

    fn read_levels(&self, function: DieRef, address: Option<ModuleAddr>) -> Vec<Level> {
        let mut found = Vec::new();
        let blocks = address.map(|address| self.blocks_around(function, address));
        for block in blocks.unwrap_or_else(|| vec![function]) {
            self.add_block(block, &mut found);
        }
        found.extend(self.inside_rust(function).map(Level::Space));
        let mut next = Some(function);
        while let Some(at) = next.filter(|_| found.len() < MAX_LEVELS) {
            next = self.add_around(at, &mut found);
        }
        found.push(Level::Space("".into()));
        found
    }

    /// Adds a block, and what it is a copy of, which may have names that the copy has not.
    fn add_block(&self, block: DieRef, found: &mut Vec<Level>) {
        let mut next = Some(block);
        for _ in 0..MAX_ORIGINS {
            let Some(place) = next else { break };
            found.push(Level::Block(place));
            next = self.entry(place).and_then(|e| e.reference(gimli::DW_AT_abstract_origin));
        }
    }

    /// The namespace that rustc makes of a function for what is declared in it.
    fn inside_rust(&self, function: DieRef) -> Option<Arc<str>> {
        let declared = self.declaration(function);
        let entry = self.entry(declared)?;
        if entry.language() != Language::Rust {
            return None;
        }
        let name = entry.name()?;
        let name = name.split('<').next().filter(|name| !name.is_empty())?;
        let path = self.path(declared);
        Some(joined(path.last().map_or("", |(_, full)| full), name).into())
    }

    /// Adds what is around the declaration of a function or class; of these, the first that is
    /// declared elsewhere ends it, and is returned: what is around it follows.
    fn add_around(&self, inner: DieRef, found: &mut Vec<Level>) -> Option<DieRef> {
        for (place, full) in self.path(self.declaration(inner)).into_iter().rev() {
            match self.entry(place).map(|entry| entry.tag()) {
                Some(gimli::DW_TAG_namespace | gimli::DW_TAG_module) => {
                    found.push(Level::Space(full));
                    continue;
                }
                Some(
                    gimli::DW_TAG_structure_type
                    | gimli::DW_TAG_class_type
                    | gimli::DW_TAG_union_type,
                ) => found.push(Level::Class(place, full)),
                Some(
                    gimli::DW_TAG_subprogram
                    | gimli::DW_TAG_inlined_subroutine
                    | gimli::DW_TAG_lexical_block,
                ) => self.add_block(place, found),
                _ => continue,
            }
            if self.declaration(place) != place {
                return Some(place);
            }
        }
        None
    }

    /// Where a function or class is declared, if not where it is defined.
    fn declaration(&self, die: DieRef) -> DieRef {
        let mut place = die;
        for _ in 0..MAX_ORIGINS {
            match self.entry(place).and_then(|entry| entry.origin()) {
                Some(origin) => place = origin.place(),
                None => break,
            }
        }
        place
    }

    /// What is around an entry, outermost first, each with the full name of the namespace or
    /// class that it is or is in.
    fn path(&self, die: DieRef) -> Vec<(DieRef, Arc<str>)> {
        let mut full: Arc<str> = "".into();
        let around = self.ancestors(die).into_iter();
        let named = around.filter_map(|place| {
            let entry = self.entry(place)?;
            match entry.tag() {
                gimli::DW_TAG_namespace
                | gimli::DW_TAG_module
                | gimli::DW_TAG_structure_type
                | gimli::DW_TAG_class_type
                | gimli::DW_TAG_union_type => {
                    let own = entry.own_text(gimli::DW_AT_name);
                    let own = own.unwrap_or_else(|| "(anonymous namespace)".to_owned());
                    let known = self.declared().qualified(place);
                    full = known.unwrap_or_else(|| joined(&full, &own).into());
                }
                gimli::DW_TAG_subprogram => full = "".into(),
                _ => {}
            }
            Some((place, Arc::clone(&full)))
        });
        named.collect()
    }

    /// The entries around one, outermost first: its unit is read up to it.
    fn ancestors(&self, die: DieRef) -> Vec<DieRef> {
        let find = || {
            let entry = self.entry(die)?;
            let mut entries = entry.unit().entries_raw(None).ok()?;
            let mut open: Vec<(isize, DieRef)> = Vec::new();
            while !entries.is_empty() {
                let (place, depth) = (entry.at(entries.next_offset().0), entries.next_depth());
                let Some(abbreviation) = entries.read_abbreviation().ok()? else { continue };
                while open.last().is_some_and(|(outer, _)| *outer >= depth) {
                    open.pop();
                }
                if place >= die {
                    let found = open.into_iter().map(|(_, place)| place);
                    return Some(found.filter(|_| place == die).collect());
                }
                if abbreviation.has_children() {
                    open.push((depth, place));
                }
                entries.skip_attributes(abbreviation.attributes()).ok()?;
            }
            None
        };
        find().unwrap_or_default()
    }
}

/// A name in a namespace or class.
pub(super) fn joined(space: &str, name: &str) -> String {
    if space.is_empty() { name.to_owned() } else { format!("{space}::{name}") }
}
