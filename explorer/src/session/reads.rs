//! The tracepoints that read memory.

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
        let [earlier, later] = self.around(times);
        let of = (addresses, &plans);
        let mut all = self.read_in(of, earlier, Direction::Backward, window.past)?;
        all.reverse();
        all.extend(self.read_in(of, later, Direction::Forward, window.future)?);
        self.executions_at(all, &[])
    }

    /// The first reads of some of `addresses` in `times`, in order: at most `limit`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn reads_in(
        &self,
        addresses: &Range<u64>,
        times: Range<u64>,
        limit: usize,
    ) -> Result<Vec<Execution>, StateError> {
        let plans = Plans::with_reads(self.timeline.dictionary());
        let all = self.read_in((addresses, &plans), times, Direction::Forward, limit)?;
        self.executions_at(all, &[])
    }

    /// At most `limit` tracepoints of `times` that read some of the addresses, in `direction`.
    fn read_in(
        &self,
        (addresses, plans): (&Range<u64>, &Plans<'_>),
        times: Range<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<u64>, StateError> {
        let mut found = Vec::new();
        if limit > 0 {
            find_reads(&self.timeline, plans, addresses, (times, direction), &mut |t| {
                found.push(t);
                let full = found.len() >= limit;
                if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        Ok(found)
    }
}
