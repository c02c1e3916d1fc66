//! The first difference, as data.

use super::side::Side;
use crate::session::registers::{Class, names, read};
use rdb_schema::registers::Registers;
use serde::Serialize;

/// Most differing parts of one kind that are named.
const MOST: usize = 64;

/// The first difference of two recordings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The tracepoint whose instruction did another thing. At 0, and with
    /// `at_start`, what was there before it.
    pub tracepoint: u64,
    /// Whether the recordings begin with another state.
    pub at_start: bool,
    /// What differs.
    pub parts: Vec<Part>,
    /// Where it may come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What kind of thing.
    pub aspect: Aspect,
    /// Register, address or name of a field.
    pub name: String,
    /// What it was before, if both agree on that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What this recording has.
    pub left: String,
    /// What the other has.
    pub right: String,
}

/// Kinds of things that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Aspect {
    /// The instruction: its address or bytes.
    Instruction,
    /// Whether it faulted.
    Fault,
    /// A register afterwards.
    Register,
    /// A byte stored.
    Memory,
    /// A system call or signal.
    Event,
    /// The address space.
    Mapping,
    /// Where the recording ends, and how.
    Ending,
}

impl Part {
    /// A part with values as text.
    pub fn new(
        aspect: Aspect,
        name: impl Into<String>,
        left: impl Into<String>,
        right: impl Into<String>,
    ) -> Self {
        let (name, left, right) = (name.into(), left.into(), right.into());
        Self { aspect, name, before: None, left, right }
    }
}

impl Difference {
    /// A difference at `tracepoint` in what its instruction did.
    pub fn new(tracepoint: u64, parts: Vec<Part>) -> Self {
        Self { tracepoint, at_start: false, parts, hint: None }
    }
}

/// Registers of two states by what differs, with what they were before.
pub fn registers(
    left: &Registers,
    right: &Registers,
    before: Option<(&Registers, &Registers)>,
) -> Vec<Part> {
    let all = u64::MAX;
    let classes = [Class::General, Class::Float, Class::Vector];
    let names = classes.into_iter().flat_map(|class| names(class, all));
    let part = |name: String| {
        let (l, r) = (read(left, &name)?, read(right, &name)?);
        if l == r {
            return None;
        }
        let old = before.and_then(|(l, r)| Some((read(l, &name)?, read(r, &name)?)));
        let before = old.filter(|(l, r)| l == r).map(|(l, _)| l.hex());
        Some(Part { before, ..Part::new(Aspect::Register, name, l.hex(), r.hex()) })
    };
    names.filter_map(part).collect()
}

/// Bytes of memory by what differs: (address, left, right).
pub fn bytes(all: &[(u64, Option<u8>, Option<u8>)]) -> Vec<Part> {
    let text = |byte: Option<u8>| byte.map_or("not written".into(), |byte| format!("{byte:#04x}"));
    let part = |(address, left, right): &(u64, Option<u8>, Option<u8>)| {
        Part::new(Aspect::Memory, format!("{address:#x}"), text(*left), text(*right))
    };
    all.iter().take(MOST).map(part).collect()
}

/// One recording goes on where the other ends, or both end differently.
pub fn ending(left: &Side<'_>, right: &Side<'_>) -> Option<Difference> {
    let (l, r) = (left.timeline(), right.timeline());
    let t = left.tracepoint();
    let text = |end: u64, exit| match end > t {
        true => format!("goes on to {end}"),
        false => format!("ends here: {exit:?}"),
    };
    let (lt, rt) = (text(l.end(), l.exit()), text(r.end(), r.exit()));
    (lt != rt).then(|| Difference::new(t, vec![Part::new(Aspect::Ending, "recording", lt, rt)]))
}
