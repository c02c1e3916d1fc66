//! The compilation units of a module, each parsed when first asked about.

use std::sync::OnceLock;

use gimli::{AbbreviationsCacheStrategy, Unit, UnitType};

use super::address::ModuleAddr;
use super::bytes::Slice;
use super::dwarf::{DebugInfo, Dwarf};
use super::guard::{Budget, guarded};
use super::layout::Layout;
use super::lines::{LineTable, files};
use super::ranges::{RangeAttributes, RangeMap};
use super::scopes::Scopes;

/// Items (line rows, DIEs, ranges, names) one module may cost: a compiler
/// with full debug information has some 50 million.
const BUDGET: u64 = 200_000_000;

#[derive(Debug, Default)]
struct LazyUnit {
    /// Its header's offset in `.debug_info`.
    offset: usize,
    files: OnceLock<Vec<Box<str>>>,
    lines: OnceLock<LineTable>,
    scopes: OnceLock<Scopes>,
}

/// Units and their address ranges.
#[derive(Debug)]
pub(crate) struct Units {
    info: DebugInfo,
    layout: Layout,
    budget: Budget,
    units: Vec<LazyUnit>,
    ranges: RangeMap,
}

impl Units {
    /// Reads each unit's header and root DIE.
    pub fn new(info: DebugInfo, layout: Layout) -> Self {
        let budget = Budget::new(BUDGET);
        let mut units =
            Self { info, layout, budget, units: Vec::new(), ranges: RangeMap::default() };
        let (lazy, ranges) = guarded(|| units.index());
        units.units = lazy;
        units.ranges = RangeMap::new(ranges);
        units
    }

    fn index(&self) -> (Vec<LazyUnit>, Vec<(u64, u64, u32)>) {
        let (mut lazy, mut all_ranges) = (Vec::new(), Vec::new());
        let mut dwarf = self.info.borrow();
        // Units that share abbreviations must not each parse them again.
        dwarf.populate_abbreviations_cache(AbbreviationsCacheStrategy::Duplicates);
        let mut headers = dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            let Some(offset) = header.debug_info_offset() else { continue };
            let Ok(unit) = dwarf.unit(header) else { continue };
            let index = lazy.len() as u32;
            let entry = LazyUnit { offset: offset.0, ..LazyUnit::default() };
            let mut ranges = root_ranges(&dwarf, &unit);
            if ranges.is_empty() && unit.line_program.is_some() && has_code(&unit) {
                let lines = guarded(|| self.parse_lines(&unit));
                ranges = lines.ranges().collect();
                entry.lines.set(lines).ok();
            }
            ranges.retain(|(begin, _)| self.keep(*begin));
            if !self.budget.take(1 + ranges.len() as u64) {
                break;
            }
            all_ranges.extend(ranges.into_iter().map(|(begin, end)| (begin, end, index)));
            lazy.push(entry);
        }
        (lazy, all_ranges)
    }

    /// Whether an address can be code of this module.
    pub fn keep(&self, address: u64) -> bool {
        self.layout.is_code(ModuleAddr(address))
    }

    fn parse_lines(&self, unit: &Unit<Slice<'_>>) -> LineTable {
        if !has_code(unit) {
            return LineTable::default();
        }
        LineTable::parse(unit, &self.budget, |address| self.keep(address))
    }

    /// How many units there are; they are named by index below that.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Where unit `index` starts in `.debug_info`.
    pub fn offset(&self, index: usize) -> Option<usize> {
        self.units.get(index).map(|lazy| lazy.offset)
    }

    /// The unit around an offset of `.debug_info`.
    pub fn around(&self, offset: usize) -> Option<usize> {
        self.units.partition_point(|lazy| lazy.offset <= offset).checked_sub(1)
    }

    /// The sections.
    pub fn info(&self) -> &DebugInfo {
        &self.info
    }

    /// Units that may have code at an address.
    pub fn at(&self, address: u64) -> impl Iterator<Item = usize> + '_ {
        self.ranges.around(address).take(8).map(|(_, _, unit)| unit as usize)
    }

    /// Calls `f` with unit `index`, parsed; the default if that fails.
    pub fn with<T: Default>(
        &self,
        index: usize,
        f: impl for<'a> FnOnce(&Dwarf<'a>, &Unit<Slice<'a>>) -> T,
    ) -> T {
        guarded(|| {
            let dwarf = self.info.borrow();
            let Some(lazy) = self.units.get(index) else { return T::default() };
            let header = dwarf.debug_info.header_from_offset(gimli::DebugInfoOffset(lazy.offset));
            let unit = header.and_then(|header| dwarf.unit(header));
            unit.map(|unit| f(&dwarf, &unit)).unwrap_or_default()
        })
    }

    /// The line table of unit `index`.
    pub fn lines(&self, index: usize) -> Option<&LineTable> {
        let lazy = self.units.get(index)?;
        Some(lazy.lines.get_or_init(|| self.with(index, |_, unit| self.parse_lines(unit))))
    }

    /// The functions of unit `index`.
    pub fn scopes(&self, index: usize) -> Option<&Scopes> {
        let parse = || {
            self.with(index, |dwarf, unit| {
                Scopes::parse(dwarf, unit, &self.budget, |address| self.keep(address))
            })
        };
        Some(self.units.get(index)?.scopes.get_or_init(parse))
    }

    /// The file names of unit `index`.
    pub fn files(&self, index: usize) -> &[Box<str>] {
        let parse = || self.with(index, |dwarf, unit| files(dwarf, unit, &self.budget));
        self.units
            .get(index)
            .map(|lazy| lazy.files.get_or_init(parse).as_slice())
            .unwrap_or_default()
    }

    /// One file name of unit `index`.
    pub fn file(&self, index: usize, file: u32) -> Option<&str> {
        let name = self.files(index).get(file as usize)?;
        (!name.is_empty()).then_some(name)
    }
}

/// Whether a unit can have code: type units refer to the line table of another unit for the names
/// of its files only (DWARF 5, 3.1.4 and 7.5.1).
fn has_code(unit: &Unit<Slice<'_>>) -> bool {
    !matches!(unit.header.type_(), UnitType::Type { .. } | UnitType::SplitType { .. })
}

fn root_ranges<'a>(dwarf: &Dwarf<'a>, unit: &Unit<Slice<'a>>) -> Vec<(u64, u64)> {
    let mut at = RangeAttributes::default();
    if let Ok(root) = unit.entry(unit.header.root_offset()) {
        root.attrs().iter().for_each(|attribute| at.see(dwarf, unit, attribute));
    }
    at.ranges(dwarf, unit)
}
