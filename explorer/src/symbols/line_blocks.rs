//! The blocks of code that a line has, of which breakpoints take but the lowest of a function.

use super::address::ModuleAddr;
use super::line_passes::Own;
use super::lines::{Entry, Row};
use super::module::ModuleSymbols;
use super::path;
use super::types::{BreakAddress, LineMatch};

/// Whether the row before, of the same line and right before it, led to a statement already.
#[derive(Default)]
struct Block {
    open: bool,
    stated: bool,
}

impl Block {
    /// Whether `row` begins one: it is the first statement of a run of rows of the `wanted` line,
    /// or the first of `any` kind.
    fn begins(&mut self, row: &Row, wanted: bool, any: bool) -> bool {
        let stated = std::mem::replace(&mut self.open, wanted) && self.stated;
        let states = (any || row.is_stmt) && row.entry == Entry::Place;
        self.stated = wanted && (stated || states);
        wanted && states && !stated
    }
}

impl ModuleSymbols {
    /// Where each block of code of a line begins with a statement: loops have one in front of them
    /// and one behind, optimised code one for each copy. Of a line whose statements all have no
    /// code, where its code begins. What is `matched`, as [`ModuleSymbols::addresses_of_line`]
    /// gives it, is among them.
    pub fn blocks_of_line(&self, file: &str, matched: &LineMatch) -> Vec<BreakAddress> {
        let mut begun = self.blocks_that_begin(file, matched.line, false);
        if begun.is_empty() {
            begun = self.blocks_that_begin(file, matched.line, true);
        }
        // Of two at one address the first stays: what is matched says more.
        let mut found = matched.addresses.clone();
        found.extend(begun);
        found.sort_by_key(|at| at.address);
        found.dedup_by_key(|at| at.address);
        found
    }

    /// What the code at an address is to a line.
    pub(super) fn line_or_gap(&self, (file, line): (&str, u32), address: u64) -> Own {
        match self.location_at(ModuleAddr(address)) {
            Some(at) if at.line == 0 => Own::Gap,
            Some(at) if at.line == line && path::matches(&at.file, file) => Own::Line,
            _ => Own::Other,
        }
    }

    /// Those that begin with a statement, or with `any` code.
    fn blocks_that_begin(&self, file: &str, line: u32, any: bool) -> Vec<BreakAddress> {
        let mut found = Vec::new();
        for unit in 0..self.units().len() {
            let wanted = self.files_called(unit, file);
            let is_wanted = |row: &Row| {
                row.line == line && wanted.get(row.file as usize).copied().unwrap_or(false)
            };
            let lines = self.units().lines(unit).filter(|_| wanted.contains(&true));
            let (rows, mut block) =
                (lines.map(|lines| lines.rows()).unwrap_or_default(), Block::default());
            let begun = rows.iter().filter(|row| block.begins(row, is_wanted(row), any));
            found
                .extend(begun.map(|row| self.break_in_unit(unit, row.address, Some((file, line)))));
        }
        found
    }

    /// The place at an address of a unit's code, for those who asked for a line if they did.
    pub(super) fn break_in_unit(
        &self,
        unit: usize,
        address: u64,
        line: Option<(&str, u32)>,
    ) -> BreakAddress {
        let chain = self.units().scopes(unit).map(|all| all.chain_at(address));
        let scope = chain.and_then(|chain| chain.last().copied());
        self.break_on_line(unit, scope, address, line)
    }
}
