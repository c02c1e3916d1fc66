//! Mappings the kernel changes by itself: stacks grow when they are touched.

use super::Changes;
use crate::recording::{Recording, ReplayFailed};
use rdb_schema::event::{Event, EventKind};

impl Recording {
    /// Something was written outside all known mappings: takes over what the
    /// kernel has by now. No execution may be open.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn follow_growth(&mut self) -> Result<(), ReplayFailed> {
        let state = self.tracepoint();
        let mut changes = Changes::default();
        self.resynchronise(state, &mut changes);
        if changes.list.is_empty() {
            return Ok(());
        }
        let thread = self.pid.cast_unsigned();
        let mut event = Event::new(self.last_tracepoint(), thread, EventKind::Mapping);
        event.mappings = changes.list;
        self.push_event(event);
        self.catch_up()?;
        changes.fresh.iter().for_each(|mapping| self.capture(mapping, state));
        Ok(())
    }
}
