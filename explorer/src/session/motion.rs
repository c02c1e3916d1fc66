//! Moving the cursor.

use super::locate::{LineCache, LineCode};
use super::signal::{SignalStop, stops};
use super::stop::Stop;
use super::{Session, natural_stop};
use crate::timeline::{Direction, StateError};
use rdb_schema::event::EventKind;
use std::ops::ControlFlow;

/// States a walk visits between two looks at the interrupt flag.
const POLL: u64 = 1 << 14;

impl Session {
    /// Moves to tracepoint `target`.
    ///
    /// # Errors
    /// When there is no such tracepoint, or it cannot be read.
    pub fn jump(&mut self, target: u64) -> Result<(), StateError> {
        self.timeline.pc(target)?;
        self.arrive(target, Stop::Jump);
        Ok(())
    }

    /// Moves `count` instructions; stops early at breakpoints and signals.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub fn step_instructions(
        &mut self,
        count: u64,
        direction: Direction,
    ) -> Result<(), StateError> {
        let wanted = match direction {
            Direction::Forward => self.cursor.saturating_add(count).min(self.timeline.end()),
            Direction::Backward => self.cursor.saturating_sub(count),
        };
        let (mut target, mut stop) = (wanted, Stop::Step);
        // One step arrives where it arrives; only longer ways can meet something.
        if self.cursor.abs_diff(wanted) > 1 {
            (target, stop) = self.breakpoint_before(wanted, direction)?;
        }
        self.finish(target, stop, direction)
    }

    /// The first breakpoint on the way to `limit`, else `limit` itself.
    fn breakpoint_before(
        &self,
        limit: u64,
        direction: Direction,
    ) -> Result<(u64, Stop), StateError> {
        let addresses = self.breakpoints.addresses();
        if addresses.is_empty() {
            return Ok((limit, Stop::Step));
        }
        let hit = |state, pc| addresses.binary_search(&pc).is_ok() && self.is_hit(state, pc);
        let found =
            self.walk_until(direction, |state, pc| match (hit(state, pc), state == limit) {
                (true, _) => Some(Stop::Breakpoint { breakpoints: Vec::new() }),
                (_, true) => Some(Stop::Step),
                _ => None,
            })?;
        Ok(found.unwrap_or((limit, Stop::Step)))
    }

    /// Moves `count` source lines; stops early at breakpoints and signals.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub fn step_lines(&mut self, count: u64, direction: Direction) -> Result<(), StateError> {
        let mut cache = LineCache::default();
        for _ in 0..count {
            // Each walk is too short to look.
            if self.interrupt.raised() {
                self.stop = Stop::Interrupted;
                break;
            }
            let (target, stop) = match self.next_line(direction, &mut cache)? {
                Some(found) => found,
                None => (self.edge(direction), Stop::Step),
            };
            self.finish(target, stop, direction)?;
            if self.stop != Stop::Step || self.cursor == self.edge(direction) {
                break;
            }
        }
        Ok(())
    }

    /// The nearest state at which a line starts. Code without lines is passed,
    /// and the dynamic linker's, unless the step begins there.
    fn next_line(
        &self,
        direction: Direction,
        cache: &mut LineCache,
    ) -> Result<Option<(u64, Stop)>, StateError> {
        let addresses = self.breakpoints.addresses();
        let mut line_at = |state, pc| cache.get(&self.locator, &self.timeline, state, pc);
        let current = line_at(self.cursor, self.timeline.pc(self.cursor)?);
        let in_linker = current.as_ref().is_some_and(|line| line.linker);
        let mut previous = current.clone();
        let mut prologue = None;
        self.walk_until(direction, |state, pc| {
            if addresses.binary_search(&pc).is_ok() && self.is_hit(state, pc) {
                return Some(Stop::Breakpoint { breakpoints: Vec::new() });
            }
            if let Some((entry, body)) = prologue.take() {
                if pc == body {
                    return Some(Stop::Step);
                }
                if entry < pc && pc < body {
                    prologue = Some((entry, body));
                    return None;
                }
            }
            let line = line_at(state, pc).filter(|line| in_linker || !line.linker);
            let arrived = match (&line, direction) {
                (None, _) => false,
                (Some(line), Direction::Backward) => starts_line_backward(line, pc),
                (Some(line), Direction::Forward) if line.body.is_some_and(|body| body != pc) => {
                    // A function's entry: its parameters are not in place yet.
                    prologue = line.body.map(|body| (pc, body));
                    false
                }
                (Some(line), Direction::Forward) => {
                    starts_line(line, pc)
                        || enters_line(line, previous.as_deref(), current.as_deref())
                }
            };
            if line.is_some() {
                previous = line;
            }
            arrived.then_some(Stop::Step)
        })
    }

    /// Moves to the nearest breakpoint or signal, else to the end of history.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub fn run(&mut self, direction: Direction) -> Result<(), StateError> {
        let (target, stop) = match self.next_breakpoint(direction)? {
            Some(state) => (state, Stop::Breakpoint { breakpoints: Vec::new() }),
            None => (self.edge(direction), Stop::Step),
        };
        self.finish(target, stop, direction)
    }

    /// The nearest state at an enabled breakpoint.
    fn next_breakpoint(&self, direction: Direction) -> Result<Option<u64>, StateError> {
        let addresses = self.breakpoints.addresses();
        let mut from = self.cursor;
        while !addresses.is_empty() {
            match self.find_pc(from, direction, &addresses)? {
                Some(state) if !self.is_hit(state, self.timeline.pc(state)?) => from = state,
                found => return Ok(found),
            }
        }
        Ok(None)
    }

    /// Whether an enabled breakpoint is at `pc` at `state`.
    fn is_hit(&self, state: u64, pc: u64) -> bool {
        self.breakpoints.is_hit(pc, self.module_at(state, pc))
    }

    fn module_at(&self, state: u64, pc: u64) -> Option<u32> {
        self.locator.images().at(&self.timeline, state, pc).map(|image| image.module)
    }

    /// Where history ends in a direction.
    fn edge(&self, direction: Direction) -> u64 {
        match direction {
            Direction::Forward => self.timeline.end(),
            Direction::Backward => 0,
        }
    }

    /// Arrives at `target`, or at the first signal on the way there.
    fn finish(&mut self, target: u64, stop: Stop, way: Direction) -> Result<(), StateError> {
        if way == Direction::Forward
            && let Some(signal) = self.first_signal(self.cursor, target)?
        {
            let state = (signal.at + 1).min(self.timeline.end());
            self.arrive(state, Stop::Signal(signal));
            return Ok(());
        }
        self.timeline.pc(target)?;
        self.arrive(target, stop);
        Ok(())
    }

    /// The first signal to stop at among the tracepoints from state `from` to
    /// state `to`.
    fn first_signal(&self, from: u64, to: u64) -> Result<Option<SignalStop>, StateError> {
        let mut found = None;
        let mut stopped = false;
        self.timeline.events(from..to, Direction::Forward, &mut |event| {
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
        self.cursor = state;
        self.forget_listing();
        let pc = self.timeline.pc(state).unwrap_or_default();
        let hit = match stop {
            Stop::Jump => Vec::new(),
            _ => self.breakpoints.hit(pc, self.module_at(state, pc)),
        };
        let natural = natural_stop(&self.timeline, state);
        self.stop = match (natural, hit.is_empty()) {
            (Some(natural @ (Stop::Signal(_) | Stop::Exit { .. } | Stop::End)), _) => natural,
            (_, false) => Stop::Breakpoint { breakpoints: hit },
            (Some(natural), true) => natural,
            (None, true) => stop,
        };
    }

    /// Walks until `check` finds a reason to stop.
    fn walk_until(
        &self,
        direction: Direction,
        mut check: impl FnMut(u64, u64) -> Option<Stop>,
    ) -> Result<Option<(u64, Stop)>, StateError> {
        let mut found = None;
        let (mut visited, mut stopped) = (0u64, false);
        self.timeline.walk(self.cursor, direction, &mut |state, pc| {
            visited += 1;
            if visited.is_multiple_of(POLL) && self.interrupt.raised() {
                stopped = true;
                return ControlFlow::Break(());
            }
            match check(state, pc) {
                Some(stop) => {
                    found = Some((state, stop));
                    ControlFlow::Break(())
                }
                None => ControlFlow::Continue(()),
            }
        })?;
        if stopped { Err(StateError::Interrupted) } else { Ok(found) }
    }
}

/// Whether the contiguous code of a line starts at `pc`.
fn starts_line(line: &LineCode, pc: u64) -> bool {
    line.statement && line.start == pc
}

/// Going back, the first line of a function is passed as well: a step goes
/// from the body to the call.
fn starts_line_backward(line: &LineCode, pc: u64) -> bool {
    starts_line(line, pc) && line.body.is_none_or(|body| body == pc)
}

/// Whether a jump led to a statement inside another line's code.
fn enters_line(line: &LineCode, previous: Option<&LineCode>, current: Option<&LineCode>) -> bool {
    let same = |other: Option<&LineCode>| other.is_some_and(|other| same_line(other, line));
    line.statement && !same(previous) && !same(current)
}

fn same_line(a: &LineCode, b: &LineCode) -> bool {
    a.line == b.line && a.file == b.file
}
