//! The session's index: opened or built when a question first needs it.

use super::Session;
use crate::index::{Index, IndexError};
use crate::timeline::{Direction, StateError};
use std::cell::RefCell;
use std::rc::Rc;

/// Chunks that are searched without an index.
const NEAR: usize = 32;

/// The index, once there is one.
#[derive(Default)]
pub(super) struct Held {
    index: RefCell<Option<Rc<Index>>>,
    notices: RefCell<Vec<String>>,
}

impl Session {
    /// Asks the index, which is built if there is none. One that turns out to be
    /// damaged is made anew, and asked once more.
    ///
    /// # Errors
    /// The history's.
    pub fn ask_index<T>(
        &self,
        mut question: impl FnMut(&Index) -> Result<T, IndexError>,
    ) -> Result<T, StateError> {
        match question(&*self.index()?) {
            Err(IndexError::Damaged) => {
                let made = Rc::new(Index::make(&self.timeline)?);
                let notice = "the index of this trace is damaged: it is made anew".to_owned();
                self.notice(notice);
                self.held.index.replace(Some(made.clone()));
                Ok(question(&made)?)
            }
            answer => Ok(answer?),
        }
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
        if few && self.ready_index().is_none() {
            let interrupted = || self.interrupt.raised();
            return self.timeline.find_pc(None, from, direction, pcs, &interrupted);
        }
        if self.ready_index().is_none()
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

    /// The index, if it needs not be built.
    fn ready_index(&self) -> Option<Rc<Index>> {
        let mut held = self.held.index.borrow_mut();
        if held.is_none() {
            *held = Index::existing(&self.timeline).map(Rc::new);
        }
        held.clone()
    }

    fn index(&self) -> Result<Rc<Index>, StateError> {
        if let Some(index) = &*self.held.index.borrow() {
            return Ok(index.clone());
        }
        let (index, notice) = Index::open(&self.timeline)?;
        self.held.notices.borrow_mut().extend(notice);
        let index = Rc::new(index);
        self.held.index.replace(Some(index.clone()));
        Ok(index)
    }

    /// Something that the user should know.
    pub(super) fn notice(&self, text: String) {
        self.held.notices.borrow_mut().push(text);
    }

    /// What the user should know since this was last asked.
    pub fn take_notices(&self) -> Vec<String> {
        self.held.notices.take()
    }
}
