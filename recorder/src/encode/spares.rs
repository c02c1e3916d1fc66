//! Drafts whose buffers serve again.

use rdb_schema::draft::Draft;
use std::sync::{Arc, Mutex, PoisonError};

/// Most drafts kept: as many as fit in flight at once.
const MOST: usize = 4;

/// Drafts that were encoded. The last one comes back first: its memory is there, and
/// as few as possible are used at all.
#[derive(Clone, Default)]
pub(super) struct Spares(Arc<Mutex<Vec<Draft>>>);

impl Spares {
    /// Keeps a draft, unless there are enough.
    pub(super) fn put(&self, draft: Draft) {
        let mut drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if drafts.len() < MOST {
            drafts.push(draft);
        }
    }

    /// A draft, or a new one.
    pub(super) fn take(&self) -> Draft {
        let mut drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.pop().unwrap_or_default()
    }
}
