//! Questions to the index of the session's timeline.

use super::Session;
use crate::index::{Index, IndexError};
use crate::timeline::{Direction, StateError};

/// Chunks that are searched without an index.
pub(super) const NEAR: usize = 32;

impl Session {
    /// Asks the index, which is built if there is none. One that turns out to be
    /// damaged is made anew, and asked once more.
    ///
    /// # Errors
    /// The history's.
    pub fn ask_index<T>(
        &self,
        question: impl FnMut(&Index) -> Result<T, IndexError>,
    ) -> Result<T, StateError> {
        self.timeline.ask_index(question)
    }

    /// Sees to it that there is an index; how many bytes it takes, and whether it stands
    /// beside the trace. What the user should know if not, he is told.
    ///
    /// # Errors
    /// The history's.
    pub fn make_index(&self) -> Result<(u64, bool), StateError> {
        let bytes = self.ask_index(|index| Ok(index.file_bytes()))?;
        let kept = Index::existing(&self.timeline).is_some();
        if !kept {
            self.notice("the index cannot be kept beside the trace".to_owned());
        }
        Ok((bytes, kept))
    }

    /// The nearest state after (before) `from` whose pc is one of `pcs` (ascending).
    /// What is near needs no index; for more, one is built.
    ///
    /// # Errors
    /// The history's.
    pub(super) fn find_pc(
        &self,
        from: u64,
        direction: Direction,
        pcs: &[u64],
    ) -> Result<Option<u64>, StateError> {
        let few = self.timeline.chunk_count() <= NEAR;
        if few && self.timeline.ready_index().is_none() {
            let interrupted = || self.interrupt.raised();
            return self.timeline.find_pc(None, from, direction, pcs, &interrupted);
        }
        if self.timeline.ready_index().is_none()
            && let Some(found) = self.find_near(from, direction, pcs)?
        {
            return Ok(Some(found));
        }
        self.ask_index(|index| index.find_pc(&self.timeline, from, direction, pcs))
    }

    /// The same in the nearest chunks.
    fn find_near(
        &self,
        from: u64,
        direction: Direction,
        pcs: &[u64],
    ) -> Result<Option<u64>, StateError> {
        let here = self.timeline.chunk_at(from)?;
        for step in 0..NEAR {
            if self.interrupt.raised() {
                return Err(StateError::Interrupted);
            }
            let (index, range) = match direction {
                Direction::Forward => (here.checked_add(step), from.saturating_add(1)..u64::MAX),
                Direction::Backward => (here.checked_sub(step), 0..from),
            };
            let Some(index) = index.filter(|i| *i < self.timeline.chunk_count()) else { break };
            let found = self.timeline.find_pc_in(index, range, direction, pcs)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Something that the user should know.
    pub(super) fn notice(&self, text: String) {
        self.notices.borrow_mut().push(text);
    }

    /// What the user should know since this was last asked.
    pub fn take_notices(&self) -> Vec<String> {
        let mut notices = self.timeline.take_index_notices();
        notices.extend(self.notices.take());
        notices
    }
}
