//! Calls as the debug information declares their functions: where their parameters are.

use super::{Call, Scene, Session};
use crate::timeline::{Direction, StateError};
use std::cell::Cell;

/// Chunks of history in which a function's body is looked for behind its entry.
const BODY_CHUNKS: u32 = 2;

/// Inlined copies that may begin a function.
const MAX_LEVELS: usize = 64;

impl Session {
    /// What the function of a call sees where its parameters are in place: behind its prologue,
    /// as a breakpoint at it stops. `None` without debug information, or if it was not reached.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn entered(&self, call: &Call) -> Result<Option<Scene<'_>>, StateError> {
        let timeline = &self.timeline;
        let pc = timeline.pc(call.tracepoint)?;
        let code = self.locator.line_code(timeline, call.tracepoint, pc);
        let Some(body) = code.map(|code| code.body.unwrap_or(pc)) else { return Ok(None) };
        let state = match body == pc {
            true => Some(call.tracepoint),
            false => self.first_at(body, call)?,
        };
        // Optimised code may return before: its locations hold at the entry as well.
        let state = state.or_else(|| call.end.map(|_| call.tracepoint));
        let Some(state) = state else { return Ok(None) };
        let scene = self.scene_of(call.thread, state, 0)?;
        let outer = (0..MAX_LEVELS).map(|level| scene.at_level(level));
        let own = outer.take_while(|scene| scene.view().is_some_and(|view| view.is_innermost()));
        let own = own.last().filter(|scene| !scene.is_assembly());
        Ok(own)
    }

    /// The first state of a call at address `body`.
    fn first_at(&self, body: u64, call: &Call) -> Result<Option<u64>, StateError> {
        let chunks = Cell::new(0);
        let enough = || self.interrupt.raised() || chunks.replace(chunks.get() + 1) >= BODY_CHUNKS;
        let (thread, from) = (Some(call.thread), call.tracepoint);
        let found = self.timeline.find_pc(thread, from, Direction::Forward, &[body], &enough);
        match found {
            Ok(state) => Ok(state.filter(|state| call.end.is_none_or(|end| *state < end))),
            Err(StateError::Interrupted) if !self.interrupt.raised() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
