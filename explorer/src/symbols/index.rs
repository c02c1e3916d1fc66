//! All functions of a module by name.

use std::collections::HashMap;
use std::sync::Arc;

use super::cython;
use super::demangle::demangle_short;
use super::names::{Fit, fit, key};
use super::table::{Kind, SymbolTable};
use super::units::Units;

/// Where an indexed function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A scope of a unit.
    Scope { unit: u32, scope: u32 },
    /// A symbol without DWARF: its address.
    Symbol(u64),
}

/// Functions and inlined copies by the last component of their names.
#[derive(Debug, Default)]
pub(crate) struct FunctionIndex {
    functions: Vec<(Arc<str>, Place)>,
    by_key: HashMap<Box<str>, Vec<u32>>,
    /// Linkage names, for those who type them.
    by_linkage: HashMap<Box<str>, Vec<u32>>,
    /// What Cython made of Python's functions, by the last component of Python's names.
    by_python: HashMap<Box<str>, Vec<u32>>,
}

impl FunctionIndex {
    /// Walks all units and symbols.
    pub fn new(units: &Units, table: &SymbolTable) -> Self {
        let mut index = Self::default();
        let mut entries = HashMap::new();
        for unit in 0..units.len() {
            index.add_unit(units, table, unit, &mut entries);
        }
        for symbol in table.all() {
            let code = matches!(symbol.kind, Kind::Function | Kind::Label);
            if !code || !units.keep(symbol.address) {
                continue;
            }
            match entries.get(&symbol.address) {
                None => {
                    let name = Arc::from(demangle_short(&symbol.name));
                    index.add(name, Some(&symbol.name), Place::Symbol(symbol.address));
                }
                // Another name of a function DWARF knows: `printf` of `__printf`.
                Some(place) => index.add_alias(&symbol.name, *place),
            }
        }
        index
    }

    fn add_unit(
        &mut self,
        units: &Units,
        table: &SymbolTable,
        unit: usize,
        entries: &mut HashMap<u64, Place>,
    ) {
        let Some(scopes) = units.scopes(unit) else { return };
        let all = units.with(unit, |dwarf, parsed| {
            // Copies share an origin: each is named once.
            let mut known = HashMap::new();
            let mut names = Vec::new();
            for scope in &scopes.all {
                let die = scope.origin.filter(|_| scope.call.is_some()).unwrap_or(scope.die);
                let name = known.entry(die).or_insert_with(|| {
                    let names = scopes.names(dwarf, parsed, scope);
                    (names.display_of(scope, table), names.linkage.map(Arc::<str>::from))
                });
                names.push(name.clone());
            }
            names
        });
        for (number, ((name, linkage), scope)) in all.into_iter().zip(&scopes.all).enumerate() {
            let Some(name) = name else { continue };
            let place = Place::Scope { unit: unit as u32, scope: number as u32 };
            if scope.call.is_none() {
                entries.insert(scope.entry, place);
            }
            self.add(name, linkage.as_deref(), place);
        }
    }

    fn add(&mut self, name: Arc<str>, linkage: Option<&str>, place: Place) {
        let number = self.functions.len() as u32;
        push(&mut self.by_key, key(&name), number);
        if let Some(linkage) = linkage.filter(|linkage| **linkage != *name) {
            push(&mut self.by_linkage, linkage, number);
        }
        for last in cython::function_names(&name).iter().filter_map(|names| names.first()) {
            push(&mut self.by_python, last, number);
        }
        self.functions.push((name, place));
    }

    /// Adds a name the linker knows a function by, unless it has it already.
    fn add_alias(&mut self, name: &str, place: Place) {
        let same =
            |number: &u32| self.functions.get(*number as usize).is_some_and(|f| *f.0 == *name);
        let known = self.by_linkage.contains_key(name)
            || self.by_key.get(key(name)).is_some_and(|numbers| numbers.iter().any(same));
        if !known && !name.starts_with("_Z") && !name.starts_with("_R") {
            self.add(Arc::from(name), None, place);
        }
    }

    /// What a typed name may mean of the places that `among` takes: those it names exactly, else
    /// those whose last components it names, else what Cython made of Python's of that name.
    pub fn find(&self, wanted: &str, among: &dyn Fn(&Place) -> bool) -> Vec<(Arc<str>, Place)> {
        let get = |number: &u32| {
            let function = self.functions.get(*number as usize);
            function.filter(|(_, place)| among(place)).cloned()
        };
        if let Some(numbers) = self.by_linkage.get(wanted) {
            return numbers.iter().filter_map(get).collect();
        }
        let candidates = self.by_key.get(key(wanted)).into_iter().flatten().filter_map(get);
        let fits: Vec<_> = candidates
            .filter_map(|(name, place)| fit(&name, wanted).map(|fit| (fit, (name, place))))
            .collect();
        if fits.is_empty() {
            let named = self.by_python.get(cython::last(wanted)).into_iter().flatten();
            return named
                .filter_map(get)
                .filter(|(name, _)| cython::answers(name, wanted))
                .collect();
        }
        let best = fits.iter().map(|(fit, _)| *fit).min().unwrap_or(Fit::Exact);
        fits.into_iter().filter(|(fit, _)| *fit == best).map(|(_, found)| found).collect()
    }

    /// All names, in no order, copies included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all().map(|(name, _)| &**name)
    }

    /// All names and what they mean, in no order, copies included.
    pub fn all(&self) -> impl Iterator<Item = &(Arc<str>, Place)> {
        self.functions.iter()
    }
}

fn push(map: &mut HashMap<Box<str>, Vec<u32>>, key: &str, number: u32) {
    match map.get_mut(key) {
        Some(numbers) => numbers.push(number),
        None => {
            map.insert(key.into(), vec![number]);
        }
    }
}
