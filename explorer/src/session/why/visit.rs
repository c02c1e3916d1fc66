//! Visits of source lines: tracepoints between which nothing else was executed.

use crate::session::places::Places;
use crate::session::{Place, Session};
use crate::timeline::StateError;
use std::sync::Arc;

/// Most instructions between two of one visit.
const MAX_DISTANCE: u64 = 64;

/// Places of tracepoints, compared by line.
pub struct Visits<'s> {
    places: Places<'s>,
}

impl<'s> Visits<'s> {
    /// Of a session's history.
    pub fn new(session: &'s Session) -> Self {
        Self { places: Places::new(session) }
    }

    /// Where a tracepoint is.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn place(&mut self, t: u64) -> Result<Arc<Place>, StateError> {
        Ok(self.places.of(t)?.0)
    }

    /// Whether nothing but one line, or one function without lines, was executed from
    /// `first` to `last`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn is_same(&mut self, first: u64, last: u64) -> Result<bool, StateError> {
        if first > last || last - first > MAX_DISTANCE {
            return Ok(false);
        }
        let mut wanted = self.place(last)?;
        if wanted.function.is_none() && wanted.line.is_none() {
            return Ok(first == last);
        }
        let mut next = wanted.pc;
        for t in (first..last).rev() {
            let place = self.place(t)?;
            // A jump back begins the next round of a loop: another visit.
            if place.function != wanted.function || place.pc >= next {
                return Ok(false);
            }
            next = place.pc;
            // Code of no line belongs to those around it (DWARF 5, 6.2.2: line 0).
            if wanted.line.is_none() {
                wanted = place;
            } else if place.line.is_some() && !same_line(&place, &wanted) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn same_line(a: &Place, b: &Place) -> bool {
    a.line == b.line && a.file == b.file
}
