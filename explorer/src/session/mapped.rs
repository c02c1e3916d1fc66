//! When an address was mapped.

use super::Session;
use crate::render::thousands;
use crate::timeline::{Direction, StateError};
use rdb_schema::space::MappingChange;
use std::ops::{ControlFlow, Range};

/// Times told apart.
const MAX_TIMES: usize = 4096;

impl Session {
    /// The states in which `address` is mapped.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn mapped_times(&self, address: u64) -> Result<Vec<Range<u64>>, StateError> {
        let end = self.timeline.end() + 1;
        let mut times = Vec::new();
        let mut since = self.timeline.shared_space(0)?.find(address).map(|_| 0);
        let mut interrupted = false;
        self.timeline.events(0..end, Direction::Forward, &mut |event| {
            interrupted = self.interrupt.raised();
            let state = event.tracepoint + 1;
            let changes = event.mappings.iter().filter(|c| c.range().contains(&address));
            for change in changes {
                match (change, since) {
                    (MappingChange::Map(_), None) => since = Some(state),
                    (MappingChange::Unmap { .. } | MappingChange::Clear, Some(from)) => {
                        times.push(from..state);
                        since = None;
                    }
                    _ => {}
                }
            }
            match interrupted || times.len() > MAX_TIMES {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        if interrupted {
            return Err(StateError::Interrupted);
        }
        times.extend(since.map(|from| from..end));
        // Unmapped and mapped again by one event.
        times.retain(|time| !time.is_empty());
        Ok(times)
    }

    /// That an address is not mapped at the cursor, and when it is; none if it is mapped.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn not_mapped(&self, address: u64) -> Result<Option<String>, StateError> {
        if self.timeline.shared_space(self.cursor)?.find(address).is_some() {
            return Ok(None);
        }
        let times = self.mapped_times(address)?;
        if times.iter().any(|time| time.contains(&self.cursor)) {
            return Ok(None);
        }
        let distance = |time: &&Range<u64>| match time.start > self.cursor {
            true => time.start - self.cursor,
            false => self.cursor - time.end,
        };
        let Some(nearest) = times.iter().min_by_key(distance) else {
            return Ok(Some(format!("{address:#x} is never mapped in this history")));
        };
        let verb = if nearest.start > self.cursor { "it is mapped" } else { "it was mapped" };
        let (from, last) = (thousands(nearest.start), thousands(nearest.end - 1));
        let others = times.len() - 1;
        let others = match others {
            0 => String::new(),
            1 => ", and another time".to_owned(),
            _ => format!(", and {others} other times"),
        };
        Ok(Some(format!("{address:#x} is not mapped here; {verb} from #{from} to #{last}{others}")))
    }
}
