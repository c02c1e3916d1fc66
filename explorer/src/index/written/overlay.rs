//! What was written to one page: bytes, and which of them.

use rdb_schema::space::PAGE;

const BYTES: usize = PAGE as usize;

/// Some bytes of a page.
pub struct Overlay {
    bytes: [u8; BYTES],
    mask: [u64; BYTES / 64],
}

impl Default for Overlay {
    /// No bytes.
    fn default() -> Self {
        Self { bytes: [0; BYTES], mask: [0; BYTES / 64] }
    }
}

impl Overlay {
    /// Takes all bytes back.
    pub fn clear(&mut self) {
        self.mask = [0; BYTES / 64];
    }

    /// Whether every byte is there.
    pub fn is_full(&self) -> bool {
        self.mask.iter().all(|word| *word == u64::MAX)
    }

    /// Sets the bytes from `offset` on, as far as they lie in the page.
    pub fn put(&mut self, offset: usize, bytes: &[u8]) {
        let Some(to) = self.bytes.get_mut(offset..) else { return };
        let count = to.len().min(bytes.len());
        let (Some(to), Some(from)) = (to.get_mut(..count), bytes.get(..count)) else { return };
        // Most are words: of these, the length of the copy is known here.
        match (to.as_chunks_mut::<8>(), from.as_chunks::<8>()) {
            (([to], []), ([word], [])) => *to = *word,
            _ => to.copy_from_slice(from),
        }
        self.mark(offset, count);
    }

    /// Sets those bytes from `offset` on that are not there yet.
    pub fn put_under(&mut self, offset: usize, bytes: &[u8]) {
        for (at, byte) in (offset..BYTES).zip(bytes) {
            let (Some(word), Some(to)) = (self.mask.get_mut(at / 64), self.bytes.get_mut(at))
            else {
                return;
            };
            if *word >> (at % 64) & 1 == 0 {
                *word |= 1 << (at % 64);
                *to = *byte;
            }
        }
    }

    fn mark(&mut self, offset: usize, count: usize) {
        if offset % 64 + count <= 64 {
            let bits = u64::MAX.checked_shr(64 - count as u32).unwrap_or(0);
            if let Some(word) = self.mask.get_mut(offset / 64) {
                *word |= bits << (offset % 64);
            }
            return;
        }
        let mut at = offset;
        let end = offset + count;
        while at < end {
            let bits = (64 - at % 64).min(end - at);
            if let Some(word) = self.mask.get_mut(at / 64) {
                *word |= u64::MAX >> (64 - bits) << (at % 64);
            }
            at += bits;
        }
    }

    /// The bytes that are there, in runs: offset and bytes.
    pub fn runs(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = self.next(at, true)?;
            let end = self.next(start, false).unwrap_or(BYTES);
            at = end;
            Some((start, self.bytes.get(start..end)?))
        })
    }

    /// The first offset from `from` on that is there, or is not.
    fn next(&self, from: usize, there: bool) -> Option<usize> {
        let mut at = from;
        while at < BYTES {
            let word = self.mask.get(at / 64)?;
            let wanted = if there { *word } else { !*word } >> (at % 64);
            if wanted != 0 {
                return Some(at + wanted.trailing_zeros() as usize);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }

    /// Appends the runs: offset and length (2 bytes each), then the bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for (offset, bytes) in self.runs() {
            let ([a, b], [c, d]) =
                ((offset as u16).to_le_bytes(), (bytes.len() as u16).to_le_bytes());
            out.extend_from_slice(&[a, b, c, d]);
            out.extend_from_slice(bytes);
        }
    }
}

/// Whether runs that [`Overlay::encode`] wrote are of every byte of a page.
pub fn is_whole(encoded: &[u8]) -> bool {
    runs(encoded).next().is_some_and(|(_, bytes)| bytes.len() == BYTES)
}

/// The runs that [`Overlay::encode`] wrote.
pub fn runs(mut encoded: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    std::iter::from_fn(move || {
        let ([a, b, c, d], rest) = encoded.split_first_chunk()?;
        let (bytes, rest) = rest.split_at_checked(u16::from_le_bytes([*c, *d]).into())?;
        encoded = rest;
        Some((u16::from_le_bytes([*a, *b]).into(), bytes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_newest_byte_counts_whichever_way_it_is_put(
            stores in prop::collection::vec((0usize..BYTES, prop::collection::vec(any::<u8>(), 0..200)), 0..40),
        ) {
            let (mut forwards, mut backwards) = (Overlay::default(), Overlay::default());
            let mut expected = vec![None; BYTES];
            for (offset, bytes) in &stores {
                forwards.put(*offset, bytes);
                let places = expected.iter_mut().skip(*offset);
                places.zip(bytes).for_each(|(to, byte)| *to = Some(*byte));
            }
            stores.iter().rev().for_each(|(offset, bytes)| backwards.put_under(*offset, bytes));
            for overlay in [forwards, backwards] {
                let mut encoded = Vec::new();
                overlay.encode(&mut encoded);
                let mut shown = vec![None; BYTES];
                for (offset, bytes) in runs(&encoded) {
                    (offset..).zip(bytes).for_each(|(at, byte)| shown[at] = Some(*byte));
                }
                prop_assert_eq!(&shown, &expected);
                prop_assert_eq!(overlay.is_full(), expected.iter().all(Option::is_some));
            }
        }
    }
}
