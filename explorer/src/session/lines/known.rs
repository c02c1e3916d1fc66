//! What is known of code that steps pass.

use crate::session::Session;
use crate::session::calls::{Flow, Flows};
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
