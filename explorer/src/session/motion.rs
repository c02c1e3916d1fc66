//! Moving the cursor.

use super::signal::{SignalStop, stops};
use super::stop::Stop;
use super::{Session, natural_stop};
use crate::timeline::{Direction, StateError};
use rdb_schema::event::EventKind;
use std::ops::{ControlFlow, Range};

/// States a walk visits between two looks at the interrupt flag.
const POLL: u64 = 1 << 14;

impl Session {
    /// Moves to tracepoint `target`.
    ///
    /// # Errors
    /// When there is no such tracepoint, or it cannot be read.
    pub fn jump(&mut self, target: u64) -> Result<(), StateError> {
        self.timeline.pc(target)?;
        self.timeline.prepare(target);
        self.arrive(target, Stop::Jump);
        Ok(())
    }

    /// Moves to the nearest breakpoint or signal, else to the end of history.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub fn run(&mut self, direction: Direction) -> Result<(), StateError> {
        let (target, stop) = match self.next_breakpoint(self.cursor, direction)? {
            Some(state) => (state, Stop::Breakpoint { breakpoints: Vec::new() }),
            None => (self.edge(direction), Stop::Step),
        };
        self.finish(target, stop, direction)
    }

    /// Whether history stops at a breakpoint at `pc` at `state`.
    pub(super) fn is_hit(&self, state: u64, pc: u64) -> bool {
        !self.hits(state, pc).is_empty()
    }

    pub(super) fn module_at(&self, state: u64, pc: u64) -> Option<u32> {
        self.image_at(state, pc).map(|image| image.module)
    }

    /// Where history ends in a direction.
    pub(super) fn edge(&self, direction: Direction) -> u64 {
        match direction {
            Direction::Forward => self.timeline.end(),
            Direction::Backward => 0,
        }
    }

    /// Arrives at `target`, or at the first signal on the way there.
    pub(super) fn finish(
        &mut self,
        target: u64,
        stop: Stop,
        way: Direction,
    ) -> Result<(), StateError> {
        let (mut target, mut stop, mut fault) = (target, stop, None);
        if let Some(hit) = self.others_breakpoint(target, &stop, way)? {
            (target, stop) = (hit, Stop::Breakpoint { breakpoints: Vec::new() });
        }
        if let Some((state, left)) = self.first_scope(target, way) {
            (target, stop) = (state, left);
        }
        if let Some(mut found) = self.first_watch(target, way)? {
            fault = found.fault.take();
            (target, stop) = (found.state, found.stop);
        }
        if way == Direction::Forward
            && let Some(signal) = self.nearest_signal(self.cursor..target, way)?
        {
            target = (signal.at + 1).min(self.timeline.end());
            (stop, fault) = (Stop::Signal(signal), None);
        }
        self.timeline.pc(target)?;
        let from = self.cursor;
        self.arrive(target, stop);
        self.faults.extend(fault);
        self.also.extend(self.triggered_too(way)?);
        self.count_watches();
        self.pass(from, way)?;
        self.delete_temporary();
        self.end_scopes(from, way);
        Ok(())
    }

    /// Counts the watchpoints that stopped here, and finds the words for what they saw.
    fn count_watches(&mut self) {
        let mut also = std::mem::take(&mut self.also);
        let mut first = std::mem::replace(&mut self.stop, Stop::Step);
        for stop in std::iter::once(&mut first).chain(&mut also) {
            if let Stop::Watch { number, expression, .. } = stop {
                *expression = self.breakpoints.count(*number).unwrap_or_default().to_owned();
            }
            let shown = self.watched_text(stop);
            if let Stop::Watch { typed, .. } = stop {
                *typed = shown;
            }
        }
        (self.stop, self.also) = (first, also);
    }

    /// A breakpoint that is hit on a step's way to `target`, which only looked at its own
    /// thread.
    fn others_breakpoint(
        &self,
        target: u64,
        stop: &Stop,
        way: Direction,
    ) -> Result<Option<u64>, StateError> {
        if matches!(stop, Stop::Breakpoint { .. }) || self.own_thread()?.is_none() {
            return Ok(None);
        }
        let hit = self.next_breakpoint(self.cursor, way)?;
        Ok(hit.filter(|hit| hit.abs_diff(self.cursor) < target.abs_diff(self.cursor)))
    }

    /// The first signal to stop at among tracepoints, or (Backward) the last one.
    pub(super) fn nearest_signal(
        &self,
        times: Range<u64>,
        way: Direction,
    ) -> Result<Option<SignalStop>, StateError> {
        let mut found = None;
        let mut stopped = false;
        self.timeline.events(times, way, &mut |event| {
            stopped = self.interrupt.raised();
            match &event.kind {
                EventKind::Signal(signal) if stops(signal) => {
                    found = Some(SignalStop::new(event.tracepoint, signal));
                    ControlFlow::Break(())
                }
                _ if stopped => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })?;
        if stopped && found.is_none() { Err(StateError::Interrupted) } else { Ok(found) }
    }

    /// Sets the cursor. What is true of the state itself (a signal, the exit,
    /// a breakpoint) says more than how it was reached.
    fn arrive(&mut self, state: u64, stop: Stop) {
        let pc = self.timeline.pc(state).unwrap_or_default();
        let hit = match stop {
            Stop::Jump => Vec::new(),
            _ => self.hits(state, pc),
        };
        (self.cursor, self.chosen, self.selected, self.outside) = (state, None, 0, 0);
        self.forget_listing();
        self.due.clear();
        let outside = hit.iter().map(|hit| hit.outside).min().unwrap_or(0);
        let numbers: Vec<u32> = hit.iter().map(|hit| hit.number).collect();
        for number in &numbers {
            self.breakpoints.count(*number);
        }
        self.faults = hit.into_iter().filter_map(|hit| hit.fault).collect();
        let natural = natural_stop(&self.timeline, state);
        let hit = (!numbers.is_empty()).then_some(Stop::Breakpoint { breakpoints: numbers });
        let (first, also) = match (natural, hit) {
            (Some(natural @ (Stop::Signal(_) | Stop::Exit { .. } | Stop::End)), hit) => {
                (natural, hit)
            }
            (_, hit) if matches!(stop, Stop::Watch { .. }) => (stop, hit),
            (_, Some(hit)) => {
                (self.selected, self.outside) = (outside, outside);
                (hit, None)
            }
            (Some(natural), None) => (natural, None),
            (None, None) => (stop, None),
        };
        (self.stop, self.also) = (first, also.into_iter().collect());
        self.chosen = self.stopped_thread(state, &self.stop);
    }

    /// Walks from the state `from`, through one thread or all, until `check` finds a reason
    /// to stop.
    pub(super) fn walk_until<T>(
        &self,
        thread: Option<u32>,
        from: u64,
        direction: Direction,
        mut check: impl FnMut(u64, u64) -> Option<T>,
    ) -> Result<Option<(u64, T)>, StateError> {
        let mut found = None;
        let (mut visited, mut stopped) = (0u64, false);
        self.timeline.walk(thread, from, direction, &mut |state, pc| {
            visited += 1;
            if visited.is_multiple_of(POLL) && self.interrupt.raised() {
                stopped = true;
                return ControlFlow::Break(());
            }
            match check(state, pc) {
                Some(reason) => {
                    found = Some((state, reason));
                    ControlFlow::Break(())
                }
                None => ControlFlow::Continue(()),
            }
        })?;
        if stopped { Err(StateError::Interrupted) } else { Ok(found) }
    }
}
