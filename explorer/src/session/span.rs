//! Parts of history that hold so many of something around the cursor: of long lists the first
//! row is found before any is made.

use super::{LocationError, Session, Subject, Target, Window};
use crate::index::{Plans, find_reads};
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

/// A part of history whose rows a list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its tracepoints.
    pub times: Range<u64>,
    /// How many of them at most.
    pub left: usize,
    /// Whether there are others before.
    pub more: bool,
}

/// Rows counted back from the cursor.
struct Back {
    wanted: usize,
    count: usize,
    first: Option<u64>,
    more: bool,
}

impl Back {
    fn new(wanted: usize) -> Self {
        Self { wanted, count: 0, first: None, more: false }
    }

    fn take(&mut self, t: u64) -> ControlFlow<()> {
        self.more = self.count == self.wanted;
        if self.more {
            return ControlFlow::Break(());
        }
        (self.count, self.first) = (self.count + 1, Some(t));
        ControlFlow::Continue(())
    }
}

impl Session {
    /// The part of `times` that holds the writes to a subject that `window` asks for.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn written_span(
        &self,
        subject: &Subject,
        times: Range<u64>,
        window: Window,
    ) -> Result<Span, StateError> {
        self.span(times, window, &|times, wanted| {
            let mut back = Back::new(wanted);
            let way = (times, Direction::Backward);
            if let Some(bits) = subject.bits() {
                let (times, way) = way;
                let visit = &mut |((t, _), _)| back.take(t);
                self.each_field_change((subject, bits), times, way, visit)?;
                return Ok(back);
            }
            self.ask_index(|index| {
                back = Back::new(wanted);
                self.moments_of(index, subject, way.clone(), &mut |(t, _)| back.take(t))
            })?;
            Ok(back)
        })
    }

    /// The same of reads of some of `addresses`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn read_span(
        &self,
        addresses: &Range<u64>,
        times: Range<u64>,
        window: Window,
    ) -> Result<Span, StateError> {
        self.span(times, window, &|times, wanted| {
            let mut back = Back::new(wanted);
            let plans = Plans::with_reads(self.timeline.dictionary());
            let way = (times, Direction::Backward);
            find_reads(&self.timeline, &plans, addresses, way, &mut |t| back.take(t))?;
            Ok(back)
        })
    }

    /// The same of executions of a location, and its places.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn executed_span(
        &self,
        location: &str,
        window: Window,
    ) -> Result<(Span, Vec<Target>), LocationError> {
        let targets = self.resolve_passes(location)?;
        let span = self.span(0..self.timeline.end(), window, &|times, wanted| {
            let mut back = Back::new(wanted);
            self.executed_that(&targets, (times, Direction::Backward), 1, &mut |t| {
                // A damaged index is made anew, and asked once more.
                if back.first.is_some_and(|first| first <= t) {
                    back = Back::new(wanted);
                }
                Ok(back.take(t).is_break())
            })?;
            Ok(back)
        })?;
        Ok((span, targets))
    }

    fn span(
        &self,
        times: Range<u64>,
        window: Window,
        back: &dyn Fn(Range<u64>, usize) -> Result<Back, StateError>,
    ) -> Result<Span, StateError> {
        let [earlier, later] = self.around(times);
        let found = match window.past > 0 && !earlier.is_empty() {
            true => back(earlier.clone(), window.past)?,
            false => Back::new(0),
        };
        let end = if window.future > 0 { later.end } else { earlier.end.max(earlier.start) };
        let start = found.first.unwrap_or(later.start.min(end));
        let left = found.count.saturating_add(window.future);
        Ok(Span { times: start..end, left, more: found.more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_back_stops_behind_as_many() {
        let count = |wanted, rows: &[u64]| {
            let mut back = Back::new(wanted);
            let broken = rows.iter().any(|t| back.take(*t).is_break());
            (back.count, back.first, back.more, broken)
        };
        assert_eq!(count(2, &[9, 8, 7]), (2, Some(8), true, true));
        assert_eq!(count(3, &[9, 8, 7]), (3, Some(7), false, false));
        assert_eq!(count(2, &[]), (0, None, false, false));
    }
}
