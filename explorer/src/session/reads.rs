//! The tracepoints that read memory.

use super::places::Places;
use super::{Execution, Session, Window};
use crate::index::{Plans, find_reads};
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

impl Session {
    /// The reads of some of `addresses` around the cursor, of `times`, in order. No index knows them: all
    /// of history may have to be swept over.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn reads(
        &self,
        addresses: &Range<u64>,
        times: Range<u64>,
        window: Window,
    ) -> Result<Vec<Execution>, StateError> {
        let plans = Plans::with_reads(self.timeline.dictionary());
        let some = |times, direction, limit| {
            let mut found = Vec::new();
            if limit > 0 {
                let visit = &mut |t| {
                    found.push(t);
                    let full = found.len() >= limit;
                    if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                };
                find_reads(&self.timeline, &plans, addresses, (times, direction), visit)?;
            }
            Ok::<Vec<u64>, StateError>(found)
        };
        let [earlier, later] = self.around(times);
        let mut all = some(earlier, Direction::Backward, window.past)?;
        all.reverse();
        all.extend(some(later, Direction::Forward, window.future)?);
        let mut places = Places::new(self);
        let read = |tracepoint: u64| {
            let (place, thread) = places.of(tracepoint)?;
            Ok(Execution { tracepoint, thread, place, current: tracepoint == self.cursor })
        };
        all.into_iter().map(read).collect()
    }
}
