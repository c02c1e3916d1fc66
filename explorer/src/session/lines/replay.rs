//! Which states steps into calls stop at: told by steps from further back.

use super::course::Course;
use super::known::Known;
use crate::session::Session;
use crate::session::calls::Flow;
use crate::session::frame_lines::StepFrame;
use crate::session::line_code::LineCode;
use crate::timeline::Direction;
use std::ops::Range;
use std::rc::Rc;

/// States before one that are looked at for the line that it is in.
const MAX_BEFORE: usize = 1 << 10;

/// A state on the way to another.
struct Passed {
    state: u64,
    pc: u64,
    line: Rc<LineCode>,
    called: bool,
    flow: Flow,
}

impl Passed {
    /// Whether steps stop here, or where the function's body begins, wherever they come from.
    fn is_stop(&self, before: Option<&Self>) -> bool {
        let line = &self.line;
        if self.called && line.body.is_some() {
            return true;
        }
        let beside = |before: &Self| {
            let other = (before.line.line, &before.line.file) != (line.line, &line.file);
            let frame = StepFrame::of(&before.line, 0) == StepFrame::of(line, 0);
            before.flow == Flow::Other && before.line.stops && other && frame
        };
        let starts = line.statement && line.body.is_none() && line.beginning() == 0;
        starts && before.is_some_and(|before| before.line.body.is_none() && beside(before))
    }
}

impl Known {
    /// Whether steps into calls stop at `state`, on their way from further back: outside of how
    /// many inlined copies. Code of the dynamic linker is passed unless `linker`.
    pub fn stops(&mut self, session: &Session, state: u64, linker: bool) -> Option<usize> {
        let way = self.way_to(session, state, linker)?;
        let (mut course, mut stop) = (Course::default(), None);
        for passed in way.iter().rev() {
            stop = course.arrives(&passed.line, passed.pc, || passed.called);
            match stop {
                Some(_) => course = Course::begin(Some(&passed.line), 0, passed.flow),
                None => course.passed(passed.flow),
            }
        }
        stop
    }

    /// Whether a step that comes to `state`, which is of `line`, may stop there.
    pub fn may_stop(
        &mut self,
        session: &Session,
        line: &LineCode,
        (state, pc): (u64, u64),
    ) -> bool {
        if line.statement || line.opening == Some(pc) {
            return true;
        }
        // An inlined copy may be entered anywhere, but in no row that was met before.
        let mut before = || {
            let timeline = &session.timeline;
            let before = timeline.predecessor(timeline.thread(state).ok()?, state)?;
            self.line(session, before)?
        };
        line.instances.len() > 1 && before().is_none_or(|before| before.row != line.row)
    }

    /// The states that lead to `state`, latest first, back to one that steps stop at.
    fn way_to(&mut self, session: &Session, state: u64, linker: bool) -> Option<Vec<Passed>> {
        let timeline = &session.timeline;
        let thread = timeline.thread(state).ok()?;
        let (mut way, mut at): (Vec<Passed>, _) = (Vec::new(), state);
        for _ in 0..MAX_BEFORE {
            if let Some(passed) = self.passes(session, at, linker)? {
                if way.last().is_some_and(|last| last.is_stop(Some(&passed))) {
                    break;
                }
                let is_stop = passed.is_stop(None);
                way.push(passed);
                if is_stop {
                    break;
                }
            }
            let Some(before) = timeline.predecessor(thread, at) else { break };
            at = self.before_lineless(session, thread, before)?;
        }
        // At a signal a step stops as well.
        let signal = session.nearest_signal(at..state, Direction::Backward).ok()?;
        if let Some(signal) = signal {
            way.retain(|passed| passed.state > signal.at);
        }
        Some(way)
    }

    /// What a step sees at a state, if its code has lines; `None` if it cannot be read.
    fn passes(&mut self, session: &Session, state: u64, linker: bool) -> Option<Option<Passed>> {
        let line = self.line(session, state)?.filter(|line| linker || !line.linker);
        let Some(line) = line else { return Some(None) };
        let pc = session.timeline.pc(state).ok()?;
        let called = line.body.is_some() && self.is_called(session, state);
        let flow = self.flows.of(session, state, pc);
        Some(Some(Passed { state, pc, line, called, flow }))
    }

    /// The call of a function without lines that the instruction of `state` leaves, if it does,
    /// and no signal came meanwhile; otherwise the state.
    fn before_lineless(&mut self, session: &Session, thread: u32, state: u64) -> Option<u64> {
        if self.line(session, state)?.is_some() {
            return Some(state);
        }
        let flow = self.flows.of(session, state, session.timeline.pc(state).ok()?);
        let Some(left) = session.leaves(state, flow).ok()? else { return Some(state) };
        let call = session.call_of(thread, left).ok()??;
        Some(if was_signalled(session, call..state)? { state } else { call })
    }
}

/// Whether a step stops at a signal meanwhile; `None` if history cannot be read there.
fn was_signalled(session: &Session, times: Range<u64>) -> Option<bool> {
    Some(session.nearest_signal(times, Direction::Forward).ok()?.is_some())
}
