//! From names and lines to addresses: where to break.

use super::breakpoint::Target;
use super::locate::Locator;
use crate::symbols::pattern::Pattern;
use crate::symbols::{
    Arrival, BreakAddress, FunctionName, LineMatch, ModuleAddr, ModuleSymbols, PassStart,
};
use crate::timeline::Timeline;

/// Where to break for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineTargets {
    /// The places; none, if there is no code at or after it.
    pub targets: Vec<Target>,
    /// Whether any module has the file.
    pub known: bool,
    /// The line: the one asked for, or the next that has code.
    pub line: u32,
}

/// Which instruction is meant, of a function or of a line that begins one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its first.
    Entry,
    /// The first behind its prologue.
    Body,
    /// The same; and of a line, that of each of its blocks of code.
    Blocks,
    /// The same; and of a line, those with which a pass of it begins.
    Passes,
}

impl Locator {
    /// Where to break for a function; for an indirect one, the entry of its resolver.
    pub fn function<'a>(
        &self,
        timeline: &Timeline,
        name: impl Into<FunctionName<'a>>,
        part: Part,
    ) -> Vec<Target> {
        let name = name.into();
        let mut targets = Vec::new();
        for index in self.images().modules() {
            let Some(symbols) = self.images().symbols(timeline, index) else { continue };
            let addresses = of_part(symbols.addresses_of_function(name), part);
            self.add_targets(timeline, index, symbols, &addresses, &mut targets);
        }
        targets
    }

    /// Where to break for all functions with names that match a pattern; none, if there are
    /// more than `most` places.
    pub fn functions(
        &self,
        timeline: &Timeline,
        pattern: &Pattern,
        (part, most): (Part, usize),
    ) -> Option<Vec<Target>> {
        let mut targets = Vec::new();
        for index in self.images().modules() {
            let Some(symbols) = self.images().symbols(timeline, index) else { continue };
            let addresses = symbols.addresses_of_functions(true, |name| pattern.is_in(name));
            let addresses = of_part(addresses, part);
            self.add_targets(timeline, index, symbols, &addresses, &mut targets);
            if targets.len() > most.saturating_mul(4) {
                return None;
            }
        }
        targets.sort_by_key(|target| (target.address, target.module));
        targets.dedup_by_key(|target| (target.address, target.module));
        (targets.len() <= most).then_some(targets)
    }

    /// Where the function is entered that the program's debug information says it begins with.
    pub(super) fn stated_main(&self, timeline: &Timeline) -> Option<Target> {
        self.images().modules().find_map(|index| {
            let symbols = self.images().symbols(timeline, index)?;
            let is_program = self.images().are_of_program(timeline, symbols);
            let main = is_program.then(|| symbols.dies().declared().main())??;
            let bias = self.images().biases(timeline, index).into_iter().next()?;
            let entry = BreakAddress { address: main, ..symbols.break_at_entry(main) };
            Some(self.target(timeline, (index, symbols, bias), &entry))
        })
    }

    /// The first instructions of a function, not those of inlined copies; of an indirect one, of
    /// its resolver.
    pub fn entries<'a>(
        &self,
        timeline: &Timeline,
        name: impl Into<FunctionName<'a>>,
    ) -> Vec<Target> {
        let name = name.into();
        let mut targets = Vec::new();
        for index in self.images().modules() {
            let Some(symbols) = self.images().symbols(timeline, index) else { continue };
            let is_entry = |found: &BreakAddress| {
                let function = symbols.function_at(found.entry);
                function.is_some_and(|function| function.entry == found.entry)
            };
            let mut addresses = of_part(symbols.addresses_of_function(name), Part::Entry);
            addresses.retain(is_entry);
            self.add_targets(timeline, index, symbols, &addresses, &mut targets);
        }
        targets
    }

    /// Where to break for a line of a file, or for the next that has code; whether any module
    /// has that file.
    pub fn line(&self, timeline: &Timeline, (file, line): (&str, u32), part: Part) -> LineTargets {
        let mut matches: Vec<(u32, &ModuleSymbols, LineMatch)> = Vec::new();
        for index in self.images().modules() {
            let Some(symbols) = self.images().symbols(timeline, index) else { continue };
            matches.push((index, symbols, symbols.addresses_of_line(file, line)));
        }
        let known = matches.iter().any(|(_, _, m)| !m.files.is_empty());
        // A module with that very line beats one that only has a later one.
        let exact = matches.iter().any(|(_, _, m)| m.exact);
        let mut targets = Vec::new();
        let mut nearest = None;
        for (index, symbols, found) in matches.iter().filter(|(_, _, m)| m.exact == exact) {
            let starts = match part {
                Part::Blocks if found.exact => anyhow(symbols.blocks_of_line(file, found)),
                Part::Passes => symbols.passes_of_line(file, found),
                _ => anyhow(of_part(found.addresses.clone(), part)),
            };
            self.add_starts(timeline, (*index, symbols), &starts, &mut targets);
            let line = Some(found.line).filter(|_| !found.addresses.is_empty());
            nearest = nearest.into_iter().chain(line).min();
        }
        LineTargets { targets, known, line: nearest.unwrap_or(line) }
    }

    fn add_targets(
        &self,
        timeline: &Timeline,
        index: u32,
        symbols: &ModuleSymbols,
        addresses: &[BreakAddress],
        targets: &mut Vec<Target>,
    ) {
        self.add_starts(timeline, (index, symbols), &anyhow(addresses.to_vec()), targets);
    }

    fn add_starts(
        &self,
        timeline: &Timeline,
        (index, symbols): (u32, &ModuleSymbols),
        starts: &[PassStart],
        targets: &mut Vec<Target>,
    ) {
        for bias in self.images().biases(timeline, index) {
            for start in starts {
                let arrival = start.arrival.to_runtime(bias);
                let target = self.target(timeline, (index, symbols, bias), &start.at);
                targets.push(Target { arrival, ..target });
            }
        }
    }

    /// A place to break; of an indirect function, the entry of its resolver.
    fn target(
        &self,
        timeline: &Timeline,
        (index, symbols, bias): (u32, &ModuleSymbols, u64),
        found: &BreakAddress,
    ) -> Target {
        let address = if found.resolver { found.entry } else { found.address };
        let outside = found.scope.map_or(0, |scope| symbols.copies_in(scope, address));
        let location = match outside {
            0 => symbols.location_at(address),
            _ => symbols.frames_at(address).into_iter().nth(outside).and_then(|at| at.location),
        };
        let location = location.filter(|location| location.line > 0);
        let library = || self.images().path(index)?.rsplit('/').next().map(str::to_owned);
        Target {
            address: address.to_runtime(bias),
            module: Some(index),
            outside,
            arrival: Arrival::Any,
            function: found.function.clone(),
            indirect: found.function.clone().filter(|_| found.resolver),
            library: library().filter(|_| !self.images().are_of_program(timeline, symbols)),
            file: location.as_ref().map(|location| location.file.clone()),
            line: location.map(|location| location.line),
        }
    }

    /// The function that is entered at an address at `state`, at its entry or where to break.
    pub(super) fn entered_at(
        &self,
        timeline: &Timeline,
        (state, address): (u64, u64),
        part: Part,
    ) -> Target {
        let Some(found) = self.find(timeline, state, address) else {
            return Target { address, ..Target::default() };
        };
        let mut place = found.symbols.break_at_entry(found.address);
        if part == Part::Entry {
            place.address = place.entry;
        }
        let module = (found.image.module, found.symbols, found.image.bias);
        self.target(timeline, module, &place)
    }

    /// The entry of the function around a run-time address of module `index`.
    pub(super) fn entry_around(
        &self,
        timeline: &Timeline,
        index: u32,
        address: u64,
    ) -> Option<Target> {
        let symbols = self.images().symbols(timeline, index)?;
        let around = |bias: u64| {
            let function = symbols.function_at(ModuleAddr::of_runtime(address, bias))?;
            let entry = symbols.break_at_entry(function.entry);
            let entry = BreakAddress { address: entry.entry, ..entry };
            Some(self.target(timeline, (index, symbols, bias), &entry))
        };
        self.images().biases(timeline, index).into_iter().find_map(around)
    }

    /// What there is of a function that was named with parameters which none has, in words:
    /// `: there are f(double), f(int)`.
    pub fn overloads(&self, timeline: &Timeline, name: FunctionName<'_>) -> Option<String> {
        const SHOWN: usize = 8;
        let of = |index| self.images().symbols(timeline, index);
        let modules = self.images().modules().filter_map(of);
        let mut all: Vec<_> = modules.flat_map(|symbols| symbols.overloads(name)).collect();
        all.sort_unstable();
        all.dedup();
        let more = all.len().saturating_sub(SHOWN);
        let shown = all.get(..all.len().min(SHOWN))?.join(", ");
        match (all.len(), more) {
            (0, _) => None,
            (1, _) => Some(format!(": there is {shown}")),
            (_, 0) => Some(format!(": there are {shown}")),
            _ => Some(format!(": there are {shown} and {more} more")),
        }
    }

    /// Names of functions like one that is not there, from all modules.
    pub fn similar(&self, timeline: &Timeline, name: &str) -> Vec<String> {
        let of = |index| self.images().symbols(timeline, index);
        let modules = self.images().modules().filter_map(of);
        let mut near: Vec<_> = modules.flat_map(|s| s.similar_functions(name, 3)).collect();
        near.sort_unstable();
        near.dedup();
        near.into_iter().take(3).map(|(_, known)| known).collect()
    }
}

/// The same places, come there as one may.
fn anyhow(places: Vec<BreakAddress>) -> Vec<PassStart> {
    places.into_iter().map(|at| PassStart { at, arrival: Arrival::Any }).collect()
}

/// The same places, where that part of them is.
fn of_part(mut addresses: Vec<BreakAddress>, part: Part) -> Vec<BreakAddress> {
    if part == Part::Entry {
        addresses.iter_mut().for_each(|found| found.address = found.start);
    }
    addresses
}
