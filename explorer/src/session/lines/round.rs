//! Loops that come around to the line that a step is in, with no statement of another line in
//! them, but code of no line, as compilers make it between the rounds (DWARF 5, 6.2.2: line 0).

/// What was passed since the line was left.
#[derive(Clone, Copy, Default)]
pub(super) struct Round {
    /// Whether code of no line was, and whether what came last was of another line.
    gap: bool,
    elsewhere: bool,
}

impl Round {
    /// Takes note that code of no line is passed.
    pub fn passes_gap(&mut self) {
        self.gap = true;
    }

    /// Takes note that code is passed that is of the line, or no statement of another.
    pub fn passes(&mut self, other: bool) {
        self.elsewhere = other;
    }

    /// Whether a statement of the line that comes next begins a further round.
    pub fn comes_again(self) -> bool {
        self.gap && self.elsewhere
    }
}
