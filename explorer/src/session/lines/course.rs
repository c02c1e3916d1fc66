//! Where steps into calls stop on their way forward. The rules are gdb's: an inlined function is a
//! frame, which is called where its code begins.

use super::prologue::Prologue;
use super::round::Round;
use crate::session::calls::Flow;
use crate::session::frame_lines::{Seen, StepFrame};
use crate::session::line_code::LineCode;
use std::ops::Range;

/// The way of a step into calls, from state to state.
#[derive(Default)]
pub(super) struct Course {
    /// The frame that it is in.
    frame: StepFrame,
    /// The line that it is in: not that of code which is no place to stop, and is passed.
    current: Option<Seen>,
    /// The code of the row of the line table that was met last.
    row: Range<u64>,
    round: Round,
    prologue: Prologue,
}

impl Course {
    /// One from `line`, outside of `outside` inlined copies; `flow` says where the instruction
    /// there leads.
    pub fn begin(line: Option<&LineCode>, outside: usize, flow: Flow) -> Self {
        let Some(line) = line else { return Self::default() };
        let frame = StepFrame::of(line, outside);
        let current = Some(frame.sees(line));
        let row = line.row.clone();
        let mut course = Self { frame, current, row, ..Self::default() };
        course.passed(flow);
        course
    }

    /// Takes note of where an instruction of the way leads.
    pub fn passed(&mut self, flow: Flow) {
        if flow == Flow::Return {
            self.frame.leave();
            self.round = Round::default();
        }
    }

    /// Takes note that code of no line is passed.
    pub fn passes_gap(&mut self) {
        self.round.passes_gap();
    }

    /// Whether the step stops at `pc`, which is of `line`: outside of how many inlined copies.
    /// `called` tells whether the instruction before calls.
    pub fn arrives(
        &mut self,
        line: &LineCode,
        pc: u64,
        called: impl FnOnce() -> bool,
    ) -> Option<usize> {
        let beginning = line.beginning();
        if let Some(ends) = self.prologue.ends(pc) {
            return ends.then_some(beginning);
        }
        match line.body {
            _ if self.prologue.begins(line, pc) => None,
            Some(_) if called() => Some(beginning),
            _ if self.row.contains(&pc) => None,
            _ => self.leaves_row(line, pc),
        }
    }

    fn leaves_row(&mut self, line: &LineCode, pc: u64) -> Option<usize> {
        let beginning = line.beginning();
        let visible = StepFrame::of(line, beginning);
        let stays = self.frame == visible;
        if stays && beginning > 0 {
            // The call of a copy is a line like others; from within that, a step enters the copy.
            let called = self.is_current(&visible.sees(line));
            return Some(beginning - usize::from(called));
        }
        if visible.is_inlined_in(&self.frame) {
            return Some(beginning);
        }
        let own = Seen::own(line);
        let current = self.is_current(&own);
        let begins = line.row.start == pc && !current;
        let again = current && self.round.comes_again();
        if (begins || again) && line.statement {
            return Some(beginning);
        }
        self.round.passes(!current);
        // A line that is entered elsewhere goes on; what begins as no place to stop is passed, and
        // whatever its line is in another frame, a statement of that is a stop.
        if !(begins && stays) {
            self.current = Some(own).filter(|_| !begins);
        }
        (self.frame, self.row) = (visible, line.row.clone());
        None
    }

    fn is_current(&self, seen: &Seen) -> bool {
        self.current.as_ref().is_some_and(|current| current.is_line_of(seen))
    }
}
