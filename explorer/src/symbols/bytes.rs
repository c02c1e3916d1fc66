//! A shared range of bytes: a section inside a file that stays loaded.

use std::ops::{Deref, Range};
use std::sync::Arc;

use gimli::{EndianSlice, LittleEndian};

/// How DWARF is read inside this module: borrowed, no reference counting.
pub(crate) type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// How DWARF is read by those who keep it ([`super::ModuleSymbols::dwarf`]).
pub type Reader = gimli::EndianArcSlice<LittleEndian>;

/// Bytes kept alive by the file (or decompressed section) they lie in.
#[derive(Clone, Debug)]
pub(crate) struct Bytes {
    owner: Arc<[u8]>,
    range: Range<usize>,
}

impl Default for Bytes {
    fn default() -> Self {
        Self { owner: Arc::from([]), range: 0..0 }
    }
}

impl Bytes {
    /// All of `owner`.
    pub fn whole(owner: Arc<[u8]>) -> Self {
        let range = 0..owner.len();
        Self { owner, range }
    }

    /// The part of `owner` that `part` borrows; `None` if it does not.
    pub fn part_of(owner: &Arc<[u8]>, part: &[u8]) -> Option<Self> {
        let start = (part.as_ptr() as usize).checked_sub(owner.as_ptr() as usize)?;
        Self::range_of(owner, start..start.checked_add(part.len())?)
    }

    /// A range of `owner`, if it has it.
    pub fn range_of(owner: &Arc<[u8]>, range: Range<usize>) -> Option<Self> {
        owner.get(range.clone())?;
        Some(Self { owner: Arc::clone(owner), range })
    }

    /// For gimli, borrowed.
    pub fn slice(&self) -> Slice<'_> {
        EndianSlice::new(self, LittleEndian)
    }

    /// For gimli, sharing ownership.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.owner), LittleEndian).range(self.range.clone())
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.owner.get(self.range.clone()).unwrap_or_default()
    }
}
