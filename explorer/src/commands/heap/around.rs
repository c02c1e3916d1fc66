//! `heap ADDRESS`: the block there, and what was done to it.

use super::COUNT;
use super::rows::{BlockRow, FaultRow, faults};
use crate::commands::{CommandResult, Output};
use crate::render::{Page, Style, hex, serialize_hex, thousands};
use crate::session::{Found, Heap, Place, Session, Use, WrongFree};
use crate::symbols::CodeAddr;
use crate::timeline::StateError;
use serde::Serialize;

#[derive(Serialize)]
struct UseRow {
    tracepoint: u64,
    write: bool,
    place: Place,
}

/// A block, and where the address is in it.
#[derive(Serialize)]
struct Of {
    block: BlockRow,
    /// Bytes from the block's start.
    offset: i128,
    inside: bool,
    alive: bool,
}

/// The blocks around an address.
#[derive(Serialize)]
struct Around {
    #[serde(serialize_with = "serialize_hex")]
    address: u64,
    #[serde(flatten)]
    first: Of,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Of>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<UseRow>,
    /// Whether nothing else used it between its free and the next allocation there.
    #[serde(skip_serializing_if = "Option::is_none")]
    all_looked_at: Option<bool>,
    faults: Vec<FaultRow>,
}

impl Output for Around {
    fn render(&self, page: &mut Page) {
        page.put(Style::Address, hex(self.address));
        self.first.render(page, "is");
        self.render_use(page);
        self.faults.iter().for_each(|fault| fault.render(page));
        if let Some(other) = &self.other {
            page.plain(if other.alive { "It" } else { "Earlier, it" });
            other.render(page, if other.alive { "is" } else { "was" });
        }
    }
}

impl Of {
    fn new(session: &Session, found: &Found) -> Result<Self, StateError> {
        Ok(Self {
            block: BlockRow::new(session, found.block)?,
            offset: found.offset,
            inside: found.inside(),
            alive: found.block.is_alive(session.cursor()),
        })
    }

    fn render(&self, page: &mut Page, verb: &str) {
        let block = &self.block;
        page.plain(match (self.inside, self.offset) {
            (true, offset) => format!(" {verb} byte {offset} of"),
            (false, offset) if offset < 0 => format!(" {verb} {} bytes before", -offset),
            (false, offset) => format!(" {verb} {} bytes behind", offset - i128::from(block.bytes)),
        });
        page.plain(format!(" the block of {} bytes at ", thousands(block.bytes)));
        page.put(Style::Address, hex(block.address));
        page.plain(if self.alive { ", which is alive." } else { ", which is not alive here." });
        page.end();
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

/// An address near which no block is.
#[derive(Serialize)]
struct Elsewhere {
    #[serde(serialize_with = "serialize_hex")]
    address: u64,
    block: Option<()>,
    /// The mapping there: a file's path, or a name such as \[stack\]; empty if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    mapping: Option<String>,
    /// `<name+12>`, if it is in a module.
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
}

impl Output for Elsewhere {
    fn render(&self, page: &mut Page) {
        page.put(Style::Address, hex(self.address)).plain(" is in no block, nor near one: ");
        let place = match (self.mapping.as_deref(), &self.symbol) {
            (None, _) => "it is not mapped here.".to_owned(),
            (Some(""), Some(symbol)) => format!("it is {symbol}."),
            (Some(name), Some(symbol)) => format!("it is {symbol}, in {name}."),
            (Some(""), None) => "it lies in a mapping without a name.".to_owned(),
            (Some("[stack]"), None) => "it lies in the stack.".to_owned(),
            (Some(name), None) => format!("it lies in {name}."),
        };
        page.plain(place).end();
    }
}

fn elsewhere(session: &Session, address: u64) -> Result<Elsewhere, StateError> {
    let space = session.timeline().shared_space(session.cursor())?;
    let mapping = space.find(address);
    let mapping = mapping.map(|mapping| String::from_utf8_lossy(&mapping.name).into_owned());
    let symbol = mapping.as_ref().and_then(|_| session.symbol(address));
    Ok(Elsewhere { address, block: None, mapping, symbol })
}

fn use_row(session: &Session, used: Use) -> Result<UseRow, StateError> {
    let pc = CodeAddr::Pc(session.timeline().pc(used.tracepoint)?);
    let place = session.locator().place(session.timeline(), used.tracepoint, pc);
    Ok(UseRow { tracepoint: used.tracepoint, write: used.write, place })
}

/// What is known of `address` at the cursor.
pub(super) fn around(session: &Session, heap: &Heap, address: u64) -> CommandResult {
    let Some(found) = heap.around(address, session.cursor()) else {
        return Ok(Box::new(elsewhere(session, address)?));
    };
    let block = found.first.block;
    let uses = session.uses_after_free(heap, block)?;
    let used = uses.and_then(|uses| uses.first);
    let own =
        |fault: &WrongFree| fault.address == block.address && fault.tracepoint > block.allocated;
    Ok(Box::new(Around {
        address,
        first: Of::new(session, &found.first)?,
        other: found.other.map(|other| Of::new(session, &other)).transpose()?,
        used: used.map(|used| use_row(session, used)).transpose()?,
        all_looked_at: uses.map(|uses| uses.all),
        faults: faults(session, heap, own, COUNT as usize)?,
    }))
}
