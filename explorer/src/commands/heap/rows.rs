//! Blocks, calls of the allocator, and what is wrong with them, as answers show them.

use crate::render::{Page, Style, hex, serialize_hex, thousands};
use crate::session::{Block, Heap, Misuse, Place, Session, WrongFree};
use crate::timeline::StateError;
use serde::Serialize;

/// A call of the allocator, and who made it.
#[derive(Serialize)]
pub(super) struct Caller {
    pub(super) tracepoint: u64,
    #[serde(flatten)]
    pub(super) place: Place,
}

impl Caller {
    fn new(session: &Session, tracepoint: u64) -> Result<Self, StateError> {
        Ok(Self { tracepoint, place: session.allocating_place(tracepoint)? })
    }

    pub(super) fn render(&self, page: &mut Page) {
        page.plain("at ").put(Style::Tracepoint, format!("#{}", thousands(self.tracepoint)));
        page.plain(" by ");
        self.place.render(page);
    }
}

#[derive(Serialize)]
pub(super) struct BlockRow {
    #[serde(serialize_with = "serialize_hex")]
    pub(super) address: u64,
    pub(super) bytes: u64,
    /// The allocating function.
    pub(super) through: &'static str,
    pub(super) allocated: Caller,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) freed: Option<Caller>,
}

impl BlockRow {
    pub(super) fn new(session: &Session, block: &Block) -> Result<Self, StateError> {
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
pub(super) struct FaultRow {
    #[serde(serialize_with = "serialize_hex")]
    address: u64,
    misuse: Misuse,
    /// The freeing function.
    function: &'static str,
    /// The function that allocated the block, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    through: Option<&'static str>,
    call: Caller,
}

impl FaultRow {
    pub(super) fn render(&self, page: &mut Page) {
        let (function, through) = (self.function, self.through.unwrap_or_default());
        let what = match self.misuse {
            Misuse::DoubleFree => "Double free".to_owned(),
            Misuse::NoBlock => "Free of what is no block".to_owned(),
            Misuse::Mismatch => format!("{function} of what {through} allocated"),
        };
        page.put(Style::Alert, format!("{what}: {} ", hex(self.address)));
        self.call.render(page);
        page.end();
    }
}

/// At most `count` of the faults that are `wanted`.
pub(super) fn faults(
    session: &Session,
    heap: &Heap,
    wanted: impl Fn(&WrongFree) -> bool,
    count: usize,
) -> Result<Vec<FaultRow>, StateError> {
    let row = |fault: &WrongFree| {
        Ok(FaultRow {
            address: fault.address,
            misuse: fault.misuse,
            function: fault.function,
            through: fault.allocated.map(|(function, _)| function),
            call: Caller::new(session, fault.tracepoint)?,
        })
    };
    heap.faults.iter().filter(|fault| wanted(fault)).take(count).map(row).collect()
}
