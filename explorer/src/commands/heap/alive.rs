//! `heap` without an address: the blocks that are alive.

use super::COUNT;
use super::rows::{BlockRow, FaultRow, faults};
use crate::commands::argument::MOST_ROWS;
use crate::commands::executions::{head, place_cells};
use crate::commands::{CommandError, CommandResult, Output};
use crate::render::{Page, Style, Table, hex, thousands};
use crate::session::{Block, Heap, Place, Session};
use crate::timeline::StateError;
use serde::Serialize;
use std::collections::HashMap;

/// Blocks whose allocating lines are told apart.
const MAX_LINES: usize = 20_000;

#[derive(Serialize)]
struct Line {
    blocks: u64,
    bytes: u64,
    place: Place,
}

#[derive(Serialize)]
struct Alive {
    count: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<BlockRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line>,
    /// How many rows there are, of which some may not be shown.
    #[serde(skip)]
    rows: usize,
    more: bool,
    faults: Vec<FaultRow>,
    fault_count: u64,
    #[serde(skip)]
    cursor: u64,
}

impl Output for Alive {
    fn render(&self, page: &mut Page) {
        self.faults.iter().for_each(|fault| fault.render(page));
        let hidden = self.fault_count - self.faults.len() as u64;
        if hidden > 0 {
            let text = format!("So are {} more calls wrong; -c shows more.", thousands(hidden));
            page.put(Style::Dim, text).end();
        }
        let (count, bytes) = (thousands(self.count), thousands(self.bytes));
        page.line(match self.count {
            1 => format!("1 block of {bytes} bytes is alive here."),
            _ => format!("{count} blocks of together {bytes} bytes are alive here."),
        });
        self.render_blocks(page);
        self.render_lines(page);
        if self.more {
            let (all, shown) = (self.rows, self.blocks.len() + self.lines.len());
            let (shown, which) = (thousands(shown as u64), thousands(all as u64));
            let how = match all as u64 > MOST_ROWS {
                true => format!("a list of these has at most {}.", thousands(MOST_ROWS)),
                false => format!("-c {all} shows all."),
            };
            page.put(Style::Dim, format!("{shown} of {which} are shown; {how}")).end();
        }
        let text = "Uses after free were not looked for: heap --check does, and heap ADDRESS for \
                    the block there.";
        page.wrap(0).put(Style::Dim, text).end();
    }
}

impl Alive {
    fn render_blocks(&self, page: &mut Page) {
        if self.blocks.is_empty() {
            return;
        }
        let heading = ["", "allocated", "address", "bytes", "through", "by", "where"];
        let mut table = Table::new(&heading).numbers(&[1, 3]);
        for row in &self.blocks {
            let at = row.allocated.tracepoint;
            let mut cells = head(at == self.cursor, at, None);
            cells.extend([hex(row.address), thousands(row.bytes), row.through.to_owned()]);
            cells.extend(place_cells(&row.allocated.place));
            table.row(cells);
        }
        table.render(page);
    }

    fn render_lines(&self, page: &mut Page) {
        if self.lines.is_empty() {
            return;
        }
        let mut table = Table::new(&["blocks", "bytes", "by", "where"]).numbers(&[0, 1]);
        for line in &self.lines {
            let mut cells = vec![thousands(line.blocks), thousands(line.bytes)];
            cells.extend(place_cells(&line.place));
            table.row(cells);
        }
        table.render(page);
    }
}

/// At most `count` of the blocks alive at the cursor, or of the lines that allocated them.
pub(super) fn alive(session: &Session, heap: &Heap, count: usize, by_line: bool) -> CommandResult {
    let cursor = session.cursor();
    let all: Vec<&Block> = heap.alive(cursor).collect();
    let bytes = all.iter().map(|block| block.bytes).fold(0, u64::saturating_add);
    let mut answer = Alive {
        count: all.len() as u64,
        bytes,
        blocks: Vec::new(),
        lines: Vec::new(),
        rows: all.len(),
        more: false,
        faults: faults(session, heap, |_| true, count.max(COUNT as usize))?,
        fault_count: heap.faults.len() as u64,
        cursor,
    };
    if by_line {
        answer.lines = lines(session, &all)?;
        answer.rows = answer.lines.len();
        answer.lines.truncate(count);
    } else {
        let newest = all.iter().skip(all.len().saturating_sub(count));
        let rows: Result<_, StateError> =
            newest.map(|block| BlockRow::new(session, block)).collect();
        answer.blocks = rows?;
    }
    answer.more = answer.rows > count;
    Ok(Box::new(answer))
}

/// Function, file and line; or else the address.
type Key = (Option<String>, Option<String>, Option<u32>, Option<u64>);

/// Blocks by the lines that allocated them, those of the most bytes first.
fn lines(session: &Session, all: &[&Block]) -> Result<Vec<Line>, CommandError> {
    let mut found: HashMap<Key, Line> = HashMap::new();
    if all.len() > MAX_LINES {
        let (blocks, most) = (thousands(all.len() as u64), thousands(MAX_LINES as u64));
        let what =
            format!("{blocks} blocks are alive: too many to tell their lines apart ({most})");
        return Err(CommandError::Other(what));
    }
    for block in all {
        session.interrupt.check()?;
        let place = session.allocating_place(block.allocated)?;
        let address = place.function.is_none().then_some(place.pc);
        let key = (place.function.clone(), place.file.clone(), place.line, address);
        let line = found.entry(key).or_insert(Line { blocks: 0, bytes: 0, place });
        line.blocks += 1;
        line.bytes = line.bytes.saturating_add(block.bytes);
    }
    let mut lines: Vec<Line> = found.into_values().collect();
    lines.sort_by_key(|line| (std::cmp::Reverse(line.bytes), line.place.pc));
    Ok(lines)
}
