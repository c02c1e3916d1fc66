//! Sessions that see what another sees: a session serves one thread, and questions about many
//! states are answered by several.

use super::{Locator, Session, Settings, ValueHistory};
use crate::symbols::DebugSearch;
use crate::timeline::Timeline;
use std::sync::Arc;

impl Session {
    /// A session that sees what this one does at its cursor, to go on answering.
    pub fn twin(&self) -> Self {
        self.twin_maker()()
    }

    /// Makes such a session, in another thread as well.
    pub fn twin_maker(&self) -> impl FnOnce() -> Self + Send + use<> {
        let twins = Twins::of(self);
        let (cursor, chosen, selected) = (self.cursor, self.chosen, self.selected);
        move || Session { cursor, chosen, selected, ..twins.session() }
    }
}

/// What such sessions have in common.
pub(super) struct Twins {
    timeline: Arc<Timeline>,
    locator: Arc<Locator>,
    search: DebugSearch,
    history: ValueHistory,
    settings: Settings,
}

impl Twins {
    /// Of a session as it is now. Expressions, and what is shown of them, mean the same in
    /// them; their cursors are at the beginning, and they have no breakpoints.
    pub fn of(session: &Session) -> Self {
        Self {
            timeline: Arc::clone(&session.timeline),
            locator: Arc::clone(&session.locator),
            search: session.search.clone(),
            history: session.history.clone(),
            settings: session.settings.clone(),
        }
    }

    /// One more.
    pub fn session(&self) -> Session {
        let (timeline, locator) = (Arc::clone(&self.timeline), Arc::clone(&self.locator));
        let session = Session::over(timeline, locator, self.search.clone());
        Session { history: self.history.clone(), settings: self.settings.clone(), ..session }
    }
}
