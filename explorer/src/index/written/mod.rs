//! What chunks write, page by page: memory where the recorder kept no page versions.
//!
//! Every leaf has what its chunk leaves in the pages that it writes, every node what its
//! children leave there together. A part holds some pages (see [`blob`]); pieces of parts
//! ascend by page. It says nothing of what mappings do to pages: whoever asks knows from
//! which chunk on a page's stores count.

mod blob;
mod collect;
mod merge;
mod overlay;

pub use collect::Collector;
pub use merge::{Stream, merge};
pub use overlay::Overlay;

use super::keys::RADIX;
use super::leaf::{Piece, pieces};
use super::{Index, IndexError};
use crate::timeline::{StateError, Timeline};
use blob::Blob;
use overlay::runs;
use std::ops::Range;

impl Index {
    /// What the chunks of `range` write to `page`: the bytes it holds behind them, as far as
    /// they come from these chunks.
    ///
    /// # Errors
    /// [`IndexError`]; a chunk of them cannot be trusted.
    pub fn written(
        &self,
        timeline: &Timeline,
        range: Range<usize>,
        page: u64,
    ) -> Result<Overlay, IndexError> {
        let first_unsound = self.unsound.partition_point(|index| *index < range.start);
        if let Some(index) = self.unsound.get(first_unsound).filter(|index| range.contains(index)) {
            self.leaf(timeline, *index)?;
        }
        let mut overlay = Overlay::default();
        let mut end = range.end;
        while range.start < end && !overlay.is_full() {
            if timeline.interrupt().raised() {
                return Err(StateError::Interrupted.into());
            }
            let (start, of_part) = self.widest(range.start, end)?;
            for piece in pieces(of_part, (page, page)) {
                let part = self.part(&piece.place)?;
                let written = Blob::new(&part).ok_or(IndexError::Damaged)?.find(page);
                runs(written).for_each(|(offset, bytes)| overlay.put_under(offset, bytes));
            }
            end = start;
        }
        Ok(overlay)
    }

    /// What is written in the most chunks before `end` that are kept together, none of them
    /// before `start`: the first of them, and the pieces.
    fn widest(&self, start: usize, end: usize) -> Result<(usize, &[Piece]), IndexError> {
        let mut found = None;
        let mut width = 1usize;
        for nodes in &self.directory.levels {
            width = width.saturating_mul(RADIX);
            let first = end.checked_sub(width).filter(|first| *first >= start);
            let Some(first) = first.filter(|first| first.is_multiple_of(width)) else { break };
            found = nodes.get(first / width).map(|node| (first, &*node.written)).or(found);
        }
        let leaf = || {
            let before = end.checked_sub(1)?;
            Some((before, &*self.directory.leaves.get(before)?.written))
        };
        found.or_else(leaf).ok_or(IndexError::Damaged)
    }
}
