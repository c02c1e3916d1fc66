//! Functions on the stack: entered before the cursor, and not yet left.

use super::question::Question;
use super::reason::Running;
use crate::session::{Frames, Session};
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

/// Frames that are looked through, and entries of the function that are tried.
const FRAMES: usize = 1000;
const ENTRIES: usize = 256;

impl Session {
    /// The innermost frame at the cursor that executes `code`, whose first instruction enters
    /// the function.
    pub(super) fn running(
        &self,
        question: &Question,
        code: &Range<u64>,
    ) -> Result<Option<Running>, StateError> {
        let frames = Frames::walk(self, self.thread()?, self.cursor, FRAMES)?;
        let within = |pc: &crate::symbols::CodeAddr| code.contains(&pc.for_lookup());
        let found = frames.walked().frames.iter().enumerate().find(|(_, f)| within(&f.pc));
        let Some((frame, found)) = found else { return Ok(None) };
        let entered = match found.cfa {
            Some(cfa) => self.entered_at(question, (code.start, cfa), self.cursor)?,
            None => None,
        };
        Ok(Some(Running { frame, entered }))
    }

    /// When a thread entered the function at `entry`, last before tracepoint `t` of it, of which
    /// the frame ends at `cfa`.
    pub(in crate::session) fn entered_before(
        &self,
        (thread, t): (u32, u64),
        entry: u64,
        cfa: u64,
    ) -> Result<Option<u64>, StateError> {
        let before = t.saturating_add(1);
        let question = Question { times: 0..before, since: 0, thread: Some(thread), left: 0 };
        self.entered_at(&question, (entry, cfa), before)
    }

    /// When the function at `entry` was entered, last before tracepoint `before`, of which the
    /// frame ends at `cfa`: the return address is the last of it (System V ABI for x86-64, 3.2.2).
    fn entered_at(
        &self,
        question: &Question,
        (entry, cfa): (u64, u64),
        before: u64,
    ) -> Result<Option<u64>, StateError> {
        let (mut found, mut failed, mut left) = (None, None, ENTRIES);
        let span = (0..before, Direction::Backward);
        self.each_execution(question, &[entry], span, &mut |t| {
            left -= 1;
            match self.timeline.registers(t) {
                Ok(registers) if Some(registers.rsp()) == cfa.checked_sub(8) => found = Some(t),
                Ok(_) if left > 0 => return ControlFlow::Continue(()),
                Ok(_) => {}
                Err(error) => failed = Some(error),
            }
            ControlFlow::Break(())
        })?;
        failed.map_or(Ok(found), Err)
    }
}
