//! The line table of one unit (DWARF 5, section 6.2).

use std::ops::Range;

use gimli::{ColumnType, LineProgramHeader, Unit};

use super::bytes::Slice;
use super::dwarf::Dwarf;
use super::guard::Budget;
use super::path::join;

/// Most files of one table.
const MAX_FILES: u64 = 1 << 17;

/// One row: from its address to the next row's, the code is of this line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub address: u64,
    pub file: u32,
    /// 0: of no line.
    pub line: u32,
    /// 0: the line as a whole.
    pub column: u32,
    /// A recommended place to stop.
    pub is_stmt: bool,
    pub prologue_end: bool,
    /// Whether breakpoints on its line are for it.
    pub entry: Entry,
}

/// What a row is to breakpoints on its line. The rules are gdb's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A place of its own.
    Place,
    /// At its address code of another file begins: a place if the line has no other.
    Empty,
    /// It goes on with the row before, which is a place to stop and of the same line, in whose
    /// parts jumps lead to and fro.
    Continued,
}

/// What rows before say of the next one.
#[derive(Default)]
struct Before {
    /// File and line of the last row.
    line: Option<(u32, u32)>,
    /// Whether a row of that line is a place to stop.
    stop: bool,
    /// Whether the line is in several parts (DW_LNE_set_discriminator).
    parts: bool,
    /// The last row's address, and whether a place to stop is there.
    address: u64,
    stop_here: bool,
}

impl Before {
    /// What `row`, with its discriminator, is.
    fn next(&mut self, row: &Row, discriminator: u64) -> Entry {
        if self.address != row.address {
            (self.address, self.stop_here) = (row.address, false);
        }
        let line = Some((row.file, row.line));
        let other_file = self.line.is_some_and(|(file, _)| file != row.file);
        if other_file && !row.is_stmt && self.stop_here {
            return Entry::Continued;
        }
        if self.line != line {
            (self.line, self.stop, self.parts) = (line, false, false);
        }
        self.parts |= discriminator != 0;
        let entry = if self.stop && self.parts { Entry::Continued } else { Entry::Place };
        self.stop |= row.is_stmt;
        self.stop_here |= row.is_stmt;
        entry
    }
}

/// A run of rows with ascending addresses.
#[derive(Debug)]
struct Sequence {
    start: u64,
    end: u64,
    rows: Range<usize>,
}

/// The rows of one unit.
#[derive(Debug, Default)]
pub(crate) struct LineTable {
    sequences: Vec<Sequence>,
    rows: Vec<Row>,
}

impl LineTable {
    /// Runs the line program of `unit`. Sequences for which `keep` is false
    /// (code the linker dropped) are left out.
    pub fn parse(unit: &Unit<Slice<'_>>, budget: &Budget, keep: impl Fn(u64) -> bool) -> Self {
        let mut table = Self::default();
        let Some(program) = unit.line_program.clone() else { return table };
        let mut rows = program.rows();
        let (mut first, mut before) = (0, Before::default());
        while let Ok(Some((_, row))) = rows.next_row() {
            if row.end_sequence() {
                table.end_sequence(first, row.address(), &keep);
                (first, before) = (table.rows.len(), Before::default());
            } else if budget.take(1) {
                let mut new = Row::of(row);
                new.entry = before.next(&new, row.discriminator());
                table.rows.push(new);
            } else {
                break;
            }
        }
        table.rows.truncate(first);
        table.sequences.sort_unstable_by_key(|sequence| sequence.start);
        table
    }

    fn end_sequence(&mut self, first: usize, end: u64, keep: &impl Fn(u64) -> bool) {
        let start = self.rows.get(first).map(|row| row.address);
        match start.filter(|start| *start < end && keep(*start)) {
            Some(start) => {
                // Producers must ascend (6.2.5); search depends on it.
                if let Some(rows) = self.rows.get_mut(first..) {
                    rows.sort_by_key(|row| row.address);
                    mark_empty(rows);
                }
                self.sequences.push(Sequence { start, end, rows: first..self.rows.len() });
            }
            None => self.rows.truncate(first),
        }
    }

    /// The sequence around an address: rows, and its end.
    fn sequence(&self, address: u64) -> Option<(&[Row], u64)> {
        let after = self.sequences.partition_point(|sequence| sequence.start <= address);
        let sequence = self.sequences.get(after.checked_sub(1)?)?;
        let rows = self.rows.get(sequence.rows.clone())?;
        (address < sequence.end).then_some((rows, sequence.end))
    }

    /// The row that says where `address` belongs. Of rows at one address the
    /// last statement counts, else the last.
    pub fn row_at(&self, address: u64) -> Option<&Row> {
        let (rows, _) = self.sequence(address)?;
        let rows = rows.get(..rows.partition_point(|row| row.address <= address))?;
        let last = rows.last()?;
        let same = rows.iter().rev().take_while(|row| row.address == last.address);
        Some(same.filter(|row| row.is_stmt).find(|row| row.line != 0).unwrap_or(last))
    }

    /// Whether a statement row starts exactly here.
    pub fn starts_statement(&self, address: u64) -> bool {
        self.row_at(address).is_some_and(|row| row.address == address && row.is_stmt)
    }

    /// The contiguous run of rows of one file and line around `address`.
    pub fn range_at(&self, address: u64) -> Option<(Range<u64>, Row)> {
        let here = *self.row_at(address)?;
        let (rows, end) = self.sequence(address)?;
        let same = |at: u64| {
            self.row_at(at).is_some_and(|row| (row.file, row.line) == (here.file, here.line))
        };
        let after = rows.partition_point(|row| row.address <= address);
        let before = rows.get(..after)?.iter().rev().map(|row| row.address);
        let start = before.take_while(|at| same(*at)).last()?;
        let next = rows.get(after..)?.iter().map(|row| row.address).find(|at| !same(*at));
        Some((start..next.unwrap_or(end), here))
    }

    /// The first address after `address` at which other code lines may
    /// start: the next row's, or the end of its sequence.
    pub fn next_row_address(&self, address: u64) -> Option<u64> {
        let (rows, end) = self.sequence(address)?;
        let next = rows.get(rows.partition_point(|row| row.address <= address));
        Some(next.map_or(end, |row| row.address))
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What the sequences cover, for units that do not state their ranges.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.sequences.iter().map(|sequence| (sequence.start, sequence.end))
    }
}

impl Row {
    fn of(row: &gimli::LineRow) -> Self {
        let small = |value: u64| u32::try_from(value).unwrap_or_default();
        Self {
            address: row.address(),
            file: u32::try_from(row.file_index()).unwrap_or(u32::MAX),
            line: small(row.line().map_or(0, u64::from)),
            column: match row.column() {
                ColumnType::LeftEdge => 0,
                ColumnType::Column(column) => small(column.get()),
            },
            is_stmt: row.is_stmt(),
            prologue_end: row.prologue_end(),
            entry: Entry::Place,
        }
    }
}

/// Marks rows at whose address a statement of another file follows.
fn mark_empty(rows: &mut [Row]) {
    for same in rows.chunk_by_mut(|a, b| a.address == b.address) {
        let last = same.iter().rposition(|row| row.is_stmt);
        let file = last.and_then(|last| same.get(last)).map(|row| row.file);
        let before = same.iter_mut().take(last.unwrap_or(0));
        before.filter(|row| Some(row.file) != file).for_each(|row| row.entry = Entry::Empty);
    }
}

/// The absolute names of the files a unit's line program refers to, by index.
pub(crate) fn files<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<Slice<'a>>,
    budget: &Budget,
) -> Vec<Box<str>> {
    let Some(program) = &unit.line_program else { return Vec::new() };
    let header = program.header();
    // Before DWARF 5 there is no file 0.
    let last = (0..MAX_FILES).find(|i| *i > 0 && header.file(*i).is_none());
    let mut files = Vec::new();
    for index in 0..last.unwrap_or(MAX_FILES) {
        let name = file_name(dwarf, unit, header, index).unwrap_or_default();
        if !budget.take(1 + name.len() as u64 / 16) {
            break;
        }
        files.push(Box::from(name));
    }
    files
}

fn file_name<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<Slice<'a>>,
    header: &LineProgramHeader<Slice<'a>>,
    index: u64,
) -> Option<String> {
    let file = header.file(index)?;
    let text = |value| Some(dwarf.attr_string(unit, value).ok()?.to_string_lossy().into_owned());
    let mut path = unit.comp_dir.map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    // Directory 0 is the compilation directory (6.2.4).
    if file.directory_index() != 0 {
        let directory = file.directory(header).and_then(text);
        path = join(&path, &directory.unwrap_or_default());
    }
    Some(join(&path, &text(file.path_name())?))
}
