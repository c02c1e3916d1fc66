//! `heap`: blocks that are alive, and the history of one.

use super::executions::{head, place_cells};
use super::{Argument, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, Table, hex, serialize_hex, thousands};
use crate::session::{Block, Heap, Misuse, Place, Session, WrongFree};
use crate::timeline::StateError;
use serde::Serialize;
use std::collections::HashMap;

/// Blocks or lines shown when nobody says how many.
const COUNT: u64 = 50;

/// Blocks whose allocating lines are told apart.
const MAX_LINES: usize = 20_000;

/// A call of the allocator, and who made it.
#[derive(Serialize)]
struct Caller {
    tracepoint: u64,
    #[serde(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct BlockRow {
    #[serde(serialize_with = "serialize_hex")]
    address: u64,
    bytes: u64,
    /// The allocating function.
    through: &'static str,
    allocated: Caller,
    #[serde(skip_serializing_if = "Option::is_none")]
    freed: Option<Caller>,
}

#[derive(Serialize)]
struct FaultRow {
    #[serde(serialize_with = "serialize_hex")]
    address: u64,
    misuse: Misuse,
    call: Caller,
}

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
    faults: Vec<FaultRow>,
    #[serde(skip)]
    cursor: u64,
}

impl Output for Alive {
    fn render(&self, page: &mut Page) {
        for fault in &self.faults {
            fault.render(page);
        }
        let (count, bytes) = (thousands(self.count), thousands(self.bytes));
        page.line(format!("{count} blocks of together {bytes} bytes are alive here."));
        if !self.blocks.is_empty() {
            let heading = ["", "allocated", "address", "bytes", "by", "where"];
            let mut table = Table::new(&heading).numbers(&[1, 3]);
            for row in &self.blocks {
                let at = row.allocated.tracepoint;
                let mut cells = head(at == self.cursor, at, None);
                cells.extend([hex(row.address), thousands(row.bytes)]);
                cells.extend(place_cells(&row.allocated.place));
                table.row(cells);
            }
            table.render(page);
        }
        if !self.lines.is_empty() {
            let mut table = Table::new(&["blocks", "bytes", "by", "where"]).numbers(&[0, 1]);
            for line in &self.lines {
                let mut cells = vec![thousands(line.blocks), thousands(line.bytes)];
                cells.extend(place_cells(&line.place));
                table.row(cells);
            }
            table.render(page);
        }
    }
}

impl FaultRow {
    fn render(&self, page: &mut Page) {
        let what = match self.misuse {
            Misuse::DoubleFree => "Double free",
            Misuse::NoBlock => "Free of what is no block",
        };
        page.put(Style::Alert, format!("{what}: {} ", hex(self.address)));
        self.call.render(page);
        page.end();
    }
}

impl Caller {
    fn new(session: &Session, tracepoint: u64) -> Result<Self, StateError> {
        Ok(Self { tracepoint, place: session.allocating_place(tracepoint)? })
    }

    fn render(&self, page: &mut Page) {
        page.plain("at ").put(Style::Tracepoint, format!("#{}", thousands(self.tracepoint)));
        page.plain(" by ");
        self.place.render(page);
    }
}

impl BlockRow {
    fn new(session: &Session, block: &Block) -> Result<Self, StateError> {
        Ok(Self {
            address: block.address,
            bytes: block.bytes,
            through: block.function,
            allocated: Caller::new(session, block.allocated)?,
            freed: block.freed.map(|t| Caller::new(session, t)).transpose()?,
        })
    }
}

#[derive(Serialize)]
struct UseRow {
    tracepoint: u64,
    write: bool,
    place: Place,
}

/// The blocks around an address, the newest first.
#[derive(Serialize)]
struct Around {
    #[serde(serialize_with = "serialize_hex")]
    address: u64,
    block: BlockRow,
    /// Bytes from the block's start.
    offset: i128,
    inside: bool,
    alive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<UseRow>,
    /// Whether nothing else used it between its free and the next allocation there.
    #[serde(skip_serializing_if = "Option::is_none")]
    all_looked_at: Option<bool>,
    faults: Vec<FaultRow>,
}

impl Output for Around {
    fn render(&self, page: &mut Page) {
        let block = &self.block;
        page.put(Style::Address, hex(self.address));
        page.plain(match (self.inside, self.offset) {
            (true, offset) => format!(" is byte {offset} of"),
            (false, offset) if offset < 0 => format!(" is {} bytes before", -offset),
            (false, offset) => {
                format!(" is {} bytes past the end of", offset - i128::from(block.bytes))
            }
        });
        page.plain(format!(" the block of {} bytes at ", thousands(block.bytes)));
        page.put(Style::Address, hex(block.address));
        page.plain(if self.alive { "." } else { ", which is not alive here." }).end();
        page.plain(format!("Allocated through {} ", block.through));
        block.allocated.render(page);
        page.end();
        match &block.freed {
            Some(freed) => {
                page.plain("Freed ");
                freed.render(page);
                page.end();
            }
            None => page.line("Never freed."),
        }
        self.render_use(page);
        self.faults.iter().for_each(|fault| fault.render(page));
    }
}

impl Around {
    fn render_use(&self, page: &mut Page) {
        if let Some(used) = &self.used {
            let what = if used.write { "written" } else { "read" };
            page.put(Style::Alert, format!("Use after free: {what} "));
            page.plain("at ").put(Style::Tracepoint, format!("#{}", thousands(used.tracepoint)));
            page.plain(" by ");
            used.place.render(page);
            page.end();
        } else if self.all_looked_at == Some(false) {
            page.line("Not written since; reads were not looked for all the time.");
        }
    }
}

fn alive(session: &Session, heap: &Heap, count: usize, by: Option<&str>) -> CommandResult {
    let cursor = session.cursor();
    let all: Vec<&Block> = heap.alive(cursor).collect();
    let bytes = all.iter().map(|block| block.bytes).fold(0, u64::saturating_add);
    let mut answer = Alive {
        count: all.len() as u64,
        bytes,
        blocks: Vec::new(),
        lines: Vec::new(),
        faults: faults(session, heap, |_| true, count)?,
        cursor,
    };
    if by.is_some() {
        answer.lines = lines(session, &all)?;
        answer.lines.truncate(count);
    } else {
        let newest = all.iter().skip(all.len().saturating_sub(count));
        let rows: Result<_, StateError> =
            newest.map(|block| BlockRow::new(session, block)).collect();
        answer.blocks = rows?;
    }
    Ok(Box::new(answer))
}

fn faults(
    session: &Session,
    heap: &Heap,
    wanted: impl Fn(&WrongFree) -> bool,
    count: usize,
) -> Result<Vec<FaultRow>, StateError> {
    let row = |fault: &WrongFree| {
        let call = Caller::new(session, fault.tracepoint)?;
        Ok(FaultRow { address: fault.address, misuse: fault.misuse, call })
    };
    heap.faults.iter().filter(|fault| wanted(fault)).take(count).map(row).collect()
}

/// Function, file and line.
type Key = (Option<String>, Option<String>, Option<u32>);

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
        if session.interrupt.raised() {
            return Err(StateError::Interrupted.into());
        }
        let place = session.allocating_place(block.allocated)?;
        let key = (place.function.clone(), place.file.clone(), place.line);
        let line = found.entry(key).or_insert(Line { blocks: 0, bytes: 0, place });
        line.blocks += 1;
        line.bytes = line.bytes.saturating_add(block.bytes);
    }
    let mut lines: Vec<Line> = found.into_values().collect();
    lines.sort_by_key(|line| (std::cmp::Reverse(line.bytes), line.place.pc));
    Ok(lines)
}

/// The block that has an address at the cursor; else the last that had it; else the nearest.
fn block_around(heap: &Heap, address: u64, t: u64) -> Option<&Block> {
    let known = || heap.blocks.iter().filter(|block| block.returned <= t);
    let has = |block: &&Block| block.addresses().contains(&address);
    let distance = |block: &&Block| {
        let range = block.addresses();
        let before = range.start.saturating_sub(address);
        let behind = address.saturating_sub(range.end.saturating_sub(1));
        before.max(behind)
    };
    let alive = || known().filter(|block| block.is_alive(t));
    alive().find(has).or_else(|| known().rfind(has)).or_else(|| alive().min_by_key(distance))
}

fn around(session: &Session, heap: &Heap, address: u64) -> CommandResult {
    let cursor = session.cursor();
    let Some(block) = block_around(heap, address, cursor) else {
        let what = format!("no block was allocated before tracepoint {}", thousands(cursor));
        return Err(CommandError::Other(what));
    };
    let uses = session.uses_after_free(heap, block)?;
    let used = uses.and_then(|uses| uses.first);
    let used = used.map(|used| {
        let pc = crate::symbols::CodeAddr::Pc(session.timeline().pc(used.tracepoint)?);
        let place = session.locator().place(session.timeline(), used.tracepoint, pc);
        Ok::<_, StateError>(UseRow { tracepoint: used.tracepoint, write: used.write, place })
    });
    let own =
        |fault: &WrongFree| fault.address == block.address && fault.tracepoint > block.allocated;
    Ok(Box::new(Around {
        address,
        block: BlockRow::new(session, block)?,
        offset: i128::from(address) - i128::from(block.address),
        inside: block.addresses().contains(&address),
        alive: block.is_alive(cursor),
        used: used.transpose()?,
        all_looked_at: uses.map(|uses| uses.all),
        faults: faults(session, heap, own, COUNT as usize)?,
    }))
}

/// `heap`.
pub static HEAP: Command = Command {
    name: "heap",
    aliases: &["info heap"],
    group: Group::History,
    arguments: &[
        Argument::at_most("at most N rows, the newest blocks; 50 if left out"),
        Argument {
            name: "BY",
            form: Form::Option,
            short: None,
            kind: Kind::Text,
            help: "line: count blocks and bytes by the line that allocated them",
        },
        Argument {
            name: "ADDRESS",
            form: Form::Rest,
            short: None,
            kind: Kind::Expression,
            help: "tell of the block there instead: an address, a pointer, or a variable",
        },
    ],
    help: "list the blocks of memory allocated here, or tell who allocated, freed and used one",
    details: "Blocks are what malloc and its kin returned, in whatever module they are, by the \
              names of their symbols. Double frees and uses after free are named. At the end, \
              what is alive was never freed.",
    run: |session, arguments| {
        let heap = session.heap()?;
        if !heap.functions {
            let what = "no function of this trace is called malloc or the like: without symbols, \
                        the heap is not known";
            return Err(CommandError::Other(what.to_owned()));
        }
        if heap.more {
            return Err(CommandError::Other("too many calls of malloc and free".to_owned()));
        }
        let by = arguments.get("BY");
        if let Some(by) = by.filter(|by| *by != "line") {
            return Err(arguments.error(format!("{by:?} is not line")));
        }
        let count = arguments.count("N").unwrap_or(COUNT).clamp(1, 1 << 20) as usize;
        match arguments.get("ADDRESS").filter(|text| !text.is_empty()) {
            Some(text) => {
                let address = session.address(text)?;
                around(session, &heap, address)
            }
            None => alive(session, &heap, count, by),
        }
    },
};
