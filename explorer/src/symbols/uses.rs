//! Names of namespaces that others may use without them: using-directives and -declarations,
//! aliases, inline namespaces (DWARF 5, 3.2).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::demangle::demangle_short;
use super::dies::{DieRef, Dies, Entry};
use super::guard::guarded;
use super::names::key;

/// What one unit uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// Where it says so: the namespace's full name.
    pub space: Arc<str>,
    /// What it uses.
    pub of: Used,
}

/// What is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Used {
    /// All names of a namespace.
    All(Arc<str>),
    /// One name, and the full name that it stands for.
    One(Arc<str>, Arc<str>),
}

/// Uses by the start of their unit.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<HashMap<usize, Arc<[Use]>>>);

impl Dies {
    /// What namespaces use in the unit of a function.
    pub(crate) fn uses(&self, function: DieRef) -> Arc<[Use]> {
        let unit = self.entry(self.in_its_unit(function)).map(|entry| entry.at(0));
        let Some(unit) = unit.filter(|unit| !unit.supplementary) else { return [].into() };
        let kept = || self.uses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().get(&unit.offset) {
            return Arc::clone(known);
        }
        let read = || {
            let all = self.declared().uses(unit.offset);
            let used = all.filter_map(|(space, offset)| {
                let entry = self.entry(DieRef { supplementary: false, offset })?;
                Some(Use { space: Arc::clone(space), of: self.used(&entry)? })
            });
            used.collect::<Vec<_>>()
        };
        let found: Arc<[Use]> = guarded(read).into();
        kept().insert(unit.offset, Arc::clone(&found));
        found
    }

    /// What a block uses.
    pub(crate) fn uses_of_block(&self, block: DieRef) -> Vec<Used> {
        let read = || {
            let children = self.entry(block)?.children().into_iter();
            let is = |child: &Entry<'_>| {
                let tag = child.tag();
                tag == gimli::DW_TAG_imported_module || tag == gimli::DW_TAG_imported_declaration
            };
            Some(children.filter(is).filter_map(|child| self.used(&child)).collect())
        };
        guarded(|| read().unwrap_or_default())
    }

    fn used(&self, entry: &Entry<'_>) -> Option<Used> {
        if entry.tag() == gimli::DW_TAG_namespace {
            return Some(Used::All(self.full_name(entry.place())?));
        }
        let target = self.full_name(entry.reference(gimli::DW_AT_import)?)?;
        if entry.tag() == gimli::DW_TAG_imported_module {
            return Some(Used::All(target));
        }
        let own = entry.own_text(gimli::DW_AT_name).map(Arc::from);
        let name = own.unwrap_or_else(|| key(&target).into());
        Some(Used::One(name, target))
    }

    /// The full name of what may be used.
    fn full_name(&self, die: DieRef) -> Option<Arc<str>> {
        let known = self.declared().space(die).or_else(|| self.declared().qualified(die));
        known.or_else(|| {
            let entry = self.entry(die)?;
            let mangled = entry.own_text(gimli::DW_AT_linkage_name);
            let name = mangled.map(|name| demangle_short(&name)).or_else(|| entry.name())?;
            Some(name.into())
        })
    }
}
