//! From names and lines to addresses.

use std::collections::BTreeMap;

use super::address::ModuleAddr;
use super::index::Place;
use super::lines::{Entry, Row};
use super::module::ModuleSymbols;
use super::names::{Fit, fit};
use super::overloads::FunctionName;
use super::path;
use super::prologue;
use super::scopes::{Scope, Scopes};
use super::similar::{distance, most_edits};
use super::types::{BreakAddress, LineMatch};

/// Most functions compared when looking for names close to a mistyped one.
const MAX_COMPARED: usize = 200_000;

/// A place: its unit and its address.
type Located = (usize, u64);

/// By address, each once: a function before a copy of another that is inlined there.
fn in_order(mut addresses: Vec<BreakAddress>) -> Vec<BreakAddress> {
    addresses.sort_by_key(|at| (at.address, at.inlined));
    addresses.dedup_by_key(|at| at.address);
    addresses
}

/// Whether all of a function's name is `name`, template arguments and parameters aside.
fn is_called(found: &BreakAddress, name: &str) -> bool {
    found.function.as_deref().is_some_and(|own| fit(own, name) == Some(Fit::Exact))
}

impl ModuleSymbols {
    /// Where to break for a function name: the exact name or linkage name;
    /// else, for C++ and Rust, every function whose qualified name ends in
    /// it, template arguments optional; with parameters, only overloads that have these.
    /// Inlined copies are included.
    pub fn addresses_of_function<'a>(
        &self,
        name: impl Into<FunctionName<'a>>,
    ) -> Vec<BreakAddress> {
        let found = self.functions_named(name.into());
        in_order(found.iter().filter_map(|(name, place)| self.break_at(name, *place)).collect())
    }

    /// The functions that a name means in an expression. One of which there are inlined copies
    /// only is none; nor does a bare name mean what is in some namespace or class.
    pub fn functions_meant(&self, name: &str) -> impl Iterator<Item = BreakAddress> {
        let is_meant = move |found: &BreakAddress| {
            !found.inlined && (name.contains("::") || is_called(found, name))
        };
        self.addresses_of_function(name).into_iter().filter(is_meant)
    }

    /// Whether copies of a function of that name are inlined.
    pub fn is_inlined_as(&self, name: &str) -> bool {
        let found = self.addresses_of_function(name);
        found.iter().any(|found| found.inlined && is_called(found, name))
    }

    /// Where to break for each function whose whole name `wanted` takes: each address once, and
    /// inlined copies only if `inlined`.
    pub fn addresses_of_functions(
        &self,
        inlined: bool,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<BreakAddress> {
        let is_copy = |place: &Place| match *place {
            Place::Scope { unit, scope } => {
                let scopes = self.units().scopes(unit as usize);
                let scope = scopes.and_then(|scopes| scopes.all.get(scope as usize));
                scope.is_some_and(|scope| scope.call.is_some())
            }
            Place::Symbol(_) => false,
        };
        let all = self.index().all().filter(|(name, _)| wanted(name));
        let all = all.filter(|(_, place)| inlined || !is_copy(place));
        in_order(all.filter_map(|(name, place)| self.break_at(name, *place)).collect())
    }

    fn break_at(&self, name: &str, place: Place) -> Option<BreakAddress> {
        match place {
            Place::Scope { unit, scope } => self.break_in(unit as usize, scope as usize, name),
            Place::Symbol(entry) if self.is_part(entry) => None,
            Place::Symbol(entry) => Some(self.break_at_symbol(entry, name)),
        }
    }

    /// Whether the symbol of code at an address names a part of a function that is split, as
    /// the cold one, and no function.
    fn is_part(&self, address: u64) -> bool {
        self.scope_at(address).is_some_and(|(_, scope)| {
            scope.entry != address && scope.ranges.iter().any(|(begin, _)| *begin == address)
        })
    }

    fn break_in(&self, unit: usize, index: usize, name: &str) -> Option<BreakAddress> {
        let scopes = self.units().scopes(unit)?;
        let scope = scopes.all.get(index)?;
        Some(BreakAddress {
            address: ModuleAddr(self.after_prologue(unit, scopes, scope)),
            start: ModuleAddr(scope.entry),
            entry: ModuleAddr(scope.entry),
            function: Some(name.to_owned()),
            inlined: scope.call.is_some(),
            scope: Some((unit, index)),
            resolver: scope.call.is_none() && self.table().is_resolver_of(name, scope.entry),
        })
    }

    fn after_prologue(&self, unit: usize, scopes: &Scopes, scope: &Scope) -> u64 {
        let lines = self.units().lines(unit).filter(|_| scope.call.is_none());
        let Some(lines) = lines else { return scope.entry };
        let code = self.code(scope.entry).unwrap_or_default();
        prologue::end(scopes, scope, lines, &code)
    }

    fn break_at_symbol(&self, entry: u64, name: &str) -> BreakAddress {
        let code = self.code(entry).unwrap_or_default();
        let address = entry.saturating_add(prologue::frame_setup_length(&code));
        BreakAddress {
            address: ModuleAddr(address),
            start: ModuleAddr(entry),
            entry: ModuleAddr(entry),
            function: Some(name.to_owned()),
            inlined: false,
            scope: None,
            resolver: self.table().is_resolver_of(name, entry),
        }
    }

    /// Where to break for the function that is entered at an address, whatever its name.
    pub fn break_at_entry(&self, entry: ModuleAddr) -> BreakAddress {
        let own = self.scope_index_at(entry.0).and_then(|(unit, index)| {
            let scopes = self.units().scopes(unit)?;
            let scope = scopes.all.get(index).filter(|scope| scope.entry == entry.0)?;
            Some(((unit, index), self.after_prologue(unit, scopes, scope)))
        });
        let setup = || {
            let code = self.code(entry.0).unwrap_or_default();
            entry.0.saturating_add(prologue::frame_setup_length(&code))
        };
        let function = self.function_at(entry).filter(|function| function.entry == entry);
        BreakAddress {
            address: ModuleAddr(own.map_or_else(setup, |(_, body)| body)),
            start: entry,
            entry,
            function: function.map(|function| function.name),
            inlined: false,
            scope: own.map(|(scope, _)| scope),
            resolver: false,
        }
    }

    /// Where to break for a line: `file` is compared from the end, component
    /// by component. Without code on that line, the next line that has some
    /// is taken, as in gdb. One address for each block of a function or inlined copy, its
    /// lowest, and for each part of a function that is split; behind the prologue
    /// if it is the function's entry. Empty rows are no places if there are others.
    pub fn addresses_of_line(&self, file: &str, line: u32) -> LineMatch {
        let units = self.units();
        let mut matched = LineMatch::default();
        let mut candidates: BTreeMap<u32, Vec<(Entry, Located)>> = BTreeMap::new();
        for unit in 0..units.len() {
            let wanted = self.files_called(unit, file);
            let names = units.files(unit).iter().zip(&wanted).filter(|(_, wanted)| **wanted);
            matched.files.extend(names.map(|(name, _)| name.to_string()));
            let is_wanted = |row: &&Row| wanted.get(row.file as usize).copied().unwrap_or(false);
            if !wanted.contains(&true) {
                continue;
            }
            let rows = units.lines(unit).map(|lines| lines.rows()).unwrap_or_default();
            let rows = rows.iter().filter(is_wanted).filter(|row| row.is_stmt && row.line >= line);
            for row in rows.filter(|row| row.line != 0) {
                let place = (row.entry, (unit, row.address));
                candidates.entry(row.line).or_default().push(place);
            }
        }
        matched.files.sort_unstable();
        matched.files.dedup();
        if let Some((found, places)) = candidates.pop_first() {
            matched.line = found;
            matched.exact = found == line;
            let any = places.iter().any(|(entry, _)| *entry == Entry::Place);
            let places = places.iter().filter(|(entry, _)| !any || *entry == Entry::Place);
            let places = places.map(|(_, place)| *place).collect();
            matched.addresses = self.one_per_function(places, (file, found));
        }
        matched
    }

    /// Which of a unit's files are called `file`, compared from the end, component by component.
    pub(super) fn files_called(&self, unit: usize, file: &str) -> Vec<bool> {
        self.units().files(unit).iter().map(|name| path::matches(name, file)).collect()
    }

    /// Of places of one line, the lowest in each block of each function or inlined copy, as
    /// in gdb, and in each part of a split function: the cold one may lie below, and rarely
    /// runs.
    fn one_per_function(&self, mut places: Vec<Located>, line: (&str, u32)) -> Vec<BreakAddress> {
        places.sort_unstable_by_key(|(unit, address)| (*address, *unit));
        places.dedup_by_key(|(_, address)| *address);
        let mut seen = std::collections::HashSet::new();
        let mut found = Vec::<BreakAddress>::new();
        for (unit, address) in places {
            let scopes = self.units().scopes(unit);
            let chain = scopes.map(|scopes| scopes.chain_at(address)).unwrap_or_default();
            let scope = chain.last().copied();
            let function = scopes.zip(chain.first()).and_then(|(s, index)| s.all.get(*index));
            let part = function.and_then(|function| function.range_around(address));
            let at = ModuleAddr(address);
            let block = self
                .function_dies(at, 0)
                .map(|function| self.dies().block_around(function.own, at));
            if !seen.insert((unit, scope, part, block)) {
                continue;
            }
            let place = self.break_on_line(unit, scope, address, Some(line));
            // A copy that a function begins with is another block, and the same place.
            let is_same = |known: &BreakAddress| {
                place.scope.is_some()
                    && (known.scope, known.address) == (place.scope, place.address)
            };
            if !found.iter().any(is_same) {
                found.push(place);
            }
        }
        found
    }

    pub(super) fn break_on_line(
        &self,
        unit: usize,
        scope: Option<usize>,
        address: u64,
        line: Option<(&str, u32)>,
    ) -> BreakAddress {
        let at = ModuleAddr(address);
        let scopes = self.units().scopes(unit);
        let scope = self.opened_at(unit, at, line).or(scope);
        let found = scopes.zip(scope).and_then(|(scopes, index)| {
            let scope = scopes.all.get(index)?;
            let function = self.scope_names(unit, scopes, scope).display;
            let entered = address == scope.entry;
            let address = if entered { self.after_prologue(unit, scopes, scope) } else { address };
            Some(BreakAddress {
                address: ModuleAddr(address),
                start: at,
                entry: ModuleAddr(scope.entry),
                function: function.map(|name| name.to_string()),
                inlined: scope.call.is_some(),
                scope: entered.then_some((unit, index)),
                resolver: false,
            })
        });
        found.unwrap_or_else(|| BreakAddress {
            address: at,
            start: at,
            entry: at,
            function: self.function_at(at).map(|function| function.name),
            inlined: false,
            scope: None,
            resolver: false,
        })
    }

    /// The function whose first instruction is at an address, if the line asked for, or else the
    /// one that code is of, is that which declares it. Optimised, it may begin inside of a copy of
    /// what it calls, and its own lines are said there before those of the copy.
    fn opened_at(
        &self,
        unit: usize,
        address: ModuleAddr,
        line: Option<(&str, u32)>,
    ) -> Option<usize> {
        let scopes = self.units().scopes(unit)?;
        let function = *scopes.chain_at(address.0).first()?;
        scopes.all.get(function).filter(|scope| scope.entry == address.0)?;
        let own = self.function_dies(address, 0)?.physical;
        let is_declared_in = |file: &str, line: u32| {
            self.line_of(own) == Some(line.into()) && self.is_in_file(own, file)
        };
        let is_own = match line {
            Some((file, line)) => is_declared_in(file, line),
            None => self.location_at(address).is_some_and(|at| is_declared_in(&at.file, at.line)),
        };
        is_own.then_some(function)
    }

    /// The names of all functions, sorted, each once.
    pub fn functions(&self) -> Vec<String> {
        self.functions_with_prefix("")
    }

    /// The names that start with `prefix`, or have a component that does:
    /// for completion.
    pub fn functions_with_prefix(&self, prefix: &str) -> Vec<String> {
        let fits = |name: &&str| {
            name.starts_with(prefix)
                || name.match_indices("::").any(|(at, sep)| {
                    name.get(at + sep.len()..).is_some_and(|tail| tail.starts_with(prefix))
                })
        };
        let mut names: Vec<_> = self.index().names().filter(fits).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Up to `count` function names close to a name nothing answers to, the
    /// nearest first, each with its distance.
    pub fn similar_functions(&self, name: &str, count: usize) -> Vec<(usize, String)> {
        let most = most_edits(name);
        let mut near: Vec<_> = self
            .index()
            .names()
            .take(MAX_COMPARED)
            .filter_map(|known| {
                let distance = distance(super::names::key(known), name, most)?;
                Some((if fit(known, name).is_some() { 0 } else { distance }, known.to_owned()))
            })
            .collect();
        near.sort_unstable();
        near.dedup();
        near.truncate(count);
        near
    }
}
