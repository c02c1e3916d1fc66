//! Steps by source lines, into calls and over them.

use super::Session;
use super::calls::{Flow, Flows, Left};
use super::crossed::Ahead;
use super::frame_lines::{Seen, StepFrame};
use super::line_code::{LineCache, LineCode};
use super::lineless::Lineless;
use super::locate::Owner;
use super::stop::Stop;
use crate::timeline::{Direction, StateError};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// Bytes that stubs push before the dynamic linker is entered to find a function.
const PUSHED: u64 = 16;

/// States before one that are looked at for the line that it is in.
const MAX_BEFORE: usize = 1 << 10;

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

/// Why a walk to the next line pauses.
enum Pause {
    Breakpoint,
    Line,
    /// A call to pass over, of this state.
    Call(u64),
    /// Backwards: a function to pass over.
    Left(Left),
    Failed(StateError),
}

/// A step on its way.
struct Step {
    direction: Direction,
    calls: Calls,
    in_linker: bool,
    /// While the dynamic linker finds a function: where the stack pointer is in what it calls,
    /// at most.
    linker: Option<u64>,
    /// Whether the code passed last is the dynamic linker's.
    within_linker: bool,
    /// The frame that it is in.
    frame: StepFrame,
    /// The line that it is in: not that of code which is no place to stop, and is passed.
    current: Option<Seen>,
    /// The code of the row of the line table that was met last.
    row: Range<u64>,
    /// Whether that is of all lines so far in the function.
    further: bool,
    /// Entry and body of a function whose prologue is passed.
    prologue: Option<(u64, u64)>,
    /// Whether it begins inside of a statement, or has gone back to another line.
    within: bool,
    /// Backwards: whether the code passed last is a function's entry.
    entry: bool,
    /// Backwards: where the first line of a function starts from which another was called.
    caller: Option<u64>,
    /// Into calls: which functions are passed over.
    lineless: Lineless,
}

/// What is known of code, for the steps of one command.
#[derive(Default)]
struct Known {
    lines: LineCache,
    flows: Flows,
    /// Which code is the dynamic linker's, by address.
    linker: HashMap<u64, bool>,
    /// Which code leads on to a function.
    leads: HashMap<u64, bool>,
    /// Inlined copies that begin where the step ends, and are called there.
    outside: usize,
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
            // Each walk is too short to look.
            if self.interrupt.raised() {
                self.stop = Stop::Interrupted;
                break;
            }
            if calls == Calls::Into && direction == Direction::Forward && self.outside > 0 {
                self.enter_copy();
                continue;
            }
            let (mut target, stop) = match self.next_line(way, &mut known)? {
                Some(found) => found,
                None => self.thread_edge(direction)?,
            };
            if calls == Calls::Into && direction == Direction::Backward {
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

    /// The nearest state at which a line starts. Code without lines is passed,
    /// and the dynamic linker's, unless the step begins there.
    fn next_line(&self, way: Way, known: &mut Known) -> Result<Option<(u64, Stop)>, StateError> {
        let Way { direction, calls, .. } = way;
        let addresses = self.breakpoints.addresses();
        let (thread, pc) = (self.own_thread()?, self.pc()?);
        let current = known.lines.get(&self.locator, &self.timeline, self.cursor, pc);
        let mut ahead = Ahead::default();
        let mut step = Step::begin(way, current.as_deref(), self.outside);
        if let Some(line) = current.as_deref().filter(|_| way.further) {
            (step.row, step.further) = (self.code_so_far(&mut known.lines, line), true);
        }
        known.outside = 0;
        let mut from = match direction {
            Direction::Forward => self.position()?,
            Direction::Backward => self.cursor,
        };
        let is_call =
            direction == Direction::Forward && known.flows.of(self, from, pc) == Flow::Call;
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

impl Step {
    /// One from `line`, outside of `outside` inlined copies.
    fn begin(way: Way, line: Option<&LineCode>, outside: usize) -> Self {
        let mut step = Self {
            direction: way.direction,
            calls: way.calls,
            in_linker: line.is_some_and(|line| line.linker),
            linker: None,
            within_linker: false,
            frame: line.map(|line| StepFrame::of(line, outside)).unwrap_or_default(),
            current: None,
            row: line.map(|line| line.row.clone()).unwrap_or_default(),
            further: false,
            prologue: None,
            within: line.is_some_and(|line| !line.statement),
            entry: line.is_some_and(|line| line.body.is_some()),
            caller: None,
            lineless: Lineless::default(),
        };
        step.current = line.map(|line| step.sees(line));
        step
    }

    fn sees(&self, line: &LineCode) -> Seen {
        match self.calls {
            Calls::Into => Seen::own(line),
            Calls::Over => self.frame.sees(line),
        }
    }

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
            let left = match self.calls {
                Calls::Into if self.in_linker => Ok(None),
                Calls::Into => {
                    let known = (&mut known.lines, &mut known.flows);
                    session.left_lineless(known, state, session.cursor)
                }
                Calls::Over => session.leaves(state, flow),
            };
            match left {
                Ok(None) => {}
                Ok(Some(left)) => return Some(Pause::Left(left)),
                Err(error) => return Some(Pause::Failed(error)),
            }
        }
        if self.arrives(session, known, state, pc) {
            return Some(Pause::Line);
        }
        match (self.direction, self.calls) {
            (Direction::Backward, _) => None,
            (_, Calls::Into) => self.enters_lineless(session, known, (state, pc)),
            (_, Calls::Over) => {
                if flow == Flow::Return {
                    self.frame.leave();
                    self.further = false;
                }
                (flow == Flow::Call).then_some(Pause::Call(state))
            }
        }
    }

    /// Forwards: whether the state is where a function without lines was entered.
    fn enters_lineless(
        &mut self,
        session: &Session,
        known: &mut Known,
        (state, pc): (u64, u64),
    ) -> Option<Pause> {
        if self.in_linker {
            return None;
        }
        let lines = known.lines.get(&session.locator, &session.timeline, state, pc).is_some();
        let leads = self.linker.is_some() || known.leads_on(session, (state, pc));
        let calls = known.flows.of(session, state, pc) == Flow::Call;
        match self.lineless.entered(session, state, (lines, leads, calls)) {
            Ok(call) => call.map(Pause::Call),
            Err(error) => Some(Pause::Failed(error)),
        }
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
        if self.passes_linker(session, known, (state, pc)) {
            return false;
        }
        let Some(line) = line.filter(|line| self.in_linker || !line.linker) else { return false };
        let stays = self.frame.follow(&line);
        let seen = self.sees(&line);
        let arrived = match self.direction {
            Direction::Backward => {
                let first = self.calls_from_first_line(&line, pc) || self.opens(&line, &seen, pc);
                let starts = match seen.inside {
                    0 => first || starts_line_backward(&line, pc),
                    _ => seen.begins,
                };
                let ends = starts && !self.continues(session, known, state, (&line, &seen, first));
                self.within |= !self.current.as_ref().is_some_and(|own| own.is_line_of(&seen));
                ends
            }
            Direction::Forward if line.body.is_some_and(|body| body != pc) => {
                // A function's entry: its parameters are not in place yet.
                self.prologue = line.body.map(|body| (pc, body));
                false
            }
            Direction::Forward => {
                let mut called = || line.body.is_some() && is_called(session, known, state);
                let same = self.further || stays && seen.inside == 0;
                let in_row = same && self.row.contains(&pc);
                !in_row && self.arrives_forward(&line, &seen, (pc, stays)) || called()
            }
        };
        known.outside = if arrived { seen.inside } else { 0 };
        arrived
    }

    /// Whether a state is in the dynamic linker, or in what it calls to find a function: as in
    /// gdb, steps lead to the function itself.
    fn passes_linker(&mut self, session: &Session, known: &mut Known, at: (u64, u64)) -> bool {
        if self.in_linker || self.calls == Calls::Over {
            return false;
        }
        let (state, pc) = at;
        let rsp = || session.timeline.registers(state).map_or(u64::MAX, |all| all.rsp());
        if known.is_linkers(session, at) {
            if !std::mem::replace(&mut self.within_linker, true) {
                // To find a function, it is entered and left by jumps, with two words pushed.
                let (jumps, pushed) = match self.direction {
                    Direction::Forward => (!is_called(session, known, state), 1),
                    Direction::Backward => {
                        (known.flows.of(session, state, pc) == Flow::Jump, PUSHED)
                    }
                };
                if self.linker.is_none() && jumps {
                    self.linker = Some(rsp().saturating_sub(pushed));
                }
            }
            return true;
        }
        self.within_linker = false;
        let inside = self.linker.is_some_and(|limit| rsp() <= limit);
        if !inside {
            self.linker = None;
        }
        inside
    }

    /// Whether a statement of another line begins. As in gdb, the step goes on in lines that
    /// are entered elsewhere; what begins as no place to stop is passed, and whatever its line
    /// is in another frame, a statement of that is a stop.
    fn arrives_forward(&mut self, line: &LineCode, seen: &Seen, (pc, stays): (u64, bool)) -> bool {
        let other = !self.current.as_ref().is_some_and(|current| current.is_line_of(seen));
        if seen.inside > 0 {
            return seen.begins && other;
        }
        if other && line.statement {
            return true;
        }
        (self.row, self.further) = (line.row.clone(), false);
        match (other && line.row.start == pc, stays) {
            (true, true) => {}
            (true, false) => self.current = None,
            (false, _) => self.current = Some(seen.clone()),
        }
        false
    }

    /// Whether a function's body begins at `pc` in its first line: the line itself starts at the
    /// entry, which is passed.
    fn opens(&self, line: &LineCode, seen: &Seen, pc: u64) -> bool {
        let other = !self.current.as_ref().is_some_and(|current| current.is_line_of(seen));
        line.statement && line.opening == Some(pc) && (self.within || other)
    }

    /// Whether at `pc` a function's body starts in its first line, and calls the function which
    /// was left.
    fn calls_from_first_line(&mut self, line: &LineCode, pc: u64) -> bool {
        if std::mem::replace(&mut self.entry, line.body.is_some()) {
            self.caller = Some(line.start);
        }
        self.caller = self.caller.filter(|start| *start == line.start);
        self.caller.is_some() && line.statement && line.opening == Some(pc)
    }

    /// Backwards: whether a step forward would pass the state, as it is in the line already. A
    /// place in the `first` line of a function is passed only behind an inlined copy.
    fn continues(
        &self,
        session: &Session,
        known: &mut Known,
        state: u64,
        (line, seen, first): (&LineCode, &Seen, bool),
    ) -> bool {
        if line.body.is_some() && is_called(session, known, state) {
            return false;
        }
        self.line_before(session, known, state).is_some_and(|before| {
            let inlined = before.inside > 0 || seen.inside > 0;
            before.is_line_of(seen) && (!first || inlined)
        })
    }

    /// The line that a step forward is in before it comes to `state`.
    fn line_before(&self, session: &Session, known: &mut Known, state: u64) -> Option<Seen> {
        let timeline = &session.timeline;
        let thread = timeline.thread(state).ok()?;
        let mut at = state;
        // A row that is no place to stop, and where it is met so far.
        let mut passed: Option<(Rc<LineCode>, u64)> = None;
        for _ in 0..MAX_BEFORE {
            at = timeline.predecessor(thread, at)?;
            let mut line = known.line(session, at)?;
            let over = self.calls == Calls::Over || line.is_none();
            let flow = known.flows.of(session, at, timeline.pc(at).ok()?);
            if let Some(left) = session.leaves(at, flow).ok()?.filter(|_| over) {
                let call = session.call_of(thread, left).ok()??;
                if !self.was_signalled(session, call..at)? {
                    at = call;
                    line = known.line(session, at)?;
                }
            }
            let Some(line) = line.filter(|line| self.in_linker || !line.linker) else { continue };
            if let Some((row, first)) = passed.take_if(|(row, _)| row.row != line.row)
                && first != row.row.start
            {
                return Some(self.sees(&row));
            }
            let seen = self.sees(&line);
            match seen.inside {
                0 if line.stops => return Some(seen),
                0 => passed = Some((line, timeline.pc(at).ok()?)),
                _ if seen.begins => return Some(seen),
                _ => {}
            }
        }
        None
    }

    /// Whether a step into calls stops at a signal while a call is passed over; `None` if history
    /// cannot be read there.
    fn was_signalled(&self, session: &Session, times: Range<u64>) -> Option<bool> {
        let signal = match self.calls {
            Calls::Into => session.nearest_signal(times, Direction::Forward).ok()?,
            Calls::Over => None,
        };
        Some(signal.is_some())
    }
}

impl Known {
    /// Whether code that is executed at a state is the dynamic linker's.
    fn is_linkers(&mut self, session: &Session, (state, pc): (u64, u64)) -> bool {
        let owner = || session.locator.owner(&session.timeline, state, pc) == Owner::Linker;
        *self.linker.entry(pc).or_insert_with(owner)
    }

    /// Whether code that is executed at a state only leads to a function.
    fn leads_on(&mut self, session: &Session, (state, pc): (u64, u64)) -> bool {
        *self.leads.entry(pc).or_insert_with(|| session.leads_on(state, pc))
    }

    /// The line of the code that is executed at a state, if that has one; `None` if the state
    /// cannot be read.
    fn line(&mut self, session: &Session, state: u64) -> Option<Option<Rc<LineCode>>> {
        let pc = session.timeline.pc(state).ok()?;
        Some(self.lines.get(&session.locator, &session.timeline, state, pc))
    }
}

/// Whether the instruction before a state calls.
fn is_called(session: &Session, known: &mut Known, state: u64) -> bool {
    let timeline = &session.timeline;
    let mut before = || {
        let before = timeline.predecessor(timeline.thread(state).ok()?, state)?;
        Some(known.flows.of(session, before, timeline.pc(before).ok()?))
    };
    before() == Some(Flow::Call)
}

/// Going back, the first line of a function is passed as well: a step goes
/// from the body to the call.
fn starts_line_backward(line: &LineCode, pc: u64) -> bool {
    line.statement && line.body.is_none_or(|body| body == pc)
}
