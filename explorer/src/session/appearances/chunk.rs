//! The appearances of one chunk.

use super::kept::Kept;
use crate::session::find::find_in;
use crate::timeline::{Direction, StateError, Timeline};
use rdb_schema::event::Event;
use rdb_schema::space::{Base, MappingChange};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

/// Bytes of new mappings looked through at a time.
const PART: u64 = 1 << 18;

/// A tracepoint, and the address at which it completed the pattern.
pub(super) type Completed = (u64, u64);

/// The changes of mappings of a tracepoint.
#[derive(Default)]
struct Mapped {
    ranges: Vec<Range<u64>>,
    /// Where they may have brought the pattern.
    candidates: BTreeSet<u64>,
}

/// Where and when chunk `index` completed `pattern`: the first `limit`.
///
/// # Errors
/// [`StateError`].
pub(super) fn appeared_in(
    timeline: &Timeline,
    index: usize,
    pattern: &[u8],
    limit: usize,
) -> Result<Vec<Completed>, StateError> {
    let view = timeline.chunk_view(index)?;
    let (first, end) = (view.chunk().first, view.chunk().end());
    view.check(end)?;
    let mut mapped = mapped(timeline, first..end, pattern)?;
    let mut stores = view.stores().iter().peekable();
    let (mut kept, mut found) = (Kept::new(timeline), Vec::new());
    let (mut own, mut candidates) = (Vec::new(), BTreeSet::new());
    while found.len() < limit {
        let times = [stores.peek().map(|s| s.tracepoint), mapped.keys().next().copied()];
        let Some(t) = times.into_iter().flatten().min() else { break };
        timeline.interrupt().check()?;
        let Mapped { ranges, candidates: brought } = mapped.remove(&t).unwrap_or_default();
        candidates.extend(brought);
        while let Some(store) = stores.next_if(|store| store.tracepoint == t) {
            starts(store.address, store.bytes, pattern, |at| {
                candidates.insert(at);
            });
            own.push(store);
        }
        let mut missing = Vec::new();
        for at in std::mem::take(&mut candidates) {
            if !kept.holds(t, at, pattern)? {
                missing.push(at);
            }
        }
        own.drain(..).for_each(|store| kept.store(&store));
        ranges.iter().for_each(|range| kept.remap(range));
        for at in missing {
            if kept.holds(t + 1, at, pattern)? {
                found.push((t, at));
            }
        }
    }
    Ok(found)
}

/// The changes of mappings, by tracepoint.
fn mapped(
    timeline: &Timeline,
    times: Range<u64>,
    pattern: &[u8],
) -> Result<BTreeMap<u64, Mapped>, StateError> {
    let around = pattern.len().saturating_sub(1) as u64;
    let mut all: BTreeMap<u64, Mapped> = BTreeMap::new();
    let mut changed: Vec<(u64, Range<u64>)> = Vec::new();
    timeline.events(times, Direction::Forward, &mut |event: &Event| {
        for change in &event.mappings {
            all.entry(event.tracepoint).or_default().ranges.push(change.range());
            let MappingChange::Map(mapping) = change else { continue };
            let (start, end) = (mapping.start, mapping.end);
            // Of zeros, only the edges complete what is not all zeros.
            let edges = [start..start + 1, end.saturating_sub(around).max(start)..end];
            match mapping.base {
                Base::Zero => changed.extend(edges.map(|edge| (event.tracepoint, edge))),
                _ => changed.push((event.tracepoint, start..end)),
            }
        }
        ControlFlow::Continue(())
    })?;
    for (t, range) in changed {
        let mut at = range.start.saturating_sub(around);
        while at < range.end {
            timeline.interrupt().check()?;
            let length = (range.end - at).min(PART);
            let mut found = Vec::new();
            find_in(timeline, (t + 1, at), length, pattern, &mut found)?;
            all.entry(t).or_default().candidates.extend(found);
            at += length;
        }
    }
    Ok(all)
}

/// Calls `each` with where the pattern may begin, so that a store of `bytes` at `address`
/// completes it.
fn starts(address: u64, bytes: &[u8], pattern: &[u8], mut each: impl FnMut(u64)) {
    let before = pattern.len().saturating_sub(1);
    for start in 0..before + bytes.len() {
        // The store begins `before` bytes behind the first start.
        let (own, others) = match start.checked_sub(before) {
            Some(own) => (own, 0),
            None => (0, before - start),
        };
        let (own, others) = (bytes.get(own..), pattern.get(others..));
        let mut pairs = own.into_iter().flatten().zip(others.into_iter().flatten());
        if pairs.all(|(own, other)| own == other) {
            let at = address.checked_add(start as u64);
            at.and_then(|at| at.checked_sub(before as u64)).into_iter().for_each(&mut each);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::starts;

    fn of(address: u64, bytes: &[u8], pattern: &[u8]) -> Vec<u64> {
        let mut found = Vec::new();
        starts(address, bytes, pattern, |at| found.push(at));
        found
    }

    #[test]
    fn a_store_completes_what_it_is_a_part_of() {
        assert_eq!(of(100, b"abc", b"abc"), [100]);
        assert_eq!(of(100, b"b", b"abc"), [99]);
        assert_eq!(of(100, b"xa", b"abc"), [101]);
        assert_eq!(of(100, b"ca", b"abca"), [98, 101]);
        assert_eq!(of(100, b"aa", b"a"), [100, 101]);
        assert_eq!(of(100, b"zz", b"abc"), [0u64; 0]);
        assert_eq!(of(0, b"b", b"ab"), [0u64; 0]);
    }
}
