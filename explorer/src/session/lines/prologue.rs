//! Prologues: a step that comes to a function's entry goes on to its body, as the parameters are
//! not in place before.

use crate::session::line_code::LineCode;

/// The prologue that is passed: the function's entry and body.
#[derive(Default)]
pub(super) struct Prologue(Option<(u64, u64)>);

impl Prologue {
    /// Whether `pc` is at the function's entry, whose prologue is passed from here on.
    pub fn begins(&mut self, line: &LineCode, pc: u64) -> bool {
        let body = line.body.filter(|body| *body != pc);
        self.0 = body.map(|body| (pc, body));
        body.is_some()
    }

    /// Whether the prologue ends at `pc`; `None` if `pc` is not of the way through one.
    pub fn ends(&mut self, pc: u64) -> Option<bool> {
        let (entry, body) = self.0.take()?;
        if entry < pc && pc < body {
            self.0 = Some((entry, body));
        }
        (pc == body || self.0.is_some()).then_some(pc == body)
    }
}
