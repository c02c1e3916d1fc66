//! `heap --check`: all uses of memory after its free.

use super::rows::BlockRow;
use crate::commands::executions::{head, place_cells};
use crate::commands::{CommandResult, Output, more};
use crate::render::{Page, Style, Table, hex, thousands};
use crate::session::{Heap, Place, Session};
use crate::symbols::CodeAddr;
use crate::timeline::StateError;
use serde::Serialize;

/// The first use of a block after its free.
#[derive(Serialize)]
struct Row {
    tracepoint: u64,
    write: bool,
    place: Place,
    block: BlockRow,
}

#[derive(Serialize)]
struct Uses {
    /// Of how many blocks.
    count: u64,
    uses: Vec<Row>,
    /// Whether there are more than are shown.
    more: bool,
    /// Whether all memory that was ever freed was looked at.
    all_looked_at: bool,
    #[serde(skip)]
    cursor: u64,
}

impl Output for Uses {
    fn render(&self, page: &mut Page) {
        if self.count == 0 {
            page.line("No use of a block after its free was found.");
        } else {
            let text = format!("Blocks used after their free: {}.", thousands(self.count));
            page.put(Style::Alert, text).end();
            self.table().render(page);
        }
        more::say_held(page, self.more, self.uses.len());
        if !self.all_looked_at {
            page.put(Style::Dim, "There is more freed memory than was looked at.").end();
        }
        let text = "Not looked for: what the kernel reads, all but the first element that a \
                    repeated string instruction reads, and what libc's string functions read \
                    behind the end of what they were given.";
        page.put(Style::Dim, text).end();
    }
}

impl Uses {
    fn table(&self) -> Table {
        let heading = ["", "tracepoint", "use", "by", "where", "block", "bytes", "freed"];
        let mut table = Table::new(&heading).numbers(&[1, 6]);
        for Row { tracepoint, write, place, block } in &self.uses {
            let mut cells = head(*tracepoint == self.cursor, *tracepoint, None);
            cells.push(if *write { "write" } else { "read" }.to_owned());
            cells.extend(place_cells(place));
            cells.extend([hex(block.address), thousands(block.bytes)]);
            let freed = block.freed.as_ref();
            cells.extend(freed.map(|freed| format!("#{}", thousands(freed.tracepoint))));
            table.row(cells);
        }
        table
    }
}

/// At most `count` of the blocks that were used after their free.
pub(super) fn check(session: &Session, heap: &Heap, count: usize) -> CommandResult {
    let checked = session.check_heap(heap)?;
    let mut all: Vec<_> = checked.uses.iter().collect();
    all.sort_by_key(|(_, used)| used.tracepoint);
    let row = |(number, used): (&usize, &crate::session::Use)| {
        let Some(block) = heap.blocks.get(*number) else { return Ok(None) };
        let pc = CodeAddr::Pc(session.timeline().pc(used.tracepoint)?);
        let place = session.locator().place(session.timeline(), used.tracepoint, pc);
        let block = BlockRow::new(session, block)?;
        Ok(Some(Row { tracepoint: used.tracepoint, write: used.write, place, block }))
    };
    let more = count > 0 && all.len() > count;
    let shown = all.iter().copied().take(count);
    let uses = shown.filter_map(|one| row(one).transpose()).collect::<Result<_, StateError>>()?;
    let count = checked.uses.len() as u64;
    let (all_looked_at, cursor) = (!checked.more, session.cursor());
    Ok(Box::new(Uses { count, uses, more, all_looked_at, cursor }))
}
