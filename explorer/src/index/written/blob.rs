//! What was written to many pages, as bytes: how many pages (8 bytes), their
//! numbers ascending (8 each), where each one's runs end (8 each), the runs.

/// Collects pages by ascending number.
#[derive(Default)]
pub struct Maker {
    pages: Vec<u64>,
    ends: Vec<u64>,
    data: Vec<u8>,
}

impl Maker {
    /// Appends a page; `encode` appends its runs.
    pub fn push(&mut self, page: u64, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.data);
        self.pages.push(page);
        self.ends.push(self.data.len() as u64);
    }

    /// Bytes of the runs so far.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// The first and the last page.
    pub fn ends(&self) -> Option<(u64, u64)> {
        Some((*self.pages.first()?, *self.pages.last()?))
    }

    /// All of it.
    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.pages.len() * 16 + self.data.len());
        out.extend((self.pages.len() as u64).to_le_bytes());
        self.pages.iter().chain(&self.ends).for_each(|word| out.extend(word.to_le_bytes()));
        out.extend(self.data);
        out
    }
}

/// A blob that [`Maker::finish`] made.
#[derive(Clone, Copy, Default)]
pub struct Blob<'a> {
    pages: &'a [[u8; 8]],
    ends: &'a [[u8; 8]],
    data: &'a [u8],
}

impl<'a> Blob<'a> {
    /// The blob in `bytes`, if they are one.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*count)).ok()?.checked_mul(8)?;
        let (pages, rest) = rest.split_at_checked(length)?;
        let (ends, data) = rest.split_at_checked(length)?;
        Some(Self { pages: pages.as_chunks().0, ends: ends.as_chunks().0, data })
    }

    /// The page at `index`.
    pub fn page(&self, index: usize) -> Option<u64> {
        self.pages.get(index).map(|page| u64::from_le_bytes(*page))
    }

    /// The runs of the page at `index`.
    pub fn data(&self, index: usize) -> &'a [u8] {
        let end = |index: usize| {
            let end = self.ends.get(index).map(|end| u64::from_le_bytes(*end));
            end.and_then(|end| usize::try_from(end).ok()).unwrap_or(0)
        };
        let start = index.checked_sub(1).map_or(0, end);
        self.data.get(start..end(index)).unwrap_or_default()
    }

    /// The runs of `page`; none if it was not written.
    pub fn find(&self, page: u64) -> &'a [u8] {
        let found = self.pages.binary_search_by_key(&page, |p| u64::from_le_bytes(*p));
        found.map_or(&[], |index| self.data(index))
    }
}
