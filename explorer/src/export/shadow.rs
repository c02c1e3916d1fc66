//! The call stack of one thread, followed by its stack pointer.

use super::names::{At, Names};
use super::steps::{Kind, Step};
use super::{ExportError, Visitor};

/// Deepest stack that is followed; functions further in count as the innermost one.
const DEPTH: usize = 1 << 22;

/// A function that was entered and not left.
struct Frame {
    function: u32,
    /// The stack pointer at its entry: it is left when that rises above.
    stack: u64,
}

/// A thread's call stack; at least one frame, which is never left.
pub struct Shadow {
    thread: u32,
    frames: Vec<Frame>,
    /// The state up to which its instructions were counted.
    since: u64,
}

impl Shadow {
    /// The stack of a thread that begins at state `t` in `function`.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn begin(
        thread: u32,
        t: u64,
        function: u32,
        (names, to): (&Names<'_>, &mut dyn Visitor),
    ) -> Result<Self, ExportError> {
        let mut shadow = Self { thread, frames: Vec::new(), since: t };
        shadow.enter(t, Frame { function, stack: u64::MAX }, names, to)?;
        Ok(shadow)
    }

    /// Its instructions count from state `t` on.
    pub fn resume(&mut self, t: u64) {
        self.since = t;
    }

    /// Its instructions up to state `t` are the innermost function's.
    pub fn run_to(&mut self, t: u64, to: &mut dyn Visitor) {
        to.run(self.thread, t.saturating_sub(self.since));
        self.since = t;
    }

    /// Takes a step, which leads to `at`.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn step(
        &mut self,
        step: &Step,
        at: At,
        (names, to): (&Names<'_>, &mut dyn Visitor),
    ) -> Result<(), ExportError> {
        let Step { state, stack, kind, .. } = *step;
        self.run_to(state, to);
        if kind == Kind::Exec {
            self.end(state, to)?;
            let outermost = Frame { function: at.function, stack: u64::MAX };
            return self.enter(state, outermost, names, to);
        }
        while self.frames.len() > 1 && self.frames.last().is_some_and(|f| f.stack < stack) {
            self.leave(state, to)?;
        }
        let Some(top) = self.frames.last() else { return Ok(()) };
        let (function, outermost) = (at.function, self.frames.len() == 1);
        let deeper = kind == Kind::Call || kind == Kind::Event && at.entry && stack < top.stack;
        // A jump to another function's beginning, the caller's address on top of the stack:
        // that one returns in its place.
        let instead = at.entry && top.function != function && (outermost || top.stack == stack);
        if deeper {
            self.enter(state, Frame { function, stack }, names, to)?;
        } else if instead {
            let stack = top.stack;
            self.leave(state, to)?;
            self.enter(state, Frame { function, stack }, names, to)?;
        }
        Ok(())
    }

    /// Leaves all functions.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn end(&mut self, t: u64, to: &mut dyn Visitor) -> Result<(), ExportError> {
        while !self.frames.is_empty() {
            self.leave(t, to)?;
        }
        Ok(())
    }

    fn enter(
        &mut self,
        t: u64,
        frame: Frame,
        names: &Names<'_>,
        to: &mut dyn Visitor,
    ) -> Result<(), ExportError> {
        if self.frames.len() < DEPTH {
            to.enter(self.thread, t, frame.function, names)?;
            self.frames.push(frame);
        }
        Ok(())
    }

    fn leave(&mut self, t: u64, to: &mut dyn Visitor) -> Result<(), ExportError> {
        if self.frames.pop().is_some() {
            to.leave(self.thread, t)?;
        }
        Ok(())
    }
}
