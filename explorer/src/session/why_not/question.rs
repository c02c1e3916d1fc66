//! What one question looks at: a stretch of history, and one thread of it.

use crate::session::Session;
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

/// Executions of a branch that are counted.
pub(super) const MAX_COUNTED: usize = 10_000;

/// What one question is about.
pub(super) struct Question {
    /// The tracepoints that are looked at.
    pub times: Range<u64>,
    /// Where the tracepoints before the cursor that are looked at begin: behind what is asked
    /// for, if that ran.
    pub since: u64,
    /// The thread; none if there is only one.
    pub thread: Option<u32>,
    /// How many more places may be looked at.
    pub left: usize,
}

impl Session {
    /// Calls `visit` with the tracepoints of `times` at which the question's thread executes one
    /// of `addresses` (ascending), until it breaks.
    pub(super) fn each_execution(
        &self,
        question: &Question,
        addresses: &[u64],
        (times, direction): (Range<u64>, Direction),
        visit: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let own = |t: u64| {
            question.thread.is_none_or(|id| self.timeline.thread(t).is_ok_and(|of| of == id))
        };
        self.ask_index(|index| {
            index.executions(&self.timeline, times.clone(), direction, addresses, &mut |t| {
                if own(t) { visit(t) } else { ControlFlow::Continue(()) }
            })
        })
    }

    /// The nearest tracepoint of `times` in `direction` at which the question's thread executes
    /// one of `addresses` (ascending).
    pub(super) fn executed_among(
        &self,
        question: &Question,
        addresses: &[u64],
        times: Range<u64>,
        direction: Direction,
    ) -> Result<Option<u64>, StateError> {
        let mut found = None;
        self.each_execution(question, addresses, (times, direction), &mut |t| {
            found = Some(t);
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// How often the question's thread executes `address` in its time; of more than
    /// [`MAX_COUNTED`] times, one more.
    pub(super) fn executed_times(
        &self,
        question: &Question,
        address: u64,
    ) -> Result<usize, StateError> {
        let mut count = 0;
        let span = (question.times.clone(), Direction::Forward);
        self.each_execution(question, &[address], span, &mut |_| {
            count += 1;
            if count <= MAX_COUNTED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(count)
    }
}
