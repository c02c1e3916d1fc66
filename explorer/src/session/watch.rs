//! Watchpoints: stops where something is written that changes what it holds.

use super::stop::Stop;
use super::{Session, Subject};
use crate::timeline::{Direction, StateError};

/// A write that a watchpoint stops at.
pub(super) struct Triggered {
    /// The state to stop at: behind the write or, going back, before it.
    pub state: u64,
    /// The watchpoint's number.
    pub number: u32,
    /// Why, without the watchpoint's expression, which the session knows.
    pub stop: Stop,
}

impl Session {
    /// The first watchpoint that the way from the cursor to state `target` meets.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn first_watch(
        &self,
        target: u64,
        direction: Direction,
    ) -> Result<Option<Triggered>, StateError> {
        let mut nearest: Option<Triggered> = None;
        for (number, subject) in self.breakpoints.watches() {
            let limit = nearest.as_ref().map_or(target, |found| found.state);
            if let Some(found) = self.trigger(number, subject, limit, direction)? {
                nearest = Some(found);
            }
        }
        Ok(nearest)
    }

    fn trigger(
        &self,
        number: u32,
        subject: &Subject,
        target: u64,
        direction: Direction,
    ) -> Result<Option<Triggered>, StateError> {
        let mut times = match direction {
            Direction::Forward => self.cursor..target,
            Direction::Backward => target..self.cursor,
        };
        while let Some((moment, old, new)) = self.next_write(subject, times.clone(), direction)? {
            if old != new {
                let state = match direction {
                    Direction::Forward => moment + 1,
                    Direction::Backward => moment,
                };
                let expression = String::new();
                let stop = Stop::Watch { number, expression, tracepoint: moment, old, new };
                return Ok(Some(Triggered { state, number, stop }));
            }
            match direction {
                Direction::Forward => times.start = moment + 1,
                Direction::Backward => times.end = moment,
            }
        }
        Ok(None)
    }
}
