//! When bytes came to stand in memory, over all of history.

use super::{Place, Session};
use crate::symbols::CodeAddr;
use crate::timeline::{Direction, StateError};
use rdb_schema::event::Event;
use rdb_schema::space::{Base, MappingChange};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

/// Bytes of new mappings looked through at a time.
const PART: u64 = 1 << 18;

/// Bytes that came to stand in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Appearance {
    /// The tracepoint that completed them; they stand there in the state after it. None: they
    /// stood there when the history began.
    pub tracepoint: Option<u64>,
    /// Where that is.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// Where they stand.
    #[serde(serialize_with = "crate::render::serialize_hex")]
    pub address: u64,
    /// `<name+4>` of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
}

impl Session {
    /// When and where `pattern` came to stand in memory, in order, at most `limit` times; whether
    /// there may be more. Bytes that are written again where they stand do not count again.
    /// Zeros alone, which new mappings are full of, are not told of those.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn appearances(
        &self,
        pattern: &[u8],
        limit: usize,
    ) -> Result<(Vec<Appearance>, bool), StateError> {
        let (first, more) = self.find_bytes_at(0, pattern, limit)?;
        let mut found: Vec<(Option<u64>, u64)> = first.into_iter().map(|at| (None, at)).collect();
        let mut complete = !more;
        for chunk in 0..self.timeline.chunk_count() {
            if !complete {
                break;
            }
            let appeared = self.appeared_in(chunk, pattern, limit + 1 - found.len().min(limit))?;
            found.extend(appeared.into_iter().map(|(t, at)| (Some(t), at)));
            complete = found.len() <= limit;
        }
        found.truncate(limit);
        let appearance = |(tracepoint, address): (Option<u64>, u64)| {
            let of = |t: u64| {
                let pc = CodeAddr::Pc(self.timeline.pc(t)?);
                Ok::<_, StateError>(self.locator.place(&self.timeline, t, pc))
            };
            let place = tracepoint.map(of).transpose()?;
            let symbol = self.symbol_at(tracepoint.map_or(0, |t| t + 1), address);
            Ok(Appearance { tracepoint, place, address, symbol })
        };
        let all: Result<_, StateError> = found.into_iter().map(appearance).collect();
        Ok((all?, !complete))
    }

    /// Tracepoints of chunk `index`, and the addresses at which they completed `pattern`.
    fn appeared_in(
        &self,
        index: usize,
        pattern: &[u8],
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, StateError> {
        let view = self.timeline.chunk_view(index)?;
        let (first, end) = (view.chunk().first, view.chunk().end());
        view.check(end)?;
        let mut mapped = self.mapped_candidates(first..end, pattern)?;
        let mut stores = view.stores().iter().peekable();
        let mut found = Vec::new();
        while found.len() < limit {
            let times = [stores.peek().map(|s| s.tracepoint), mapped.keys().next().copied()];
            let Some(t) = times.into_iter().flatten().min() else { break };
            if self.interrupt.raised() {
                return Err(StateError::Interrupted);
            }
            let mut candidates = mapped.remove(&t).unwrap_or_default();
            while let Some(store) = stores.next_if(|store| store.tracepoint == t) {
                candidates.extend(starts(store.address, store.bytes, pattern));
            }
            for address in candidates {
                if self.stands(t + 1, address, pattern)? && !self.stands(t, address, pattern)? {
                    found.push((t, address));
                }
            }
        }
        Ok(found)
    }

    fn stands(&self, t: u64, address: u64, pattern: &[u8]) -> Result<bool, StateError> {
        let memory = self.timeline.memory(t, address, pattern.len())?;
        Ok(memory.iter().zip(pattern).all(|(held, wanted)| *held == Some(*wanted)))
    }

    /// Where changes of mappings may have brought the pattern.
    fn mapped_candidates(
        &self,
        times: Range<u64>,
        pattern: &[u8],
    ) -> Result<BTreeMap<u64, BTreeSet<u64>>, StateError> {
        let around = pattern.len().saturating_sub(1) as u64;
        let mut changed: Vec<(u64, Range<u64>)> = Vec::new();
        self.timeline.events(times, Direction::Forward, &mut |event: &Event| {
            for change in &event.mappings {
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
        let mut candidates: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for (t, range) in changed {
            let mut at = range.start.saturating_sub(around);
            while at < range.end {
                if self.interrupt.raised() {
                    return Err(StateError::Interrupted);
                }
                let length = (range.end - at).min(PART);
                let mut found = Vec::new();
                self.find_in((t + 1, at), length, pattern, &mut found)?;
                candidates.entry(t).or_default().extend(found);
                at += length;
            }
        }
        Ok(candidates)
    }
}

/// Where the pattern may begin, so that a store of `bytes` at `address` completes it.
fn starts(address: u64, bytes: &[u8], pattern: &[u8]) -> Vec<u64> {
    let before = pattern.len().saturating_sub(1);
    let fits = |start: &usize| {
        // The store begins `before` bytes behind the first start.
        let (own, others) = match start.checked_sub(before) {
            Some(own) => (own, 0),
            None => (0, before - start),
        };
        let (own, others) = (bytes.get(own..), pattern.get(others..));
        let pairs = own.into_iter().flatten().zip(others.into_iter().flatten());
        pairs.into_iter().all(|(own, other)| own == other)
    };
    let all = (0..before + bytes.len()).filter(fits);
    let offset = |start: usize| address.checked_add(start as u64)?.checked_sub(before as u64);
    all.filter_map(offset).collect()
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn a_store_completes_what_it_is_a_part_of() {
        assert_eq!(starts(100, b"abc", b"abc"), [100]);
        assert_eq!(starts(100, b"b", b"abc"), [99]);
        assert_eq!(starts(100, b"xa", b"abc"), [101]);
        assert_eq!(starts(100, b"ca", b"abca"), [98, 101]);
        assert_eq!(starts(100, b"aa", b"a"), [100, 101]);
        assert_eq!(starts(100, b"zz", b"abc"), [0u64; 0]);
        assert_eq!(starts(0, b"b", b"ab"), [0u64; 0]);
    }
}
