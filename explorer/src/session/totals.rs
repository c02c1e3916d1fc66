//! How many there are, where nobody wants to see them.

use super::{LocationError, Session, Subject, Target};
use crate::index::{Plans, find_reads};
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

impl Session {
    /// How often a location is executed in `times`.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn execution_count(&self, location: &str, times: Range<u64>) -> Result<u64, LocationError> {
        Ok(self.count_executed(&self.resolve_passes(location)?, times)?)
    }

    /// How often a function is called in `times`.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn call_count(&self, function: &str, times: Range<u64>) -> Result<u64, LocationError> {
        Ok(self.count_executed(&self.entries_of(function)?, times)?)
    }

    fn count_executed(&self, targets: &[Target], times: Range<u64>) -> Result<u64, StateError> {
        let (mut count, mut last) = (0, None);
        let times = (times, Direction::Forward);
        self.executed_that(targets, times, usize::MAX, &mut |t| {
            self.interrupt.check()?;
            // An index that turns out to be damaged is asked anew, from the start.
            count = if last.replace(t) >= Some(t) { 1 } else { count + 1 };
            Ok(false)
        })?;
        Ok(count)
    }

    /// How many tracepoints of `times` read some of `addresses`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn read_count(&self, addresses: &Range<u64>, times: Range<u64>) -> Result<u64, StateError> {
        let plans = Plans::with_reads(self.timeline.dictionary());
        let mut count = 0;
        let times = (times, Direction::Forward);
        find_reads(&self.timeline, &plans, addresses, times, &mut |_| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// How many tracepoints of `times` wrote to a subject.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn modification_count(
        &self,
        subject: &Subject,
        times: Range<u64>,
    ) -> Result<u64, StateError> {
        if let Some(bits) = subject.bits() {
            let mut count = 0;
            self.each_field_change((subject, bits), times, Direction::Forward, &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            })?;
            return Ok(count);
        }
        self.ask_index(|index| {
            let mut count = 0;
            let times = (times.clone(), Direction::Forward);
            self.moments_of(index, subject, times, &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            })?;
            Ok(count)
        })
    }
}
