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
        let one = |index: &usize| {
            timeline.interrupt().check()?;
            let found = appeared_in(timeline, *index, pattern, limit.saturating_add(1));
            progress.step();
            found
        };
        for batch in chunks.chunks(2 * rayon::current_num_threads()) {
            let found: Vec<Vec<Completed>> = batch.par_iter().map(one).collect::<Result<_, _>>()?;
            if !found.into_iter().all(&mut *take) {
                break;
            }
        }
        Ok(())
    }
}
