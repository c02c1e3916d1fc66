//! What chunks write, page by page: memory where the recorder kept no page
//! versions. Built once, on first need, into a file without a name.
//!
//! One blob a chunk, and one for every [`GROUP`] chunks in a row with what they
//! write together. It says nothing of what mappings do to pages: whoever asks
//! knows from which chunk on a page's stores count.

mod blob;
mod build;
mod collect;
mod overlay;

pub use build::{BuildError, folder};
pub use overlay::Overlay;

use blob::Blob;
use memmap2::Mmap;
use overlay::runs;
use std::collections::BTreeMap;
use std::ops::Range;

/// Chunks whose writes are also kept together.
const GROUP: usize = 16;

/// A blob's place in the file: offset, bytes.
type Place = (u64, u64);

/// What the chunks of a trace write.
pub struct Written {
    file: Option<Mmap>,
    chunks: Vec<Place>,
    groups: Vec<Place>,
    /// The chunks whose stores are not known, and why.
    unsound: BTreeMap<usize, String>,
}

impl Written {
    /// What the chunks of `range` write to `page`.
    ///
    /// # Errors
    /// A chunk of them cannot be replayed: its index, and why.
    pub fn to_page(&self, range: Range<usize>, page: u64) -> Result<Overlay, (usize, String)> {
        if let Some((index, why)) = self.unsound.range(range.clone()).next() {
            return Err((*index, why.clone()));
        }
        let mut overlay = Overlay::default();
        let mut end = range.end;
        while range.start < end && !overlay.is_full() {
            let group = end.checked_sub(GROUP).filter(|g| g % GROUP == 0 && *g >= range.start);
            let place = match group {
                Some(start) => self.groups.get(start / GROUP),
                None => self.chunks.get(end - 1),
            };
            let written = place.map_or(&[][..], |place| self.blob(place).find(page));
            runs(written).for_each(|(offset, bytes)| overlay.put_under(offset, bytes));
            end = group.unwrap_or(end - 1);
        }
        Ok(overlay)
    }

    fn blob(&self, (offset, length): &Place) -> Blob<'_> {
        let bytes = || {
            let start = usize::try_from(*offset).ok()?;
            let end = start.checked_add(usize::try_from(*length).ok()?)?;
            self.file.as_deref()?.get(start..end)
        };
        Blob::new(bytes().unwrap_or_default())
    }
}
