//! Ignore counts: breakpoints that history passes by a number of times. Searches look ahead, so
//! nothing is counted where it is found: a breakpoint with a count of k is due at its (k + 1)th
//! crossing from the cursor, and when a motion ends, what it crossed is taken off the count.

use super::breakpoint::Breakpoint;
use super::{Session, Stop};
use crate::timeline::{Direction, StateError};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};

/// Where breakpoints that are to be ignored for a while are due, in each direction from the
/// cursor.
#[derive(Default)]
pub(super) struct Due(RefCell<HashMap<(u32, bool), Option<u64>>>);

impl Due {
    /// Forgets all of it: the cursor moved, or a breakpoint changed.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

impl Session {
    /// Lets history pass a breakpoint or watchpoint by, that often; the breakpoint, if there is
    /// one of this number.
    pub fn ignore(&mut self, number: u32, count: u64) -> Option<&Breakpoint> {
        self.due.clear();
        let found = self.breakpoints.get_mut(number)?;
        found.ignore = count;
        Some(found)
    }

    /// Whether a breakpoint that is crossed at `state` has been ignored often enough by then.
    pub(super) fn is_due(&self, breakpoint: &Breakpoint, state: u64) -> bool {
        if breakpoint.ignore == 0 {
            return true;
        }
        let forward = state >= self.cursor;
        let key = (breakpoint.number, forward);
        let known = self.due.0.borrow().get(&key).copied();
        let due = known.unwrap_or_else(|| {
            // Who asks polls the interrupt flag as well.
            let found = self.find_due(breakpoint, forward).unwrap_or(None);
            self.due.0.borrow_mut().insert(key, found);
            found
        });
        due.is_some_and(|due| if forward { state >= due } else { state <= due })
    }

    fn find_due(&self, breakpoint: &Breakpoint, forward: bool) -> Result<Option<u64>, StateError> {
        let most = breakpoint.ignore.saturating_add(1);
        let (count, last) = if forward {
            let states = self.cursor.saturating_add(1)..self.timeline.end() + 1;
            self.crossings(breakpoint, states, Direction::Forward, most)?
        } else {
            self.crossings(breakpoint, 0..self.cursor, Direction::Backward, most)?
        };
        Ok(last.filter(|_| count == most))
    }

    /// How often a breakpoint is crossed in `states`, counted up to `most`, and where last.
    fn crossings(
        &self,
        breakpoint: &Breakpoint,
        states: Range<u64>,
        way: Direction,
        most: u64,
    ) -> Result<(u64, Option<u64>), StateError> {
        if states.is_empty() || breakpoint.targets.is_empty() || most == 0 {
            return Ok((0, None));
        }
        let end = self.timeline.end();
        let (mut count, mut last) = (0, None);
        let times = states.start..states.end.min(end);
        self.crossed((&[breakpoint], most), times, way, &mut |t| {
            (count, last) = (count + 1, Some(t));
            Ok(if count < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        // The last state is no tracepoint, but has a place.
        if count < most
            && way == Direction::Forward
            && states.contains(&end)
            && self.crosses(breakpoint, end, self.timeline.pc(end)?)?
        {
            (count, last) = (count + 1, Some(end));
        }
        Ok((count, last))
    }

    /// Takes what the motion from state `from` to the cursor crossed off the counts.
    pub(super) fn pass(&mut self, from: u64, way: Direction) -> Result<(), StateError> {
        let (states, times) = match way {
            Direction::Forward => (from + 1..self.cursor + 1, from..self.cursor),
            Direction::Backward => (self.cursor..from, self.cursor..from),
        };
        let mut passed = Vec::new();
        for one in self.breakpoints.active().filter(|one| one.ignore > 0) {
            let count = match &one.watch {
                Some(watch) => self.nth_trigger(one, watch, times.clone(), way, one.ignore)?.0,
                None => self.crossings(one, states.clone(), way, one.ignore)?.0,
            };
            passed.push((one.number, count));
        }
        passed.into_iter().for_each(|(number, count)| self.breakpoints.pass(number, count));
        Ok(())
    }

    /// Deletes the temporary ones, and disables those enabled once, of the breakpoints that
    /// history stopped at.
    pub(super) fn delete_temporary(&mut self) {
        let stops = std::iter::once(&self.stop).chain(&self.also);
        let numbers: Vec<u32> = stops
            .flat_map(|stop| match stop {
                Stop::Breakpoint { breakpoints } => breakpoints.clone(),
                Stop::Watch { number, .. } => vec![*number],
                _ => Vec::new(),
            })
            .collect();
        let temporary = |n: &u32| self.breakpoints.get(*n).is_some_and(|one| one.temporary);
        let is_once = |n: &u32| self.breakpoints.get(*n).is_some_and(|one| one.once);
        let once: Vec<u32> = numbers.iter().copied().filter(is_once).collect();
        let goes: Vec<u32> = numbers.into_iter().filter(temporary).collect();
        self.breakpoints.delete(Some(&goes));
        self.breakpoints.enable(Some(&once), false);
    }
}
