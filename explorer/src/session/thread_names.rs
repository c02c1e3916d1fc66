//! The names that threads gave themselves: prctl(2), PR_SET_NAME.

use super::Session;
use crate::timeline::{Direction, StateError, Timeline};
use rdb_schema::event::{Event, EventKind};
use rdb_schema::syscalls::name;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// The option (prctl(2)), and bytes of a name with the zero behind it.
const PR_SET_NAME: u64 = 15;
const LONGEST: usize = 16;

impl Session {
    /// The names that threads had given themselves by the cursor, by thread id.
    ///
    /// # Errors
    /// When history cannot be read, or somebody asked to stop.
    pub(super) fn thread_names(&self) -> Result<HashMap<u32, String>, StateError> {
        let timeline = &self.timeline;
        let (mut names, mut stopped) = (HashMap::new(), false);
        timeline.events(0..self.cursor, Direction::Forward, &mut |event| {
            stopped = self.interrupt.raised();
            names.extend(given(timeline, event).map(|name| (event.thread, name)));
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if stopped { Err(StateError::Interrupted) } else { Ok(names) }
    }
}

/// The name that a system call gave its thread.
fn given(timeline: &Timeline, event: &Event) -> Option<String> {
    let EventKind::Syscall(call) = &event.kind else { return None };
    let [option, address, ..] = call.arguments;
    let gives = name(call.number) == Some("prctl") && option == PR_SET_NAME;
    if !gives || !call.finished || call.result != 0 {
        return None;
    }
    let bytes = timeline.memory(event.tracepoint, address, LONGEST).ok()?;
    let text: Vec<u8> =
        bytes.into_iter().map_while(|byte| byte.filter(|byte| *byte != 0)).collect();
    let text = text.get(..text.len().min(LONGEST - 1))?;
    Some(String::from_utf8_lossy(text).into_owned())
}
