//! In which state's frames a link's bytes have their name: its own, behind what wrote them.

use super::names::Name;
use super::tracer::Tracer;
use super::{Extent, Link};
use crate::session::Session;
use crate::timeline::StateError;

/// Where a link's bytes are named.
pub(super) struct Naming {
    /// The state behind what wrote them; if that is in another function, the one before.
    pub state: u64,
    /// The thread in whose frames.
    thread: u32,
    /// Whether they hold their value there.
    holds: bool,
    /// A later state in the same function, or that of the question: a variable that has them may
    /// begin only then. The thread, too.
    later: Option<(u32, u64)>,
}

impl Naming {
    /// The name.
    pub fn name(&self, session: &Session, of: &Extent) -> Result<Name, StateError> {
        if let Some(name) = session.variable_of(of, (self.thread, self.state))? {
            return Ok(Name { value: name.value.filter(|_| self.holds), ..name });
        }
        let later = self.later.map(|at| session.variable_of(of, at)).transpose()?.flatten();
        Ok(later.unwrap_or_else(|| session.name_without_variables(of, self.state)))
    }
}

impl Tracer<'_> {
    /// Where a link's bytes are named.
    pub(super) fn naming(&mut self, number: usize) -> Result<Naming, StateError> {
        let end = self.session.timeline.end();
        let link = self.why.links.get(number);
        let Some((asked, state, Some(t))) =
            link.map(|Link { of, state, tracepoint, .. }| (of.is_none(), *state, *tracepoint))
        else {
            let (asked, state) = link.map_or((true, 0), |link| (link.of.is_none(), link.state));
            let thread = self.thread_at(asked, state)?;
            return Ok(Naming { state, thread, holds: true, later: None });
        };
        let (after, thread) = (t.saturating_add(1), self.thread_at(asked, state)?);
        // It is the name of another frame's that counts, not that of who wrote there before.
        if link.is_some_and(|link| link.leftover) {
            return Ok(Naming { state, thread, holds: true, later: None });
        }
        if after >= end || after == state {
            return Ok(Naming { state, thread, holds: true, later: None });
        }
        let own = self.function(t)?;
        let stays = own == self.function(after)?;
        let read = state.min(end.saturating_sub(1));
        let later = (asked || own == self.function(read)?).then_some((thread, state));
        let (state, thread) = (if stays { after } else { t }, own.0);
        Ok(Naming { state, thread, holds: stays, later })
    }

    /// The thread whose state is meant: the question's where its bytes are `asked` about.
    fn thread_at(&self, asked: bool, state: u64) -> Result<u32, StateError> {
        if asked { Ok(self.thread) } else { self.session.timeline.thread(state) }
    }

    /// The thread of a tracepoint, and where the function is entered that it is in, those
    /// that are inlined there included.
    fn function(&mut self, t: u64) -> Result<(u32, Option<u64>), StateError> {
        let (session, pc) = (self.session, self.visits.place(t)?.pc);
        let bounds = session.locator.bounds(&session.timeline, t, pc);
        Ok((session.timeline.thread(t)?, bounds.map(|bounds| bounds.entry)))
    }
}
