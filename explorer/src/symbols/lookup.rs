//! From addresses to functions, frames and lines.

use std::ops::Range;

use super::address::ModuleAddr;
use super::cython;
use super::demangle::demangle_short;
use super::lines::{LineTable, Row};
use super::module::ModuleSymbols;
use super::scopes::Scope;
use super::table::{Kind, Symbol};
use super::types::{Function, Location, SourceFrame};

impl ModuleSymbols {
    /// The function whose code contains an address: from DWARF, else from
    /// the symbol tables, stubs as `name@plt`.
    pub fn function_at(&self, address: ModuleAddr) -> Option<Function> {
        self.dwarf_function(address.0).or_else(|| self.symbol_function(address.0))
    }

    fn dwarf_function(&self, address: u64) -> Option<Function> {
        let (unit, scope) = self.scope_at(address)?;
        let scopes = self.units().scopes(unit)?;
        let names = self.scope_names(unit, scopes, scope);
        let (start, end) = scope.range_around(address)?;
        Some(Function {
            name: names.display?.to_string(),
            linkage_name: names.linkage.as_deref().map(str::to_owned),
            entry: ModuleAddr(scope.entry),
            start: ModuleAddr(start),
            end: ModuleAddr(end),
        })
    }

    fn symbol_function(&self, address: u64) -> Option<Function> {
        if !self.layout().is_code(ModuleAddr(address)) {
            return None;
        }
        let symbol = self.table().function_at(address)?;
        let start = ModuleAddr(symbol.address);
        Some(Function {
            name: demangle_short(&symbol.name),
            linkage_name: (symbol.kind != Kind::Plt).then(|| symbol.name.to_string()),
            entry: start,
            start,
            end: ModuleAddr(symbol.address.saturating_add(symbol.size)),
        })
    }

    /// Unit and scope of the function (not inlined copy) around an address.
    pub(crate) fn scope_at(&self, address: u64) -> Option<(usize, &Scope)> {
        let (unit, index) = self.scope_index_at(address)?;
        Some((unit, self.units().scopes(unit)?.all.get(index)?))
    }

    /// The unit of that function, and its index among the scopes there.
    pub(super) fn scope_index_at(&self, address: u64) -> Option<(usize, usize)> {
        self.units().at(address).find_map(|unit| {
            let scopes = self.units().scopes(unit)?;
            Some((unit, *scopes.chain_at(address).first()?))
        })
    }

    /// The source frames at an address, innermost first: inlined functions,
    /// then the one they are inlined in. Empty only where there is neither
    /// symbol nor line.
    pub fn frames_at(&self, address: ModuleAddr) -> Vec<SourceFrame> {
        let location = self.location_at(address);
        let frames = self.units().at(address.0).find_map(|unit| {
            let frames = self.frames_in(unit, address.0, location.clone());
            (!frames.is_empty()).then_some(frames)
        });
        frames.unwrap_or_else(|| {
            let function = self.symbol_function(address.0).map(|function| function.name);
            let known = function.is_some() || location.is_some();
            let frame = SourceFrame { function, location, inlined: false };
            known.then_some(frame).into_iter().collect()
        })
    }

    /// How many source frames [`Self::frames_at`] finds, or one.
    pub fn frame_count_at(&self, address: ModuleAddr) -> usize {
        let units = self.units();
        let chains = units.at(address.0).filter_map(|unit| units.scopes(unit));
        let counts = chains.map(|scopes| scopes.chain_at(address.0).len());
        counts.into_iter().find(|count| *count > 0).unwrap_or(1)
    }

    fn frames_in(&self, unit: usize, address: u64, inner: Option<Location>) -> Vec<SourceFrame> {
        let units = self.units();
        let Some(scopes) = units.scopes(unit) else { return Vec::new() };
        let chain: Vec<_> =
            scopes.chain_at(address).iter().filter_map(|index| scopes.all.get(*index)).collect();
        let mut location = inner;
        let mut frames = Vec::new();
        for scope in chain.iter().rev() {
            let outer = scope.call.and_then(|(file, line, column)| {
                let file = units.file(unit, file)?.to_owned();
                Some(Location { file, line, column })
            });
            let names = self.scope_names(unit, scopes, scope);
            let function = names.display.as_deref().map(str::to_owned);
            frames.push(SourceFrame { function, location, inlined: scope.call.is_some() });
            location = outer;
        }
        frames
    }

    /// The line an address belongs to.
    pub fn location_at(&self, address: ModuleAddr) -> Option<Location> {
        let (unit, lines) = self.lines_at(address.0)?;
        let row = lines.row_at(address.0)?;
        let column = lines.column_at(address.0, row);
        Some(Location { column, ..self.location_of(unit, row)? })
    }

    /// Whether a line starts exactly here: a row of the line table marked as
    /// a recommended place to stop.
    pub fn line_start(&self, address: ModuleAddr) -> bool {
        self.lines_at(address.0).is_some_and(|(_, lines)| lines.starts_statement(address.0))
    }

    /// The code of the row of the line table around an address, and whether it is a
    /// recommended place to stop.
    pub fn row_range(&self, address: ModuleAddr) -> Option<(Range<ModuleAddr>, bool)> {
        let (_, lines) = self.lines_at(address.0)?;
        let (row, end) = (lines.row_at(address.0)?, lines.next_row_address(address.0)?);
        Some((ModuleAddr(row.address)..ModuleAddr(end), row.is_stmt))
    }

    /// The contiguous code of one line around an address: stepping by line
    /// is leaving this range.
    pub fn line_range(&self, address: ModuleAddr) -> Option<(Range<ModuleAddr>, Location)> {
        let (unit, lines) = self.lines_at(address.0)?;
        let (range, row) = lines.range_at(address.0)?;
        let range = ModuleAddr(range.start)..ModuleAddr(range.end);
        Some((range, self.location_of(unit, &row)?))
    }

    /// Unit and line table around an address.
    pub(crate) fn lines_at(&self, address: u64) -> Option<(usize, &LineTable)> {
        self.units().at(address).find_map(|unit| {
            let lines = self.units().lines(unit)?;
            lines.row_at(address).map(|_| (unit, lines))
        })
    }

    /// Whether the code at an address is none of a Python program's that Cython built, but what
    /// Cython or Python's headers add to it.
    pub fn is_python_machinery(&self, address: ModuleAddr) -> bool {
        let Some((unit, lines)) = self.lines_at(address.0) else { return false };
        let row = lines.row_at(address.0);
        let Some(file) = row.and_then(|row| self.units().file(unit, row.file)) else {
            return false;
        };
        let files = self.units().files(unit);
        let generated = files.iter().find(|file| !file.is_empty());
        let is_python = || files.iter().any(|file| cython::is_source(file));
        generated.is_some_and(|generated| cython::is_machinery(file, generated)) && is_python()
    }

    fn location_of(&self, unit: usize, row: &Row) -> Option<Location> {
        let file = self.units().file(unit, row.file)?.to_owned();
        Some(Location { file, line: row.line, column: row.column })
    }

    /// The symbol to render an address with, and the distance from it:
    /// `<main+12>`. Code and data.
    pub fn symbol_near(&self, address: ModuleAddr) -> Option<(String, u64)> {
        let segment = self.layout().segment_at(address.0)?;
        let named = |symbol: &Symbol| {
            let same = self.layout().segment_at(symbol.address) == Some(segment);
            same.then(|| (demangle_short(&symbol.name), address.0 - symbol.address))
        };
        let near = self.table().near(address.0);
        near.and_then(named).or_else(|| {
            let function = self.dwarf_function(address.0)?;
            Some((function.name, address.0.checked_sub(function.entry.0)?))
        })
    }

    /// Whether an address is in the procedure linkage table, or in the thunk of a virtual
    /// function (Itanium C++ ABI, 5.1.4.2), which leads to a function.
    pub fn is_stub(&self, address: ModuleAddr) -> bool {
        self.table().is_stub(address.0)
    }

    /// Address and size of a variable with static storage, by symbol name,
    /// mangled or not. Size 0: unknown. Thread-local variables have no
    /// address of their own and are not found.
    pub fn data_symbol(&self, name: &str) -> Option<(ModuleAddr, u64)> {
        let data = || self.table().all().iter().filter(|symbol| symbol.kind == Kind::Data);
        let raw = data().find(|symbol| &*symbol.name == name);
        let demangled =
            || data().find(|s| s.name.starts_with('_') && demangle_short(&s.name) == name);
        let symbol = raw.or_else(demangled)?;
        Some((ModuleAddr(symbol.address), symbol.size))
    }

    /// The variables with static storage of its symbol tables: names, not mangled, and addresses.
    pub fn data_symbols(&self) -> impl Iterator<Item = (String, ModuleAddr)> {
        let data = self.table().all().iter().filter(|symbol| symbol.kind == Kind::Data);
        data.map(|symbol| (demangle_short(&symbol.name), ModuleAddr(symbol.address)))
    }

    /// The absolute names of all source files its line tables mention,
    /// sorted.
    pub fn source_files(&self) -> Vec<String> {
        let units = self.units();
        let names = (0..units.len()).flat_map(|unit| units.files(unit).iter());
        let mut names: Vec<_> =
            names.filter(|name| !name.is_empty()).map(|n| n.to_string()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
