//! What is known of code that steps pass.

use super::round::Round;
use super::step::MAX_BEFORE;
use crate::session::Session;
use crate::session::calls::{Flow, Flows};
use crate::session::frame_lines::StepFrame;
use crate::session::line_code::{LineCache, LineCode};
use crate::session::locate::Owner;
use std::collections::HashMap;
use std::rc::Rc;

/// What is known of code, for the steps of one command.
#[derive(Default)]
pub(super) struct Known {
    pub lines: LineCache,
    pub flows: Flows,
    /// Which code is the dynamic linker's, by address.
    linker: HashMap<u64, bool>,
    /// Which code leads on to a function.
    leads: HashMap<u64, bool>,
    /// Inlined copies that begin where the step ends, and are called there.
    pub outside: usize,
}

impl Known {
    /// Whether code that is executed at a state is the dynamic linker's.
    pub fn is_linkers(&mut self, session: &Session, (state, pc): (u64, u64)) -> bool {
        let owner = || session.locator.owner(&session.timeline, state, pc) == Owner::Linker;
        *self.linker.entry(pc).or_insert_with(owner)
    }

    /// Whether code that is executed at a state only leads to a function.
    pub fn leads_on(&mut self, session: &Session, (state, pc): (u64, u64)) -> bool {
        *self.leads.entry(pc).or_insert_with(|| session.leads_on(state, pc))
    }

    /// The line of the code that is executed at a state, if that has one; `None` if the state
    /// cannot be read.
    pub fn line(&mut self, session: &Session, state: u64) -> Option<Option<Rc<LineCode>>> {
        let pc = session.timeline.pc(state).ok()?;
        Some(self.lines.get(&session.locator, &session.timeline, state, pc))
    }

    /// Whether code that is executed at a state has no line where others of its function have.
    pub fn is_gap(&mut self, session: &Session, (state, pc): (u64, u64)) -> bool {
        self.lines.is_gap(&session.locator, &session.timeline, state, pc)
    }

    /// A state of a thread; of one in which a function is left that was called, that of its call.
    /// `None` if there is none.
    pub fn out_of_callee(&mut self, session: &Session, (thread, at): (u32, u64)) -> Option<u64> {
        let flow = self.flows.of(session, at, session.timeline.pc(at).ok()?);
        match session.leaves(at, flow).ok()? {
            Some(left) => session.call_of(thread, left).ok()?,
            None => Some(at),
        }
    }

    /// Whether a loop of `frame` comes around to a state, at a statement of `line`, with which a
    /// step forward from there ends: see [`Round`].
    pub fn comes_again(
        &mut self,
        session: &Session,
        state: u64,
        (frame, line): (&StepFrame, &LineCode),
    ) -> Option<bool> {
        let timeline = &session.timeline;
        let thread = timeline.thread(state).ok()?;
        let (mut round, mut at) = (Round::default(), state);
        for _ in 0..MAX_BEFORE {
            at = self.out_of_callee(session, (thread, timeline.predecessor(thread, at)?))?;
            let here = timeline.pc(at).ok()?;
            match self.line(session, at)? {
                None if self.is_gap(session, (at, here)) => round.passes_gap(),
                None => {}
                Some(other) => {
                    let seen = frame.sees(&other);
                    let stops = if seen.inside > 0 { seen.begins } else { other.stops };
                    match (seen.is_line_of(&frame.sees(line)), stops) {
                        (true, _) => return Some(round.comes_again()),
                        (false, true) => return Some(false),
                        (false, false) => round.passes(true),
                    }
                }
            }
        }
        Some(false)
    }

    /// Whether the instruction before a state calls.
    pub fn is_called(&mut self, session: &Session, state: u64) -> bool {
        let timeline = &session.timeline;
        let mut before = || {
            let before = timeline.predecessor(timeline.thread(state).ok()?, state)?;
            Some(self.flows.of(session, before, timeline.pc(before).ok()?))
        };
        before() == Some(Flow::Call)
    }
}
