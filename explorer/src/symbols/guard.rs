//! Barriers around parsing bytes nobody vouches for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Runs a parser; a panic inside it (arithmetic of a library on absurd
/// values) counts as "nothing found".
pub(crate) fn guarded<T: Default>(parse: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(parse)).unwrap_or_default()
}

/// What may still be allocated or walked for one module. Real modules stay
/// far below; a crafted one ends here instead of in memory exhaustion.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU64);

impl Budget {
    /// A budget of so many items.
    pub fn new(items: u64) -> Self {
        Self(AtomicU64::new(items))
    }

    /// Takes `items`; false when the budget is spent.
    pub fn take(&self, items: u64) -> bool {
        let spend = |left: u64| left.checked_sub(items);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }
}
