//! A timeline's index: opened or built when a question first needs it.

use super::{StateError, Timeline};
use crate::index::{Index, IndexError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The index, once there is one, and what the user should know of it.
#[derive(Default)]
pub(super) struct Held {
    index: Mutex<Option<Arc<Index>>>,
    notices: Mutex<Vec<String>>,
}

impl Timeline {
    /// Asks the index, which is built if there is none. One that turns out to be
    /// damaged is made anew, and asked once more.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn ask_index<T>(
        &self,
        mut question: impl FnMut(&Index) -> Result<T, IndexError>,
    ) -> Result<T, StateError> {
        let index = self.index()?;
        match question(&index) {
            Err(IndexError::Damaged) => Ok(question(&*self.remake(&index)?)?),
            answer => Ok(answer?),
        }
    }

    /// The index, if it needs not be built.
    pub fn ready_index(&self) -> Option<Arc<Index>> {
        let mut held = lock(&self.held.index);
        if held.is_none() {
            *held = Index::existing(self).map(Arc::new);
        }
        held.clone()
    }

    /// Who asks meanwhile waits for the one that is being built.
    fn index(&self) -> Result<Arc<Index>, StateError> {
        let mut held = lock(&self.held.index);
        if let Some(index) = &*held {
            return Ok(index.clone());
        }
        let (index, notice) = Index::open(self)?;
        lock(&self.held.notices).extend(notice);
        Ok(held.insert(Arc::new(index)).clone())
    }

    /// Another in the place of a damaged one, unless somebody made that already.
    fn remake(&self, damaged: &Arc<Index>) -> Result<Arc<Index>, StateError> {
        let mut held = lock(&self.held.index);
        if let Some(index) = held.as_ref().filter(|index| !Arc::ptr_eq(index, damaged)) {
            return Ok(index.clone());
        }
        let notice = "the index of this trace is damaged: it is made anew".to_owned();
        let made = Arc::new(Index::make(self)?);
        lock(&self.held.notices).push(notice);
        Ok(held.insert(made).clone())
    }

    /// What the user should know of the index since this was last asked.
    pub fn take_index_notices(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.held.notices))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change leaves it consistent, so a panic elsewhere does no harm.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
