//! Steps by source lines, into calls and over them.

mod course;
mod known;
mod linker;
mod prologue;
mod replay;
mod round;
mod step;

use super::Session;
use super::calls::Flow;
use super::crossed::Ahead;
use super::lineless::Lineless;
use super::stop::Stop;
use crate::timeline::{Direction, StateError};
use known::Known;
use step::{Pause, Step};

/// What steps do with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// They lead into functions that have lines.
    Into,
    /// A call is a part of its line, as is what is inlined there.
    Over,
}

/// Which line a step goes to, and on which way.
#[derive(Clone, Copy)]
struct Way {
    direction: Direction,
    calls: Calls,
    /// Whether the code from the function's entry to the line's end is passed.
    further: bool,
}

impl Session {
    /// Moves `count` source lines; stops early at breakpoints and signals.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub fn step_lines(
        &mut self,
        count: u64,
        direction: Direction,
        calls: Calls,
    ) -> Result<(), StateError> {
        self.step_along(count, Way { direction, calls, further: false })
    }

    /// Moves over calls to a line further on in the function, or out of it: as a step does, but
    /// not back in a loop. Stops early at breakpoints and signals.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub fn step_further(&mut self) -> Result<(), StateError> {
        let (direction, calls) = (Direction::Forward, Calls::Over);
        self.step_along(1, Way { direction, calls, further: true })
    }

    fn step_along(&mut self, count: u64, way: Way) -> Result<(), StateError> {
        let Way { direction, calls, .. } = way;
        let (mut known, mut before) = (Known::default(), self.cursor);
        for _ in 0..count {
            known.lines.set_python(self.python_module());
            // Each walk is too short to look.
            if self.interrupt.raised() {
                self.stop = Stop::Interrupted;
                break;
            }
            if calls == Calls::Into && direction == Direction::Forward && self.outside > 0 {
                self.enter_copy();
                continue;
            }
            let back_into = calls == Calls::Into && direction == Direction::Backward;
            if back_into && self.leave_copy(&mut known)? {
                continue;
            }
            let mut found = self.next_line(way, &mut known)?;
            if known.lines.is_python() && calls == Calls::Into && direction == Direction::Forward {
                found = self.python_entered(found)?;
            }
            let (mut target, stop) = match found {
                Some(found) => found,
                None => self.thread_edge(direction)?,
            };
            if back_into {
                target = self.signalled_since(target)?.unwrap_or(target);
            }
            self.finish(target, stop, direction)?;
            if self.cursor == target && self.stop == Stop::Step {
                (self.selected, self.outside) = (known.outside, known.outside);
            }
            let moved = std::mem::replace(&mut before, self.cursor) != self.cursor;
            if self.stop != Stop::Step || self.cursor == self.edge(direction) || !moved {
                break;
            }
        }
        Ok(())
    }

    /// The last state between `target` and the cursor where a signal stops what goes forward.
    fn signalled_since(&self, target: u64) -> Result<Option<u64>, StateError> {
        let times = target..self.cursor.saturating_sub(1);
        let last = self.nearest_signal(times, Direction::Backward)?;
        Ok(last.map(|signal| signal.at + 1))
    }

    /// Enters the outermost inlined copy that is called at the cursor, where it begins.
    fn enter_copy(&mut self) {
        self.outside = self.outside.saturating_sub(1);
        (self.selected, self.stop) = (self.outside, Stop::Step);
        self.forget_listing();
    }

    /// Goes back to the call of an inlined copy that begins at the cursor, if a step that came
    /// there stopped at the call. Whether it did.
    fn leave_copy(&mut self, known: &mut Known) -> Result<bool, StateError> {
        let at = self.position()?;
        let Some(line) = known.line(self, at).flatten() else { return Ok(false) };
        let outside = self.outside.saturating_add(1);
        let mut stops = || known.stops(self, at, line.linker);
        if line.beginning() < outside || stops().is_none_or(|stopped| stopped < outside) {
            return Ok(false);
        }
        (self.selected, self.outside, self.stop) = (outside, outside, Stop::Step);
        self.forget_listing();
        Ok(true)
    }

    /// The nearest state at which a line starts. Code without lines is passed,
    /// and the dynamic linker's, unless the step begins there.
    fn next_line(&self, way: Way, known: &mut Known) -> Result<Option<(u64, Stop)>, StateError> {
        let Way { direction, calls, .. } = way;
        let addresses = self.breakpoints.addresses();
        let (thread, pc, position) = (self.own_thread()?, self.pc()?, self.position()?);
        let current = known.lines.get(&self.locator, &self.timeline, self.cursor, pc);
        if current.is_none()
            && let Some(out) = self.out_of_lineless(direction)?
        {
            return Ok(Some(out));
        }
        let mut ahead = Ahead::default();
        let flow = known.flows.of(self, position, pc);
        let mut step = Step::begin(way, current.as_deref(), self.outside, flow);
        if let Some(line) = current.as_deref().filter(|_| way.further) {
            (step.row, step.further) = (self.code_so_far(&mut known.lines, line), true);
        }
        known.outside = 0;
        let mut from = match direction {
            Direction::Forward => position,
            Direction::Backward => self.cursor,
        };
        let is_call = direction == Direction::Forward && flow == Flow::Call;
        if calls == Calls::Over && is_call {
            match self.over_call(from, &mut ahead)? {
                Ok(next) => from = next,
                Err(stop) => return Ok(stop),
            }
        }
        step.lineless = Lineless::begin(from, is_call && current.is_some());
        if calls == Calls::Into && direction == Direction::Backward {
            let code = (&mut known.lines, &mut known.flows);
            if let Some(left) = self.interrupted_lineless(code, from)? {
                match self.back_over(left, &mut ahead)? {
                    Ok(next) => from = next,
                    Err(stop) => return Ok(stop),
                }
            }
        }
        loop {
            // Each walk may be too short to look.
            self.interrupt.check()?;
            let paused = self.walk_until(thread, from, direction, |state, pc| {
                if addresses.binary_search(&pc).is_ok() && self.is_hit(state, pc) {
                    return Some(Pause::Breakpoint);
                }
                step.pause(self, known, state, pc)
            })?;
            let passed = match paused {
                None => return Ok(None),
                Some((state, Pause::Line)) => return Ok(Some((state, Stop::Step))),
                Some((state, Pause::Breakpoint)) => {
                    return Ok(Some((state, Stop::Breakpoint { breakpoints: Vec::new() })));
                }
                Some((_, Pause::Call(call))) => {
                    step.lineless.forget();
                    self.over_call(call, &mut ahead)?
                }
                Some((_, Pause::Left(left))) => self.back_over(left, &mut ahead)?,
                Some((_, Pause::Failed(error))) => return Err(error),
            };
            match passed {
                Ok(next) => from = next,
                Err(stop) => return Ok(stop),
            }
        }
    }
}
