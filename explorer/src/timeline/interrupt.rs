//! Asking a long query to stop.

use super::StateError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that a signal handler or another thread raises, and queries poll.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks the running query to stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Takes the request back, before the next query.
    pub fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Nothing, unless somebody asked.
    ///
    /// # Errors
    /// [`StateError::Interrupted`].
    pub fn check(&self) -> Result<(), StateError> {
        if self.raised() { Err(StateError::Interrupted) } else { Ok(()) }
    }

    /// Whether somebody asked.
    pub fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
