//! From addresses to names and lines, and back: the one place that knows both
//! the timeline's mappings and the modules' symbols.

use super::breakpoint::Target;
use super::images::{Image, Images};
use super::position::Place;
use crate::symbols::pattern::Pattern;
use crate::symbols::{
    self, BreakAddress, CodeAddr, DebugSearch, LineMatch, ModuleAddr, ModuleSymbols, SourceFrame,
};
use crate::timeline::{StateError, Timeline};
use rdb_schema::space::AddressSpace;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// A run-time address in a module.
#[derive(Clone, Copy)]
struct Found<'a> {
    symbols: &'a ModuleSymbols,
    image: Image,
    address: ModuleAddr,
}

/// A function around an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Its name.
    pub name: String,
    /// Where it is entered; in another part, if it has several.
    pub entry: u64,
    /// First address of the part around the address.
    pub start: u64,
    /// One past the last; equal to `start` if the size is not known.
    pub end: u64,
}

/// The line an address belongs to, for stepping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineCode {
    /// The contiguous code of the line around the address.
    pub start: u64,
    /// One past it.
    pub end: u64,
    /// Absolute name of the file.
    pub file: Rc<str>,
    /// From 1.
    pub line: u32,
    /// The code of the row of the line table around the address.
    pub row: Range<u64>,
    /// Whether that is a recommended place to stop.
    pub stops: bool,
    /// Whether exactly the address is a recommended place to stop.
    pub statement: bool,
    /// When the address is a function's entry: where its body begins.
    pub body: Option<u64>,
    /// When a function's entry is in that code, before the address or at it: where the
    /// function's body begins, if that is in it as well.
    pub opening: Option<u64>,
    /// Whether it is code of the dynamic linker, which calls pass through.
    pub linker: bool,
    /// The function around the address, and the copies inlined in it there, outermost first.
    pub instances: Vec<Instance>,
}

/// A function, or an inlined copy of one, around an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    entry: u64,
    die: usize,
    /// Whether its code, or a part of it, begins at the address.
    pub begins: bool,
    /// File and line of the call of an inlined copy.
    pub call: Option<(Rc<str>, u32)>,
}

impl Instance {
    /// Whether both are the same one.
    pub fn is(&self, other: &Self) -> bool {
        (self.entry, self.die) == (other.entry, other.die)
    }
}

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

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The program's own, or of no module.
    Program,
    /// The dynamic linker's.
    Linker,
    /// Another module's.
    Library,
}

/// Which instruction of a function is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Its first.
    Entry,
    /// The first behind its prologue.
    Body,
}

/// Names and lines of a timeline.
pub struct Locator {
    images: Images,
}

impl Locator {
    /// For a timeline, with separate debug files from where `search` says.
    pub fn new(timeline: &Timeline, search: DebugSearch) -> Self {
        Self { images: Images::new(timeline, search) }
    }

    /// The modules.
    pub fn images(&self) -> &Images {
        &self.images
    }

    fn find<'a>(&'a self, timeline: &Timeline, state: u64, address: u64) -> Option<Found<'a>> {
        let image = self.images.at(timeline, state, address)?;
        let symbols = self.images.symbols(timeline, image.module)?;
        Some(Found { symbols, image, address: ModuleAddr::of_runtime(address, image.bias) })
    }

    /// Everything known of a code address at `state`.
    pub fn place(&self, timeline: &Timeline, state: u64, address: CodeAddr) -> Place {
        let frames = self.places(timeline, state, address);
        frames.into_iter().next().unwrap_or_else(|| Place::bare(address.value()))
    }

    /// The source frames of a code address, innermost first: at least one.
    pub fn places(&self, timeline: &Timeline, state: u64, address: CodeAddr) -> Vec<Place> {
        let mut base = Place::bare(address.value());
        let Some(found) = self.find(timeline, state, address.for_lookup()) else {
            return vec![base];
        };
        base.module = self.images.path(found.image.module).map(str::to_owned);
        let frames = found.symbols.frames_at(found.address);
        if frames.is_empty() {
            return vec![base];
        }
        let function = found.symbols.function_at(found.address);
        let entry = function.as_ref().map(|f| f.entry.to_runtime(found.image.bias));
        // Parts of a function may lie below its entry.
        base.offset = entry.and_then(|entry| address.value().checked_sub(entry));
        frames.into_iter().map(|frame| of_frame(&base, frame)).collect()
    }

    /// How many there are.
    pub fn place_count(&self, timeline: &Timeline, state: u64, address: CodeAddr) -> usize {
        let found = self.find(timeline, state, address.for_lookup());
        found.map_or(1, |found| found.symbols.frame_count_at(found.address))
    }

    /// `name` and distance of the nearest symbol, code or data.
    pub fn symbol(&self, timeline: &Timeline, state: u64, address: u64) -> Option<(String, u64)> {
        let found = self.find(timeline, state, address)?;
        found.symbols.symbol_near(found.address)
    }

    /// The function around an address.
    pub fn bounds(&self, timeline: &Timeline, state: u64, address: u64) -> Option<Bounds> {
        let found = self.find(timeline, state, address)?;
        let function = found.symbols.function_at(found.address)?;
        Some(Bounds {
            name: function.name,
            entry: function.entry.to_runtime(found.image.bias),
            start: function.start.to_runtime(found.image.bias),
            end: function.end.to_runtime(found.image.bias),
        })
    }

    /// Whose code is at an address.
    pub fn owner(&self, timeline: &Timeline, state: u64, address: u64) -> Owner {
        let Some(image) = self.images.at(timeline, state, address) else { return Owner::Program };
        match (self.images.is_linker(image), self.images.is_program(timeline, image)) {
            (true, _) => Owner::Linker,
            (_, true) => Owner::Program,
            _ => Owner::Library,
        }
    }

    /// The line of an address, for stepping.
    pub fn line_code(&self, timeline: &Timeline, state: u64, address: u64) -> Option<LineCode> {
        let found = self.find(timeline, state, address)?;
        let (range, location) = found.symbols.line_range(found.address)?;
        if location.line == 0 {
            return None;
        }
        let start = range.start.to_runtime(found.image.bias);
        let end = range.end.to_runtime(found.image.bias);
        let body = body(&found, start);
        let (row, stops) = found.symbols.row_range(found.address)?;
        Some(LineCode {
            start,
            end,
            file: location.file.into(),
            line: location.line,
            row: row.start.to_runtime(found.image.bias)..row.end.to_runtime(found.image.bias),
            stops,
            statement: found.symbols.line_start(found.address),
            body: body.filter(|(entry, _)| *entry == address).map(|(_, body)| body),
            opening: body.filter(|body| opens(*body, (start, end))).map(|(_, body)| body),
            linker: self.images.is_linker(found.image),
            instances: instances(&found),
        })
    }

    /// Where to break for a function; for an indirect one, the entry of its resolver.
    pub fn function(&self, timeline: &Timeline, name: &str) -> Vec<Target> {
        let mut targets = Vec::new();
        for index in self.images.modules() {
            let Some(symbols) = self.images.symbols(timeline, index) else { continue };
            let addresses = symbols.addresses_of_function(name);
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
        most: usize,
    ) -> Option<Vec<Target>> {
        let mut targets = Vec::new();
        for index in self.images.modules() {
            let Some(symbols) = self.images.symbols(timeline, index) else { continue };
            let names = symbols.functions().into_iter().filter(|name| pattern.is_in(name));
            for name in names {
                let addresses = symbols.addresses_of_function(&name);
                self.add_targets(timeline, index, symbols, &addresses, &mut targets);
                if targets.len() > most.saturating_mul(4) {
                    return None;
                }
            }
        }
        targets.sort_by_key(|target| (target.address, target.module));
        targets.dedup_by_key(|target| (target.address, target.module));
        (targets.len() <= most).then_some(targets)
    }

    /// The first instructions of a function, not those of inlined copies; of an indirect one, of
    /// its resolver.
    pub fn entries(&self, timeline: &Timeline, name: &str) -> Vec<Target> {
        let mut targets = Vec::new();
        for index in self.images.modules() {
            let Some(symbols) = self.images.symbols(timeline, index) else { continue };
            let is_entry = |found: &BreakAddress| {
                let function = symbols.function_at(found.entry);
                function.is_some_and(|function| function.entry == found.entry)
            };
            let mut addresses = symbols.addresses_of_function(name);
            addresses.retain(is_entry);
            addresses.iter_mut().for_each(|found| found.address = found.entry);
            self.add_targets(timeline, index, symbols, &addresses, &mut targets);
        }
        targets
    }

    /// Where to break for a line of a file, or for the next that has code; whether any module
    /// has that file.
    pub fn line(&self, timeline: &Timeline, file: &str, line: u32) -> LineTargets {
        let mut matches: Vec<(u32, &ModuleSymbols, LineMatch)> = Vec::new();
        for index in self.images.modules() {
            let Some(symbols) = self.images.symbols(timeline, index) else { continue };
            matches.push((index, symbols, symbols.addresses_of_line(file, line)));
        }
        let known = matches.iter().any(|(_, _, m)| !m.files.is_empty());
        // A module with that very line beats one that only has a later one.
        let exact = matches.iter().any(|(_, _, m)| m.exact);
        let mut targets = Vec::new();
        let mut nearest = None;
        for (index, symbols, found) in matches.iter().filter(|(_, _, m)| m.exact == exact) {
            self.add_targets(timeline, *index, symbols, &found.addresses, &mut targets);
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
        for bias in self.images.biases(timeline, index) {
            for found in addresses {
                targets.push(self.target(timeline, (index, symbols, bias), found));
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
        let location = symbols.location_at(address).filter(|l| l.line > 0);
        let library = || self.images.path(index)?.rsplit('/').next().map(str::to_owned);
        Target {
            address: address.to_runtime(bias),
            module: Some(index),
            function: found.function.clone(),
            indirect: found.function.clone().filter(|_| found.resolver),
            library: library().filter(|_| !self.images.are_of_program(timeline, symbols)),
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
        let symbols = self.images.symbols(timeline, index)?;
        let around = |bias: u64| {
            let function = symbols.function_at(ModuleAddr::of_runtime(address, bias))?;
            let entry = symbols.break_at_entry(function.entry);
            let entry = BreakAddress { address: entry.entry, ..entry };
            Some(self.target(timeline, (index, symbols, bias), &entry))
        };
        self.images.biases(timeline, index).into_iter().find_map(around)
    }

    /// Run-time address and size of a variable or function, by symbol name.
    pub fn named(&self, timeline: &Timeline, name: &str) -> Option<(u64, u64)> {
        let of = |index| {
            let symbols = self.images.symbols(timeline, index)?;
            let bias = *self.images.biases(timeline, index).first()?;
            let data = symbols.data_symbol(name);
            let entry = || symbols.addresses_of_function(name).first().map(|f| (f.entry, 0));
            data.or_else(entry).map(|(address, size)| (address.to_runtime(bias), size))
        };
        self.images.modules().find_map(of)
    }

    /// Finds all places modules were ever mapped at.
    ///
    /// # Errors
    /// The timeline's.
    pub fn complete(
        &self,
        timeline: &Timeline,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<(), StateError> {
        self.images.complete(timeline, interrupted)
    }

    /// Whether call frame information says that an address is in a signal trampoline: where
    /// a handler returns to.
    pub fn is_signal_frame(&self, timeline: &Timeline, state: u64, address: u64) -> bool {
        let module = self.module_at(timeline, state, address);
        module.is_some_and(|(symbols, bias)| {
            symbols.is_signal_frame(ModuleAddr::of_runtime(address, bias))
        })
    }

    /// The module mapped at an address, and its bias.
    pub fn module_at(
        &self,
        timeline: &Timeline,
        state: u64,
        address: u64,
    ) -> Option<(&ModuleSymbols, u64)> {
        self.find(timeline, state, address).map(|found| (found.symbols, found.image.bias))
    }

    /// Names of functions like one that is not there, from all modules.
    pub fn similar(&self, timeline: &Timeline, name: &str) -> Vec<String> {
        let of = |index| self.images.symbols(timeline, index);
        let modules = self.images.modules().filter_map(of);
        let mut near: Vec<_> = modules.flat_map(|s| s.similar_functions(name, 3)).collect();
        near.sort_unstable();
        near.dedup();
        near.into_iter().take(3).map(|(_, known)| known).collect()
    }
}

fn of_frame(base: &Place, frame: SourceFrame) -> Place {
    let mut place = base.clone();
    place.function = frame.function;
    place.inlined = frame.inlined;
    place.set_location(frame.location);
    place
}

/// Where the function around `found` is entered, if that is not before `start`, and where its
/// body begins.
fn body(found: &Found<'_>, start: u64) -> Option<(u64, u64)> {
    let function = found.symbols.function_at(found.address)?;
    if function.entry.to_runtime(found.image.bias) < start {
        return None;
    }
    let name = function.linkage_name.as_ref().unwrap_or(&function.name);
    let addresses = found.symbols.addresses_of_function(name);
    let here = addresses.iter().find(|address| address.entry == function.entry)?;
    let bias = found.image.bias;
    Some((function.entry.to_runtime(bias), here.address.to_runtime(bias)))
}

/// Whether a function is entered, and its body begins, in the code from `start` to `end`.
fn opens((entry, body): (u64, u64), (start, end): (u64, u64)) -> bool {
    start <= entry && (entry..end).contains(&body)
}

fn instances(found: &Found<'_>) -> Vec<Instance> {
    let all = found.symbols.instances_at(found.address).into_iter();
    let runtime = |one: symbols::Instance| Instance {
        entry: one.entry.to_runtime(found.image.bias),
        die: one.die,
        begins: one.begins,
        call: one.call.map(|call| (call.file.into(), call.line)),
    };
    all.map(runtime).collect()
}

/// Answers of [`Locator::line_code`] by address, for the steps of one command.
#[derive(Default)]
pub struct LineCache {
    known: HashMap<u64, Option<Rc<LineCode>>>,
    /// The mappings that `known` holds for.
    space: Option<Arc<AddressSpace>>,
}

impl LineCache {
    /// The line of `pc`, which is executed at `state` of `timeline`.
    pub fn get(
        &mut self,
        locator: &Locator,
        timeline: &Timeline,
        state: u64,
        pc: u64,
    ) -> Option<Rc<LineCode>> {
        let space = timeline.shared_space(state).ok()?;
        if !self.space.as_ref().is_some_and(|known| Arc::ptr_eq(known, &space)) {
            self.known.clear();
            self.space = Some(space);
        }
        let look = || locator.line_code(timeline, state, pc).map(Rc::new);
        self.known.entry(pc).or_insert_with(look).clone()
    }
}
