//! Frames that were left on the way from one state to another.

use crate::session::{Frames, Session};
use crate::timeline::StateError;

/// Frames of code that are looked at.
const FRAMES: usize = 16;

/// A frame that was left.
pub(super) struct LeftFrame {
    /// Where execution was in it.
    pub pc: u64,
    /// Where it ended, one past its return address (its canonical frame address).
    pub cfa: u64,
}

impl Session {
    /// The frames, innermost first, that tracepoint `t` is inside of and state `after` of the
    /// same thread is not.
    pub(super) fn left_between(&self, t: u64, after: u64) -> Result<Vec<LeftFrame>, StateError> {
        let thread = self.timeline.thread(t)?;
        let outside = self.timeline.registers_of(thread, after)?.rsp();
        let frames = Frames::walk(self, thread, t, FRAMES)?;
        let left = frames.walked().frames.iter().map_while(|frame| {
            let cfa = frame.cfa.filter(|cfa| *cfa <= outside)?;
            Some(LeftFrame { pc: frame.pc.for_lookup(), cfa })
        });
        Ok(left.collect())
    }
}
