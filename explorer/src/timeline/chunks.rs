//! Decoded chunks, from the cache or the file.

use super::{StateError, Timeline};
use crate::trace::{BlockPlans, ChunkPlace, ChunkView, Unreadable, path_weight};
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::message::ChunkState;
use std::sync::Arc;

/// About how many bytes one mapping takes in memory.
pub(super) const MAPPING_BYTES: usize = 256;

impl Timeline {
    /// How many chunks it has; their indexes are below.
    pub fn chunk_count(&self) -> usize {
        self.trace.chunks().len()
    }

    /// The places of its chunks, by ascending tracepoint.
    pub fn chunk_places(&self) -> &[ChunkPlace] {
        self.trace.chunks()
    }

    /// Index of the chunk that holds state `t`; the end state is in the last.
    ///
    /// # Errors
    /// [`StateError::OutOfRange`].
    pub fn chunk_at(&self, t: u64) -> Result<usize, StateError> {
        if t > self.end() {
            return Err(StateError::OutOfRange(t, self.end()));
        }
        Ok(self.trace.chunk_at(t))
    }

    /// The blocks that its chunks name.
    pub fn dictionary(&self) -> &Dictionary {
        self.trace.dictionary()
    }

    /// What replays its blocks.
    pub fn plans(&self) -> &BlockPlans {
        self.plans.get_or_init(|| BlockPlans::new(self.dictionary()))
    }

    /// Chunk `index`, decoded anew.
    ///
    /// # Errors
    /// [`StateError::Damaged`].
    pub fn chunk(&self, index: usize) -> Result<Chunk, StateError> {
        let place = self.place(index)?;
        self.trace.chunk(place).map_err(|e| damaged(place, e))
    }

    /// The pages whose content is kept as it stood at state `t`, ascending.
    pub fn pages_kept_at(&self, t: u64) -> impl Iterator<Item = u64> {
        let versions = self.trace.versions();
        let both = versions.pages.iter().zip(&versions.states);
        both.filter(move |(_, state)| **state == t).map(|(page, _)| *page)
    }

    /// Chunk `index`, decoded and replayed. Parts of it may be unsound: see
    /// [`ChunkView::check`].
    ///
    /// # Errors
    /// [`StateError::Damaged`].
    pub fn chunk_view(&self, index: usize) -> Result<Arc<ChunkView>, StateError> {
        self.views.get_or(index, || {
            let place = self.place(index)?;
            let chunk = self.trace.chunk(place).map_err(|e| damaged(place, e))?;
            let next = self.following(index);
            let next = next.as_ref().map(|c| &c.keyframe);
            let view = Arc::new(ChunkView::new(chunk, self.dictionary(), self.plans(), next));
            let weight = view.weight();
            Ok((view, weight))
        })
    }

    /// The path of the chunk in which the thread of chunk `index` goes on, if it can be read.
    pub(crate) fn following(&self, index: usize) -> Option<Arc<Chunk>> {
        self.chunk_path(self.schedule().follower(index)?).ok()
    }

    /// Replays the chunk of state `t`, and reads at the same time where the one before it of the
    /// same thread goes: the functions that run at `t` were often entered there.
    pub fn prepare(&self, t: u64) {
        let Ok(index) = self.chunk_at(t) else { return };
        let before = self.schedule().of(index).and_then(|thread| thread.before(index));
        if let Some(before) = before.filter(|_| !self.has_view(index)) {
            // Whoever asks for them is told what is wrong with them.
            let _ = rayon::join(|| self.chunk_view(index), || self.chunk_path(before));
        }
    }

    /// Whether chunk `index` is at hand, replayed.
    pub fn has_view(&self, index: usize) -> bool {
        self.views.get(index).is_some()
    }

    /// Chunk `index`, of which only path, blocks and keyframe are sure to be there.
    ///
    /// # Errors
    /// [`StateError::Damaged`].
    pub fn chunk_path(&self, index: usize) -> Result<Arc<Chunk>, StateError> {
        if let Some(view) = self.views.get(index) {
            return Ok(view.chunk().clone());
        }
        self.paths.get_or(index, || {
            let place = self.place(index)?;
            let chunk = self.trace.chunk_path(place).map_err(|e| damaged(place, e))?;
            let weight = path_weight(&chunk);
            Ok((Arc::new(chunk), weight))
        })
    }

    pub(super) fn chunk_start(&self, index: usize) -> Result<Arc<ChunkState>, StateError> {
        self.starts.get_or(index, || {
            let place = self.place(index)?;
            let state = self.trace.chunk_state(place).map_err(|e| damaged(place, e))?;
            let weight = state.space.iter().count() * MAPPING_BYTES + 4096;
            Ok((Arc::new(state), weight))
        })
    }

    pub(super) fn place(&self, index: usize) -> Result<&ChunkPlace, StateError> {
        let end = self.end();
        self.trace.chunks().get(index).ok_or(StateError::OutOfRange(end, end))
    }
}

/// The error of a chunk that cannot be decoded.
pub(super) fn damaged(place: &ChunkPlace, why: Unreadable) -> StateError {
    StateError::Damaged(place.first, place.end(), why.0)
}
