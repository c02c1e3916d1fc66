//! Watchpoints: stops where something is written or read.

use super::breakpoint::{Access, Breakpoint, Watch};
use super::stop::Stop;
use super::value::Bytes;
use super::{Session, Subject};
use crate::index::{Plans, find_read};
use crate::timeline::{Direction, StateError};
use std::ops::Range;

/// A write that a watchpoint stops at.
pub(super) struct Triggered {
    /// The state to stop at: behind the write or, going back, before it.
    pub state: u64,
    /// The tracepoint that writes or reads.
    pub moment: u64,
    /// The watchpoint's number.
    pub number: u32,
    /// Why, without the watchpoint's expression, which the session knows.
    pub stop: Stop,
    /// What is wrong with the watchpoint's condition, if it stops because of that.
    pub fault: Option<String>,
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
        for (breakpoint, Watch { subject, access }) in self.breakpoints.watches() {
            let number = breakpoint.number;
            if *access != Access::Read {
                let times = self.way(&nearest, target, direction);
                let changes = *access == Access::Write;
                let find = |times| self.trigger(number, subject, times, direction, changes);
                nearest = self.first_that_holds(breakpoint, times, direction, find)?.or(nearest);
            }
            if *access != Access::Write {
                let times = self.way(&nearest, target, direction);
                let find = |times| self.read_trigger(number, subject, times, direction);
                nearest = self.first_that_holds(breakpoint, times, direction, find)?.or(nearest);
            }
        }
        Ok(nearest)
    }

    /// The first of what `find` finds after which the condition of `breakpoint` holds.
    fn first_that_holds(
        &self,
        breakpoint: &Breakpoint,
        mut times: Range<u64>,
        direction: Direction,
        find: impl Fn(Range<u64>) -> Result<Option<Triggered>, StateError>,
    ) -> Result<Option<Triggered>, StateError> {
        while let Some(mut found) = find(times.clone())? {
            if self.interrupt.raised() {
                return Err(StateError::Interrupted);
            }
            let after = match direction {
                Direction::Forward => found.state,
                Direction::Backward => found.state.saturating_add(1),
            };
            let thread = self.timeline.thread(found.moment)?;
            if let Some(hit) = self.verdict(breakpoint, thread, after) {
                found.fault = hit.fault;
                return Ok(Some(found));
            }
            match direction {
                Direction::Forward => times.start = found.state,
                Direction::Backward => times.end = found.state,
            }
        }
        Ok(None)
    }

    /// The tracepoints from the cursor to `target`, or to what was found nearer.
    fn way(&self, nearest: &Option<Triggered>, target: u64, direction: Direction) -> Range<u64> {
        match (direction, nearest) {
            (Direction::Forward, None) => self.cursor..target,
            (Direction::Backward, None) => target..self.cursor,
            // The same tracepoint would say nothing new.
            (Direction::Forward, Some(found)) => self.cursor..found.state.saturating_sub(1),
            (Direction::Backward, Some(found)) => found.state.saturating_add(1)..self.cursor,
        }
    }

    /// The first read on the way.
    fn read_trigger(
        &self,
        number: u32,
        subject: &Subject,
        times: Range<u64>,
        direction: Direction,
    ) -> Result<Option<Triggered>, StateError> {
        let Some(addresses) = subject.addresses() else { return Ok(None) };
        let plans = Plans::with_reads(self.timeline.dictionary());
        let found = find_read(&self.timeline, &plans, &addresses, times, direction)?;
        let Some(moment) = found else { return Ok(None) };
        let length = addresses.end.saturating_sub(addresses.start) as usize;
        let value = self.timeline.memory(moment, addresses.start, length)?;
        Ok(Some(triggered(number, moment, direction, (value.clone(), value))))
    }

    fn trigger(
        &self,
        number: u32,
        subject: &Subject,
        mut times: Range<u64>,
        direction: Direction,
        changes: bool,
    ) -> Result<Option<Triggered>, StateError> {
        while let Some((moment, old, new)) = self.next_write(subject, times.clone(), direction)? {
            if old != new || !changes {
                return Ok(Some(triggered(number, moment, direction, (old, new))));
            }
            match direction {
                Direction::Forward => times.start = moment + 1,
                Direction::Backward => times.end = moment,
            }
        }
        Ok(None)
    }
}

fn triggered(
    number: u32,
    moment: u64,
    direction: Direction,
    (old, new): (Bytes, Bytes),
) -> Triggered {
    let state = match direction {
        Direction::Forward => moment + 1,
        Direction::Backward => moment,
    };
    let stop = Stop::Watch { number, expression: String::new(), tracepoint: moment, old, new };
    Triggered { state, moment, number, stop, fault: None }
}
