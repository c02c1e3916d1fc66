//! Steps by source lines, into calls and over them.

use super::Session;
use super::calls::{Flow, Flows, Left};
use super::locate::{LineCache, LineCode};
use super::stop::Stop;
use crate::timeline::{Direction, StateError};
use std::rc::Rc;

/// What steps do with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// They lead into functions that have lines.
    Into,
    /// A call is a part of its line.
    Over,
}

/// Why a walk to the next line pauses.
enum Pause {
    Breakpoint,
    Line,
    /// A call to pass over.
    Call,
    /// Backwards: a function to pass over.
    Left(Left),
    Failed(StateError),
}

/// A step on its way.
struct Step {
    direction: Direction,
    calls: Calls,
    in_linker: bool,
    current: Option<Rc<LineCode>>,
    previous: Option<Rc<LineCode>>,
    /// Entry and body of a function whose prologue is passed.
    prologue: Option<(u64, u64)>,
}

/// What is known of code, for the steps of one command.
#[derive(Default)]
struct Known {
    lines: LineCache,
    flows: Flows,
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
        let (mut known, mut before) = (Known::default(), self.cursor);
        for _ in 0..count {
            // Each walk is too short to look.
            if self.interrupt.raised() {
                self.stop = Stop::Interrupted;
                break;
            }
            let (target, stop) = match self.next_line(direction, calls, &mut known)? {
                Some(found) => found,
                None => self.thread_edge(direction)?,
            };
            self.finish(target, stop, direction)?;
            let moved = std::mem::replace(&mut before, self.cursor) != self.cursor;
            if self.stop != Stop::Step || self.cursor == self.edge(direction) || !moved {
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
        calls: Calls,
        known: &mut Known,
    ) -> Result<Option<(u64, Stop)>, StateError> {
        let addresses = self.breakpoints.addresses();
        let (thread, pc) = (self.own_thread()?, self.pc()?);
        let current = known.lines.get(&self.locator, &self.timeline, self.cursor, pc);
        let mut step = Step {
            direction,
            calls,
            in_linker: current.as_ref().is_some_and(|line| line.linker),
            previous: current.clone(),
            current,
            prologue: None,
        };
        let mut from = match direction {
            Direction::Forward => self.position()?,
            Direction::Backward => self.cursor,
        };
        if calls == Calls::Over
            && direction == Direction::Forward
            && known.flows.of(self, from, pc) == Flow::Call
        {
            match self.over_call(from)? {
                Ok(next) => from = next,
                Err(stop) => return Ok(stop),
            }
        }
        loop {
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
                Some((state, Pause::Call)) => self.over_call(state)?,
                Some((_, Pause::Left(left))) => self.back_over(left)?,
                Some((_, Pause::Failed(error))) => return Err(error),
            };
            match passed {
                Ok(next) => from = next,
                Err(stop) => return Ok(stop),
            }
        }
    }
}

impl Step {
    /// Why the walk pauses at `state`, if it does.
    fn pause(
        &mut self,
        session: &Session,
        known: &mut Known,
        state: u64,
        pc: u64,
    ) -> Option<Pause> {
        let flow = match self.calls {
            Calls::Into => Flow::Other,
            Calls::Over => known.flows.of(session, state, pc),
        };
        if self.direction == Direction::Backward {
            // What leaves a function leads, backwards, into it.
            match session.leaves(state, flow) {
                Ok(None) => {}
                Ok(Some(left)) => return Some(Pause::Left(left)),
                Err(error) => return Some(Pause::Failed(error)),
            }
        }
        if self.arrives(session, known, state, pc) {
            return Some(Pause::Line);
        }
        (self.direction == Direction::Forward && flow == Flow::Call).then_some(Pause::Call)
    }

    /// Whether the step ends at `state`.
    fn arrives(&mut self, session: &Session, known: &mut Known, state: u64, pc: u64) -> bool {
        if let Some((entry, body)) = self.prologue.take() {
            if pc == body {
                return true;
            }
            if entry < pc && pc < body {
                self.prologue = Some((entry, body));
                return false;
            }
        }
        let line = known.lines.get(&session.locator, &session.timeline, state, pc);
        let line = line.filter(|line| self.in_linker || !line.linker);
        let arrived = match (&line, self.direction) {
            (None, _) => false,
            (Some(line), Direction::Backward) => starts_line_backward(line, pc),
            (Some(line), Direction::Forward) if line.body.is_some_and(|body| body != pc) => {
                // A function's entry: its parameters are not in place yet.
                self.prologue = line.body.map(|body| (pc, body));
                false
            }
            (Some(line), Direction::Forward) => {
                starts_line(line, pc)
                    || enters_line(line, self.previous.as_deref(), self.current.as_deref())
            }
        };
        if line.is_some() {
            self.previous = line;
        }
        arrived
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
