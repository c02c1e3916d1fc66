//! Loops that come around to the line that a step began in, with no statement of another line in
//! them, but code of no line, as compilers make it between the rounds (DWARF 5, 6.2.2: line 0).

use crate::session::line_code::LineCode;

/// The round of a loop that a step is in.
#[derive(Default)]
pub(super) struct Round {
    /// The address of the statement that the step began at.
    begun: Option<u64>,
    /// Whether code of no line was passed since.
    gap: bool,
}

impl Round {
    /// One that begins at `line`.
    pub fn begin(line: &LineCode) -> Self {
        Self { begun: Some(line.row.start).filter(|_| line.statement), gap: false }
    }

    /// Takes note that code of no line is passed.
    pub fn passes_gap(&mut self) {
        self.gap = true;
    }

    /// Whether a further round begins at `pc`.
    pub fn comes_again(&self, pc: u64) -> bool {
        self.gap && self.begun == Some(pc)
    }
}
