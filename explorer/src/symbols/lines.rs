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

/// What a row is to breakpoints on its line. The rule is gdb's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A place of its own.
    Place,
    /// At its address code of another file begins: a place if the line has no other.
    Empty,
}

/// What a row is to the rows before it. The rules are gdb's.
enum Next {
    /// One of its own.
    Row,
    /// It goes on with the last one, of the same line, in whose parts jumps lead to and fro.
    Continued,
    /// It is no place to stop, and of another file, where one is.
    Hidden,
}

/// What rows before say of the next one.
#[derive(Default)]
struct Before {
    /// File and line of the last row that is one of its own.
    place: Option<(u32, u32)>,
    /// The line of the last row.
    line: u32,
    /// Whether that line is in several parts (DW_LNE_set_discriminator).
    parts: bool,
    /// The last row's address, and whether a place to stop is there.
    address: u64,
    stop_here: bool,
}

impl Before {
    /// What `row`, with its discriminator, is.
    fn next(&mut self, row: &Row, discriminator: u64) -> Next {
        if self.line != row.line {
            (self.line, self.parts) = (row.line, false);
        }
        self.parts |= discriminator != 0;
        if self.address != row.address {
            (self.address, self.stop_here) = (row.address, false);
        }
        let hidden = self.is_other_file(row) && !row.is_stmt && self.stop_here;
        self.stop_here |= row.is_stmt;
        let place = Some((row.file, row.line));
        if hidden {
            Next::Hidden
        } else if row.line == 0 {
            Next::Row
        } else if self.parts && self.place == place {
            Next::Continued
        } else {
            self.place = place;
            Next::Row
        }
    }

    fn is_other_file(&self, row: &Row) -> bool {
        self.place.is_none_or(|(file, _)| file != row.file)
    }
}

/// A run of rows with ascending addresses.
#[derive(Debug)]
struct Sequence {
    start: u64,
    end: u64,
    rows: Range<usize>,
}

/// The rows of one unit, without those that only go on with the row before.
#[derive(Debug, Default)]
pub(crate) struct LineTable {
    sequences: Vec<Sequence>,
    rows: Vec<Row>,
    /// Address and column of rows that go on with one of `rows`, by address.
    columns: Vec<(u64, u32)>,
}

impl LineTable {
    /// Runs the line program of `unit`. Sequences for which `keep` is false
    /// (code the linker dropped) are left out.
    pub fn parse(unit: &Unit<Slice<'_>>, budget: &Budget, keep: impl Fn(u64) -> bool) -> Self {
        let mut table = Self::default();
        let Some(program) = unit.line_program.clone() else { return table };
        let mut rows = program.rows();
        let (mut first, mut columns) = (0, 0);
        let mut before = Before::default();
        while let Ok(Some((_, row))) = rows.next_row() {
            if row.end_sequence() {
                if !table.end_sequence(first, row.address(), &keep) {
                    table.columns.truncate(columns);
                }
                (first, columns) = (table.rows.len(), table.columns.len());
                before = Before::default();
            } else if budget.take(1) {
                let new = Row::of(row);
                match before.next(&new, row.discriminator()) {
                    Next::Row => table.rows.push(new),
                    Next::Continued => table.columns.push((new.address, new.column)),
                    Next::Hidden => {}
                }
            } else {
                break;
            }
        }
        table.rows.truncate(first);
        table.columns.truncate(columns);
        table.columns.sort_by_key(|(address, _)| *address);
        table.sequences.sort_unstable_by_key(|sequence| sequence.start);
        table
    }

    /// Whether the sequence is kept.
    fn end_sequence(&mut self, first: usize, end: u64, keep: &impl Fn(u64) -> bool) -> bool {
        let start = self.rows.get(first).map(|row| row.address);
        let start = start.filter(|start| *start < end && keep(*start));
        match start {
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
        start.is_some()
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

    /// The column of the code at an address in `row`.
    pub fn column_at(&self, address: u64, row: &Row) -> u32 {
        let after = self.columns.partition_point(|(at, _)| *at <= address);
        let last = after.checked_sub(1).and_then(|last| self.columns.get(last));
        last.filter(|(at, _)| *at > row.address).map_or(row.column, |(_, column)| *column)
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
