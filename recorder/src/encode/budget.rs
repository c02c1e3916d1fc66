//! What the pipeline may hold at a time, from a job's submission until its frames
//! are written: a job that takes long holds up the frames of those behind it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often a waiting thread looks whether another has failed.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes that jobs in flight may take.
pub(super) struct Budget {
    limit: usize,
    used: Mutex<usize>,
    freed: Condvar,
}

/// A job's share of the budget; given back when it is dropped.
pub(super) struct Share {
    bytes: usize,
    budget: Arc<Budget>,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: Mutex::new(0), freed: Condvar::new() })
    }

    /// Waits until `bytes` fit, or nothing else is in flight, or `failed`: then nothing
    /// may ever be given back.
    pub(super) fn take(self: &Arc<Self>, bytes: usize, failed: &AtomicBool) -> Share {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while self.is_full(*used, bytes) && !failed.load(Ordering::Acquire) {
            let waited = self.freed.wait_timeout(used, LOOK);
            used = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *used += bytes;
        Share { bytes, budget: Arc::clone(self) }
    }

    /// Whether [`Self::take`] would wait.
    pub(super) fn has_no_room(&self, bytes: usize) -> bool {
        self.is_full(*self.used.lock().unwrap_or_else(PoisonError::into_inner), bytes)
    }

    fn is_full(&self, used: usize, bytes: usize) -> bool {
        used > 0 && used + bytes > self.limit
    }

    /// A share for what is at work already, whether or not it fits.
    pub(super) fn note(self: &Arc<Self>, bytes: usize) -> Share {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        Share { bytes, budget: Arc::clone(self) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn what_does_not_fit_waits_until_something_is_given_back() {
        let budget = Budget::new(100);
        let fine = AtomicBool::new(false);
        let (first, second) = (budget.take(60, &fine), budget.take(40, &fine));
        let same = Arc::clone(&budget);
        let waiting = std::thread::spawn(move || drop(same.take(200, &AtomicBool::new(false))));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waiting.is_finished());
        assert!(budget.has_no_room(1));
        let third = budget.note(1);
        drop((first, second, third));
        waiting.join().unwrap();
    }

    #[test]
    fn nobody_waits_for_what_was_lost() {
        let budget = Budget::new(100);
        let lost = budget.note(100);
        drop(budget.take(1, &AtomicBool::new(true)));
        drop(lost);
    }
}
