//! Rows that repeat themselves: one pass over a tile finds that of all lanes at once.

use super::lane::PERIODS;
use std::ops::Range;

/// A tile's period, and where it holds.
#[derive(Default)]
pub(super) struct Periods {
    /// For each byte of a row, which bits were not always as one period before.
    differing: Vec<u8>,
}

impl Periods {
    /// After how many of `rows`, of `stride` bytes each, most of their bytes repeat
    /// themselves, at least once.
    pub(super) fn find(&mut self, rows: &[u8], stride: usize) -> Option<usize> {
        let (first, rest) = rows.split_at_checked(stride)?;
        let half = rest.get(..rows.len() / stride / 2 * stride)?;
        let again = half.chunks_exact(stride).zip(1..).filter(|(row, _)| *row == first);
        again.map(|(_, period)| period).take(PERIODS).find(|period| {
            self.compare(rows, stride, *period);
            self.differing.iter().filter(|bits| **bits != 0).count() * 2 <= stride
        })
    }

    /// Whether these bytes of all rows repeat themselves with the period found last.
    pub(super) fn holds(&self, bytes: Range<usize>) -> bool {
        self.differing.get(bytes).is_some_and(|bits| bits.iter().all(|bits| *bits == 0))
    }

    fn compare(&mut self, rows: &[u8], stride: usize, period: usize) {
        self.differing.clear();
        self.differing.resize(stride, 0);
        let later = rows.get(period * stride..).unwrap_or(&[]).chunks_exact(stride);
        for (row, before) in later.zip(rows.chunks_exact(stride)) {
            for ((bits, new), old) in self.differing.iter_mut().zip(row).zip(before) {
                *bits |= new ^ old;
            }
        }
    }
}
