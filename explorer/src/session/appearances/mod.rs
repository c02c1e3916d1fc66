//! When bytes came to stand in memory, over all of history.

mod chunk;
mod kept;

use super::{Place, Session};
use crate::progress::Progress;
use crate::symbols::CodeAddr;
use crate::timeline::StateError;
use chunk::{Completed, appeared_in};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::VecDeque;
use std::ops::Range;

/// Chunks looked through at a time, for each thread that does.
const AT_A_TIME: usize = 2;

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
        let (first, more) = self.find_bytes_at((0, 0), pattern, limit)?;
        let mut found: Vec<(Option<u64>, u64)> = first.into_iter().map(|at| (None, at)).collect();
        if !more {
            self.completed(pattern, limit, &mut |part| {
                found.extend(part.into_iter().map(|(t, at)| (Some(t), at)));
                found.len() <= limit
            })?;
        }
        let more = more || found.len() > limit;
        found.truncate(limit);
        let all: Result<_, StateError> =
            found.into_iter().map(|(t, at)| self.appearance(t, at)).collect();
        Ok((all?, more))
    }

    /// How often `pattern` came to stand in memory, as [`Self::appearances`] lists it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn appearance_count(&self, pattern: &[u8]) -> Result<u64, StateError> {
        let mut count = self.find_count_at(0, pattern)?;
        self.completed(pattern, usize::MAX, &mut |part| {
            count += part.len() as u64;
            true
        })?;
        Ok(count)
    }

    fn appearance(&self, tracepoint: Option<u64>, address: u64) -> Result<Appearance, StateError> {
        let of = |t: u64| {
            let pc = CodeAddr::Pc(self.timeline.pc(t)?);
            Ok::<_, StateError>(self.locator.place(&self.timeline, t, pc))
        };
        let place = tracepoint.map(of).transpose()?;
        let symbol = self.symbol_at(tracepoint.map_or(0, |t| t + 1), address);
        Ok(Appearance { tracepoint, place, address, symbol })
    }

    /// Gives what each chunk completed to `take`, in order, as long as that wants more; of
    /// none more than the first `limit` and one. Some chunks are looked through at a time.
    fn completed(
        &self,
        pattern: &[u8],
        limit: usize,
        take: &mut dyn FnMut(Vec<Completed>) -> bool,
    ) -> Result<(), StateError> {
        let timeline = &self.timeline;
        let chunks: Vec<usize> = (0..timeline.chunk_count()).collect();
        let progress = Progress::new("looking through", chunks.len() as u64);
        for batch in chunks.chunks(AT_A_TIME * rayon::current_num_threads()) {
            let found = self.completed_in(batch, pattern, limit)?;
            batch.iter().for_each(|_| progress.step());
            if !found.into_iter().all(&mut *take) {
                break;
            }
        }
        Ok(())
    }

    /// What each of some chunks completed, of none more than the first `limit` and one.
    fn completed_in(
        &self,
        chunks: &[usize],
        pattern: &[u8],
        limit: usize,
    ) -> Result<Vec<Vec<Completed>>, StateError> {
        let timeline = &self.timeline;
        let one = |index: &usize| {
            timeline.interrupt().check()?;
            appeared_in(timeline, *index, pattern, limit.saturating_add(1))
        };
        chunks.par_iter().map(one).collect()
    }
}

/// The appearances of a pattern, some at a time: there may be more than can be held.
pub struct Appearing {
    pattern: Vec<u8>,
    /// From which address on those of the first state are still to be told, if some are.
    first: Option<u64>,
    /// Chunks that were not looked through.
    chunks: Range<usize>,
    /// What those before completed.
    completed: VecDeque<Completed>,
}

impl Appearing {
    /// All of `pattern`, as [`Session::appearances`] lists them.
    pub fn new(session: &Session, pattern: &[u8]) -> Self {
        let chunks = 0..session.timeline.chunk_count();
        let (first, completed) = (Some(0), VecDeque::new());
        Self { pattern: pattern.to_vec(), first, chunks, completed }
    }

    /// The next ones, at most `most`, which may be none; `None` behind the last.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn next(
        &mut self,
        session: &Session,
        most: usize,
    ) -> Result<Option<Vec<Appearance>>, StateError> {
        if let Some(from) = self.first {
            let (found, more) = session.find_bytes_at((0, from), &self.pattern, most)?;
            let behind = found.last().and_then(|last| last.checked_add(1));
            self.first = behind.filter(|_| more);
            let rows = found.into_iter().map(|at| session.appearance(None, at));
            return rows.collect::<Result<_, _>>().map(Some);
        }
        if self.completed.is_empty() {
            if self.chunks.is_empty() {
                return Ok(None);
            }
            let batch = self.chunks.by_ref().take(AT_A_TIME * rayon::current_num_threads());
            let batch: Vec<usize> = batch.collect();
            let found = session.completed_in(&batch, &self.pattern, usize::MAX)?;
            self.completed.extend(found.into_iter().flatten());
        }
        let some = self.completed.drain(..most.min(self.completed.len()));
        some.map(|(t, at)| session.appearance(Some(t), at)).collect::<Result<_, _>>().map(Some)
    }
}
