//! Two recordings of the same program, instruction for instruction.
//!
//! Where blocks and chunks end does not matter, nor which values are logged and
//! which derived. Two recordings of one program differ in what differs from run to
//! run (process ids, times, random bytes): an instruction's outcome may differ
//! if it is a source of such a value, or if one of its inputs differs already;
//! such instructions are counted by source. The first other difference ends
//! the comparison.

mod difference;
mod differing;
mod events;
mod explain;
mod paired;
mod side;
mod sources;
mod steps;
mod stream;

pub use difference::{Aspect, Difference, Part};
pub use sources::Source;

use crate::timeline::{StateError, Timeline};
use paired::Pair;
use serde::Serialize;
use std::collections::BTreeMap;

/// Instructions between two polls of `interrupted`.
const POLL: u64 = 1 << 20;

/// What came of a comparison.
#[derive(Debug)]
pub struct Comparison {
    /// Instructions compared, from the first on.
    pub instructions: u64,
    /// Sources of values that differ from run to run, where they showed.
    pub varying: Vec<Varying>,
    /// The first difference that no source explains.
    pub difference: Option<Difference>,
}

/// A source of values that differ from run to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Varying {
    /// What it is.
    pub source: Source,
    /// The first tracepoint at which it gave different values.
    pub first: u64,
    /// How often it did.
    pub times: u64,
}

/// Compares two recordings from their first instruction on. `interrupted` is
/// polled.
///
/// # Errors
/// [`StateError`]: one of them is damaged or contradicts itself, or the
/// comparison was interrupted.
pub fn compare(
    left: &Timeline,
    right: &Timeline,
    interrupted: &(dyn Fn() -> bool + Sync),
) -> Result<Comparison, StateError> {
    stream::with_chunks(left, right, |left_chunks, right_chunks| {
        let mut pair = Pair::new((left, left_chunks), (right, right_chunks))?;
        let difference = pair.walk(POLL, interrupted)?;
        Ok(Comparison {
            instructions: pair.tracepoint(),
            varying: varying(&pair.sources),
            difference,
        })
    })
}

fn varying(sources: &BTreeMap<Source, (u64, u64)>) -> Vec<Varying> {
    let mut all: Vec<_> = sources
        .iter()
        .map(|(source, (first, times))| Varying { source: *source, first: *first, times: *times })
        .collect();
    all.sort_by_key(|varying| varying.first);
    all
}
