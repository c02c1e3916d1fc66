//! What a translation does behind its last instruction: it ends its record and
//! leaves.

use super::block::Writer;

/// Code of a translation behind all its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Where it begins, from the translation's head.
    pub from: u16,
    /// Index of the last instruction that was executed.
    pub last: u16,
    /// How far it is.
    pub stage: Stage,
}

/// How far a translation is in leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The record is open; registers are as the instructions left them.
    Open,
    /// So is it here, but rcx, which was zero.
    Counted,
    /// So is it here, but rsi and rdi wait in the context, and rcx was zero.
    Borrowing,
    /// The log's end was moved by so many bytes; nothing is renamed any more.
    Advanced(u16),
    /// The log's end is behind all of it.
    Closed,
}

impl Writer {
    /// Ends the record of this length behind the branch of index `last`, and notes
    /// where.
    pub(super) fn leave(&mut self, last: usize, record: usize) -> super::emitter::Emitted {
        self.note_leaving(last, Stage::Open);
        self.close(record)?;
        self.note_leaving(last, Stage::Advanced(record as u16));
        Ok(())
    }

    /// From here on, a translation of one instruction is at `stage`.
    pub(super) fn note(&mut self, stage: Stage) {
        self.note_leaving(0, stage);
    }

    fn note_leaving(&mut self, last: usize, stage: Stage) {
        let from = self.emitter.length() as u16;
        self.leaving.push(Leaving { from, last: last as u16, stage });
    }
}
