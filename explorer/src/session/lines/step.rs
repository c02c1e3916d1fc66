//! Where a step by lines ends, judged from state to state.

use super::course::Course;
use super::known::Known;
use super::linker::Linker;
use super::prologue::Prologue;
use super::round::Round;
use super::{Calls, Way};
use crate::session::Session;
use crate::session::calls::{Flow, Left};
use crate::session::frame_lines::{Seen, StepFrame};
use crate::session::line_code::LineCode;
use crate::session::lineless::Lineless;
use crate::timeline::{Direction, StateError};
use std::ops::Range;
use std::rc::Rc;

/// States before one that are looked at for the line that it is in.
pub(super) const MAX_BEFORE: usize = 1 << 10;

/// Why a walk to the next line pauses.
pub(super) enum Pause {
    Breakpoint,
    Line,
    /// A call to pass over, of this state.
    Call(u64),
    /// Backwards: a function to pass over.
    Left(Left),
    Failed(StateError),
}

/// A step on its way.
pub(super) struct Step {
    direction: Direction,
    calls: Calls,
    /// Whether it begins in the dynamic linker, which is not passed then.
    in_linker: bool,
    linker: Linker,
    /// Into calls, forwards: its way.
    course: Course,
    /// Over calls: the frame that it is in.
    frame: StepFrame,
    /// The line that it is in: not that of code which is no place to stop, and is passed.
    current: Option<Seen>,
    /// The code of the row of the line table that was met last.
    pub row: Range<u64>,
    /// Whether that is of all lines so far in the function.
    pub further: bool,
    /// Over calls, forwards; and whether it ends in a further round.
    round: Round,
    rounds: bool,
    prologue: Prologue,
    /// Whether it begins inside of a statement, or has gone back to another line.
    within: bool,
    /// Backwards: whether the code passed last is a function's entry.
    entry: bool,
    /// Backwards: where the first line of a function starts from which another was called.
    caller: Option<u64>,
    /// Into calls: which functions are passed over.
    pub lineless: Lineless,
}

impl Step {
    /// One from `line`, outside of `outside` inlined copies.
    /// `flow` says where the instruction there leads.
    pub fn begin(way: Way, line: Option<&LineCode>, outside: usize, flow: Flow) -> Self {
        let mut step = Self {
            direction: way.direction,
            calls: way.calls,
            in_linker: line.is_some_and(|line| line.linker),
            linker: Linker::default(),
            course: Course::begin(line, outside, flow),
            frame: line.map(|line| StepFrame::of(line, outside)).unwrap_or_default(),
            current: None,
            row: line.map(|line| line.row.clone()).unwrap_or_default(),
            further: false,
            round: Round::default(),
            rounds: !way.further,
            prologue: Prologue::default(),
            within: line.is_some_and(|line| !line.statement),
            entry: line.is_some_and(|line| line.body.is_some()),
            caller: None,
            lineless: Lineless::default(),
        };
        step.current = line.map(|line| step.frame.sees(line));
        step
    }

    /// Why the walk pauses at `state`, if it does.
    pub fn pause(
        &mut self,
        session: &Session,
        known: &mut Known,
        state: u64,
        pc: u64,
    ) -> Option<Pause> {
        if self.direction == Direction::Backward {
            // What leaves a function leads, backwards, into it.
            let left = match self.calls {
                Calls::Into if self.in_linker => Ok(None),
                Calls::Into => {
                    let known = (&mut known.lines, &mut known.flows);
                    session.left_lineless(known, (state, pc), session.cursor)
                }
                Calls::Over => session.leaves(state, known.flows.of(session, state, pc)),
            };
            match left {
                Ok(None) => {}
                Ok(Some(left)) => return Some(Pause::Left(left)),
                Err(error) => return Some(Pause::Failed(error)),
            }
        }
        let line = known.lines.get(&session.locator, &session.timeline, state, pc);
        let lines = line.is_some();
        if !lines && known.is_gap(session, (state, pc)) {
            self.round.passes_gap();
            self.course.passes_gap();
        }
        let line = line.filter(|line| self.in_linker || !line.linker);
        let line = line.as_deref();
        let arrives = match self.calls {
            Calls::Into => self.arrives_into(session, known, (state, pc), line),
            Calls::Over => self.arrives_over(session, known, (state, pc), line),
        };
        if arrives {
            return Some(Pause::Line);
        }
        if self.direction == Direction::Backward {
            return None;
        }
        let flow = known.flows.of(session, state, pc);
        match self.calls {
            Calls::Into => {
                if line.is_some() {
                    self.course.passed(flow);
                }
                self.enters_lineless(session, known, (state, pc), (lines, flow))
            }
            Calls::Over => {
                if flow == Flow::Return {
                    self.frame.leave();
                    (self.further, self.round) = (false, Round::default());
                }
                (flow == Flow::Call).then_some(Pause::Call(state))
            }
        }
    }

    /// Forwards: whether the state, whose code has `lines` or not, and whose instruction leads
    /// where `flow` says, is where a function without lines was entered.
    fn enters_lineless(
        &mut self,
        session: &Session,
        known: &mut Known,
        (state, pc): (u64, u64),
        (lines, flow): (bool, Flow),
    ) -> Option<Pause> {
        if self.in_linker {
            return None;
        }
        let leads = self.linker.is_at_work() || known.leads_on(session, (state, pc));
        let calls = flow == Flow::Call;
        match self.lineless.entered(session, state, (lines, leads, calls)) {
            Ok(call) => call.map(Pause::Call),
            Err(error) => Some(Pause::Failed(error)),
        }
    }

    /// Whether a step over calls ends at a state, whose code is of `line`, if it has one that the
    /// step does not pass.
    fn arrives_over(
        &mut self,
        session: &Session,
        known: &mut Known,
        (state, pc): (u64, u64),
        line: Option<&LineCode>,
    ) -> bool {
        if let Some(ends) = self.prologue.ends(pc) {
            return ends;
        }
        let Some(line) = line else { return false };
        let stays = self.follow(line);
        let seen = self.frame.sees(line);
        let arrived = match self.direction {
            Direction::Backward => {
                let first = self.calls_from_first_line(line, pc) || self.opens(line, &seen, pc);
                let starts = match seen.inside {
                    0 => first || starts_line_backward(line, pc),
                    _ => seen.begins,
                };
                let ends = starts && !self.continues(session, known, state, (line, &seen, first));
                self.within |= !self.current.as_ref().is_some_and(|own| own.is_line_of(&seen));
                ends
            }
            Direction::Forward if self.prologue.begins(line, pc) => false,
            Direction::Forward => {
                let mut called = || line.body.is_some() && known.is_called(session, state);
                let same = self.further || stays && seen.inside == 0;
                let in_row = same && self.row.contains(&pc);
                !in_row && self.arrives_forward(line, &seen, (pc, stays)) || called()
            }
        };
        known.outside = if arrived { seen.inside } else { 0 };
        arrived
    }

    /// Follows execution to `line`: whether the step is still in the same frame. Where a function
    /// returns to, the copies that begin right there are called by the frame that it returns to.
    fn follow(&mut self, line: &LineCode) -> bool {
        let beginning = line.beginning();
        if self.direction == Direction::Backward || !self.frame.is_left() || beginning == 0 {
            return self.frame.follow(line);
        }
        self.frame = StepFrame::of(line, beginning);
        self.current = None;
        true
    }

    /// The same of a step into calls.
    fn arrives_into(
        &mut self,
        session: &Session,
        known: &mut Known,
        (state, pc): (u64, u64),
        line: Option<&LineCode>,
    ) -> bool {
        let direction = self.direction;
        if !self.in_linker && self.linker.has(session, known, (state, pc), direction) {
            return false;
        }
        let Some(line) = line else { return false };
        match direction {
            Direction::Forward => {
                let outside = self.course.arrives(line, pc, || known.is_called(session, state));
                known.outside = outside.unwrap_or(0);
                outside.is_some()
            }
            Direction::Backward => {
                // The copies that begin there were entered last.
                known.outside = 0;
                known.may_stop(session, line, (state, pc))
                    && known.stops(session, state, self.in_linker).is_some()
            }
        }
    }

    /// Whether a statement of another line begins. As in gdb, the step goes on in lines that
    /// are entered elsewhere; what begins as no place to stop is passed, and whatever its line
    /// is in another frame, a statement of that is a stop.
    fn arrives_forward(&mut self, line: &LineCode, seen: &Seen, (pc, stays): (u64, bool)) -> bool {
        let other = !self.current.as_ref().is_some_and(|current| current.is_line_of(seen));
        if seen.inside > 0 {
            return seen.begins && other;
        }
        if line.statement && (other || self.rounds && self.round.comes_again()) {
            return true;
        }
        self.round.passes(other);
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
        if line.body.is_some() && known.is_called(session, state) {
            return false;
        }
        let passed = self.line_before(session, known, state).is_some_and(|before| {
            let inlined = before.inside > 0 || seen.inside > 0;
            before.is_line_of(seen) && (!first || inlined)
        });
        passed && !known.comes_again(session, state, (&self.frame, line)).unwrap_or_default()
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
            at = known.out_of_callee(session, (thread, at))?;
            let line = known.line(session, at)?;
            let Some(line) = line.filter(|line| self.in_linker || !line.linker) else { continue };
            if let Some((row, first)) = passed.take_if(|(row, _)| row.row != line.row)
                && first != row.row.start
            {
                return Some(self.frame.sees(&row));
            }
            let seen = self.frame.sees(&line);
            match seen.inside {
                0 if line.stops => return Some(seen),
                0 => passed = Some((line, timeline.pc(at).ok()?)),
                _ if seen.begins => return Some(seen),
                _ => {}
            }
        }
        None
    }
}

/// Going back, the first line of a function is passed as well: a step goes
/// from the body to the call.
fn starts_line_backward(line: &LineCode, pc: u64) -> bool {
    line.statement && line.body.is_none_or(|body| body == pc)
}
