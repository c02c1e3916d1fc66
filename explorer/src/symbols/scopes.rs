//! The functions of one unit, and what was inlined into them.

use std::collections::HashMap;

use gimli::{AttributeValue, EntriesRaw, Unit};

use super::bytes::Slice;
use super::dwarf::{DieNames, Dwarf, die_names};
use super::guard::Budget;
use super::ranges::{RangeAttributes, RangeMap};

/// Most classes and namespaces around a function.
const MAX_OWNERS: usize = 64;

/// A function with code of its own, or an inlined copy of one.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Its DIE, relative to the unit.
    pub die: usize,
    /// The DIE that names it, if another: equal for all copies of a function.
    pub origin: Option<usize>,
    /// One past its last descendant in [`Scopes::all`].
    pub end: u32,
    /// Where its code is.
    pub ranges: Vec<(u64, u64)>,
    /// Where it is entered.
    pub entry: u64,
    /// For an inlined copy: file index, line and column of the call.
    pub call: Option<(u32, u32, u32)>,
    /// How its own variables have their places.
    pub places: Places,
}

/// How variables have their places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Some have one for each part of the code: location lists.
    pub lists: bool,
    /// Some have one in the frame.
    pub one: bool,
    /// Some have none, or a register.
    pub none: bool,
}

impl Scope {
    /// The range that contains an address.
    pub fn range_around(&self, address: u64) -> Option<(u64, u64)> {
        self.ranges.iter().copied().find(|(begin, end)| (*begin..*end).contains(&address))
    }
}

impl Places {
    /// Adds how another variable has its place.
    fn add(&mut self, other: Self) {
        self.lists |= other.lists;
        self.one |= other.one;
        self.none |= other.none;
    }
}

/// The scopes of one unit, parents before children.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    pub all: Vec<Scope>,
    functions: RangeMap,
    /// Whether a variable's place depends on the pc: gdb then trusts places
    /// from the first instruction on, and skips no prologue.
    pub has_location_lists: bool,
    /// Whether LLVM made it (clang, rustc): every function has a line row
    /// that ends its prologue.
    pub llvm: bool,
    /// Whether gcc says that it optimised.
    optimised: bool,
    /// The classes and namespaces around functions without linkage names, outermost first: by
    /// DIEs.
    owners: HashMap<usize, Vec<usize>>,
}

impl Scopes {
    /// Walks the DIEs of `unit` once. `keep` says which addresses can be code.
    pub fn parse<'a>(
        dwarf: &Dwarf<'a>,
        unit: &Unit<Slice<'a>>,
        budget: &Budget,
        keep: impl Fn(u64) -> bool,
    ) -> Self {
        let mut scopes = Self::default();
        let Ok(entries) = unit.entries_raw(None) else { return scopes };
        let (open, around) = (Vec::new(), Vec::new());
        let mut walk = Walk { dwarf, unit, entries, budget, keep, open, around };
        while walk.step(&mut scopes).is_some() {}
        let length = u32::try_from(scopes.all.len()).unwrap_or(u32::MAX);
        walk.open.drain(..).for_each(|(_, scope)| scopes.close(scope, length));
        let functions = scopes.all.iter().enumerate().filter(|(_, scope)| scope.call.is_none());
        scopes.functions = RangeMap::new(functions.flat_map(|(index, scope)| {
            scope.ranges.iter().map(move |(begin, end)| (*begin, *end, index as u32))
        }));
        scopes
    }

    fn close(&mut self, scope: usize, end: u32) {
        if let Some(scope) = self.all.get_mut(scope) {
            scope.end = end;
        }
    }

    /// The function around an address and the inlined copies in it, outermost
    /// first, as indexes of [`Scopes::all`].
    pub fn chain_at(&self, address: u64) -> Vec<usize> {
        let Some((_, _, function)) = self.functions.around(address).next() else {
            return Vec::new();
        };
        let mut chain = vec![function as usize];
        let Some(outer) = self.all.get(function as usize) else { return Vec::new() };
        let (mut index, mut end) = (function as usize + 1, outer.end as usize);
        while index < end {
            let Some(scope) = self.all.get(index) else { break };
            if scope.call.is_some() && scope.range_around(address).is_some() {
                chain.push(index);
                end = scope.end as usize;
                index += 1;
            } else {
                index = (scope.end as usize).max(index + 1);
            }
        }
        chain
    }

    /// Whether the code of a function is optimised, or may be: gcc tells, and the places of
    /// variables do, all of which have one in code that is not.
    pub fn is_optimised(&self, function: usize) -> bool {
        let places = self.all.get(function).map(|scope| scope.places).unwrap_or_default();
        let kept = if self.llvm { places.one && !places.none } else { !self.optimised };
        places.lists || !kept
    }

    /// The names of a scope.
    pub fn names<'a>(&self, dwarf: &Dwarf<'a>, unit: &Unit<Slice<'a>>, scope: &Scope) -> DieNames {
        let mut names = die_names(dwarf, unit, gimli::UnitOffset(scope.die));
        let owners = names.places.iter().rev().find_map(|die| self.owners.get(die));
        if let (Some(owners), Some(plain), None) = (owners, &names.plain, &names.linkage) {
            let parts = owners.iter().filter_map(|die| owner_name(dwarf, unit, *die));
            let parts: Vec<_> = parts.chain([plain.clone()]).collect();
            names.qualified = Some(parts.join("::"));
        }
        names
    }
}

/// The name of a class or namespace; none of a class that has no name.
fn owner_name<'a>(dwarf: &Dwarf<'a>, unit: &Unit<Slice<'a>>, die: usize) -> Option<String> {
    let entry = unit.entry(gimli::UnitOffset(die)).ok()?;
    let name = entry.attr_value(gimli::DW_AT_name);
    let name = name.and_then(|name| dwarf.attr_string(unit, name).ok());
    let unnamed = || {
        let space = entry.tag() == gimli::DW_TAG_namespace;
        space.then(|| "(anonymous namespace)".to_owned())
    };
    name.map(|name| name.to_string_lossy().into_owned()).or_else(unnamed)
}

/// Whether a variable that has one place has it in the frame, and whether it has it in a register;
/// static variables have neither.
fn in_frame(expression: &[u8]) -> (bool, bool) {
    let first = expression.first().map(|opcode| gimli::DwOp(*opcode));
    match first {
        Some(gimli::DW_OP_fbreg) => (true, false),
        Some(gimli::DW_OP_addr | gimli::DW_OP_addrx) => (false, false),
        _ => (false, true),
    }
}

/// A walk over the DIEs of a unit.
struct Walk<'w, 'a, K> {
    dwarf: &'w Dwarf<'a>,
    unit: &'w Unit<Slice<'a>>,
    entries: EntriesRaw<'w, Slice<'a>>,
    budget: &'w Budget,
    keep: K,
    /// Depth and index of the scopes around the next DIE.
    open: Vec<(isize, usize)>,
    /// Depth and DIE of the classes and namespaces around it; no DIE: of a function.
    around: Vec<(isize, Option<usize>)>,
}

impl<'a, K: Fn(u64) -> bool> Walk<'_, 'a, K> {
    /// Reads one DIE; `None` at the end, or where the bytes make no sense.
    fn step(&mut self, scopes: &mut Scopes) -> Option<()> {
        if self.entries.is_empty() || !self.budget.take(1) {
            return None;
        }
        let (die, depth) = (self.entries.next_offset().0, self.entries.next_depth());
        let Some(abbreviation) = self.entries.read_abbreviation().ok()? else { return Some(()) };
        let length = scopes.all.len() as u32;
        while self.open.last().is_some_and(|(open, _)| *open >= depth) {
            let (_, closed) = self.open.pop()?;
            scopes.close(closed, length);
        }
        self.enter(scopes, (die, depth), abbreviation);
        let attributes = abbreviation.attributes();
        match abbreviation.tag() {
            gimli::DW_TAG_subprogram | gimli::DW_TAG_inlined_subroutine => {
                let inlined = abbreviation.tag() == gimli::DW_TAG_inlined_subroutine;
                if let Some(scope) = self.scope(die, inlined, attributes)? {
                    self.open.push((depth, scopes.all.len()));
                    scopes.all.push(scope);
                }
            }
            gimli::DW_TAG_compile_unit => {
                (scopes.llvm, scopes.optimised) = self.producer(attributes)?;
            }
            gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter => {
                let places = self.places(attributes)?;
                scopes.has_location_lists |= places.lists;
                let around = self.open.last().and_then(|(_, scope)| scopes.all.get_mut(*scope));
                around.into_iter().for_each(|scope| scope.places.add(places));
            }
            _ => self.entries.skip_attributes(attributes).ok()?,
        }
        Some(())
    }

    /// Notes what is around a function that has no linkage name, and what is around others.
    fn enter(
        &mut self,
        scopes: &mut Scopes,
        (die, depth): (usize, isize),
        abbreviation: &gimli::Abbreviation,
    ) {
        while self.around.last().is_some_and(|(around, _)| *around >= depth) {
            self.around.pop();
        }
        match abbreviation.tag() {
            gimli::DW_TAG_subprogram => {
                let linkage = [gimli::DW_AT_linkage_name, gimli::DW_AT_MIPS_linkage_name];
                let mut attributes = abbreviation.attributes().iter();
                if !attributes.any(|spec| linkage.contains(&spec.name())) {
                    let inner = self.around.iter().rev().map_while(|(_, owner)| *owner);
                    let mut owners: Vec<usize> = inner.take(MAX_OWNERS).collect();
                    owners.reverse();
                    if !owners.is_empty() && self.budget.take(owners.len() as u64) {
                        scopes.owners.insert(die, owners);
                    }
                }
                self.around.push((depth, None));
            }
            gimli::DW_TAG_class_type
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_namespace
                if abbreviation.has_children() =>
            {
                self.around.push((depth, Some(die)));
            }
            _ => {}
        }
    }

    /// Whether LLVM is the unit's producer, and whether the producer says that it optimises.
    fn producer(&mut self, attributes: &[gimli::AttributeSpecification]) -> Option<(bool, bool)> {
        let (mut llvm, mut optimised) = (false, false);
        for spec in attributes {
            let attribute = self.entries.read_attribute(*spec).ok()?;
            if attribute.name() == gimli::DW_AT_producer {
                let producer = self.dwarf.attr_string(self.unit, attribute.value()).ok()?;
                let producer = producer.to_string_lossy();
                llvm = ["clang", "LLVM", "rustc"].iter().any(|name| producer.contains(name));
                // Who does not tell any may have optimised; the last one counts.
                let flags = || producer.split_whitespace().filter(|flag| flag.starts_with('-'));
                let level = flags().rfind(|flag| flag.starts_with("-O"));
                optimised = flags().next().is_none() || level.is_some_and(|flag| flag != "-O0");
            }
        }
        Some((llvm, optimised))
    }

    /// How a variable has its place.
    fn places(&mut self, attributes: &[gimli::AttributeSpecification]) -> Option<Places> {
        let mut places = Places { none: true, ..Places::default() };
        for spec in attributes {
            let attribute = self.entries.read_attribute(*spec).ok()?;
            if attribute.name() == gimli::DW_AT_location {
                (places.one, places.none) = match attribute.value() {
                    AttributeValue::Exprloc(expression) => in_frame(expression.0.slice()),
                    _ => (false, false),
                };
                places.lists = matches!(
                    attribute.value(),
                    AttributeValue::LocationListsRef(_)
                        | AttributeValue::DebugLocListsIndex(_)
                        | AttributeValue::SecOffset(_)
                );
            }
        }
        Some(places)
    }

    /// The outer `None` ends the walk; the inner one is a declaration, an
    /// abstract instance, or code that was dropped.
    fn scope(
        &mut self,
        die: usize,
        inlined: bool,
        attributes: &[gimli::AttributeSpecification],
    ) -> Option<Option<Scope>> {
        let mut at = RangeAttributes::default();
        let (mut entry_pc, mut origin) = (None, None);
        let (mut file, mut line, mut column) = (0, 0, 0);
        for spec in attributes {
            let attribute = self.entries.read_attribute(*spec).ok()?;
            let number = || attribute.udata_value().and_then(|n| u32::try_from(n).ok());
            match attribute.name() {
                gimli::DW_AT_entry_pc => entry_pc = Some(attribute.value()),
                gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => {
                    if let AttributeValue::UnitRef(to) = attribute.value() {
                        origin = Some(to.0);
                    }
                }
                gimli::DW_AT_call_file => {
                    if let AttributeValue::FileIndex(index) = attribute.value() {
                        file = u32::try_from(index).unwrap_or(u32::MAX);
                    }
                }
                gimli::DW_AT_call_line => line = number().unwrap_or(0),
                gimli::DW_AT_call_column => column = number().unwrap_or(0),
                _ => at.see(self.dwarf, self.unit, &attribute),
            }
        }
        let mut ranges = at.ranges(self.dwarf, self.unit);
        ranges.retain(|(begin, _)| (self.keep)(*begin));
        let Some((first, _)) = ranges.first().copied() else { return Some(None) };
        if !self.budget.take(ranges.len() as u64) {
            return None;
        }
        let entry = match entry_pc {
            // DWARF 5, 2.18: a constant is an offset from the base address.
            Some(AttributeValue::Udata(offset)) => at.low().unwrap_or(first).checked_add(offset),
            Some(value) => self.dwarf.attr_address(self.unit, value).ok().flatten(),
            None => at.low().or(Some(first)),
        };
        // gcc also names entries behind the last instruction of a copy.
        let within = |entry: &u64| ranges.iter().any(|(b, e)| (*b..*e).contains(entry));
        let entry = entry.filter(within).unwrap_or(first);
        let call = inlined.then_some((file, line, column));
        let places = Places::default();
        Some(Some(Scope { die, origin, end: 0, ranges, entry, call, places }))
    }
}
