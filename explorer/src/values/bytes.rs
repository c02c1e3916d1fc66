//! Bytes of which some, or some bits, are not known.

use crate::symbols::location::Missing;
use std::ops::Range;

/// Most bytes one value has.
pub const MAX_BYTES: usize = 1 << 20;

/// A run of bytes, and why some of them are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    data: Vec<u8>,
    /// Which bits are missing, in order.
    gaps: Vec<(Range<usize>, Missing)>,
}

impl Bytes {
    /// All of them known.
    pub fn known(data: Vec<u8>) -> Self {
        Self { data, gaps: Vec::new() }
    }

    /// None of them known.
    pub fn missing(length: usize, why: Missing) -> Self {
        let mut bytes = Self::default();
        bytes.push_missing(length, why);
        bytes
    }

    /// Memory from an address.
    pub fn of_memory(address: u64, memory: &[Option<u8>]) -> Self {
        let mut bytes = Self::default();
        for run in memory.chunk_by(|a, b| a.is_some() == b.is_some()) {
            match run.first() {
                Some(Some(_)) => bytes.data.extend(run.iter().flatten()),
                _ => {
                    let at = address.wrapping_add(bytes.data.len() as u64);
                    bytes.push_missing(run.len(), Missing::Memory(at));
                }
            }
        }
        bytes
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Appends known bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.data.extend(bytes);
    }

    /// Appends unknown bytes.
    pub fn push_missing(&mut self, length: usize, why: Missing) {
        let start = self.data.len();
        let length = length.min(MAX_BYTES);
        self.data.resize(start + length, 0);
        self.push_gap(start * 8..(start + length) * 8, why);
    }

    /// Sets the bit `at`, of which all before are there.
    pub fn put_bit(&mut self, at: usize, bit: Result<bool, Missing>) {
        self.data.resize(self.data.len().max(at / 8 + 1), 0);
        match bit {
            Ok(bit) => {
                if let Some(byte) = self.data.get_mut(at / 8) {
                    *byte |= u8::from(bit) << (at % 8);
                }
            }
            Err(why) => self.push_gap(at..at + 1, why),
        }
    }

    fn push_gap(&mut self, bits: Range<usize>, why: Missing) {
        if bits.is_empty() {
            return;
        }
        match self.gaps.last_mut() {
            Some((last, same)) if last.end == bits.start && *same == why => last.end = bits.end,
            _ => self.gaps.push((bits, why)),
        }
    }

    /// Appends others.
    pub fn append(&mut self, other: &Self) {
        let start = self.data.len() * 8;
        self.data.extend(&other.data);
        for (range, why) in &other.gaps {
            self.push_gap(range.start + start..range.end + start, why.clone());
        }
    }

    /// All of them.
    ///
    /// # Errors
    /// Why the first unknown one is not known.
    pub fn all(&self) -> Result<&[u8], Missing> {
        match self.gaps.first() {
            None => Ok(&self.data),
            Some((_, why)) => Err(why.clone()),
        }
    }

    /// Why none of them is known; `None` if any is.
    pub fn wholly_missing(&self) -> Option<&Missing> {
        let unknown: usize = self.gaps.iter().map(|(range, _)| range.len()).sum();
        let first = self.gaps.first()?;
        (unknown >= self.data.len() * 8).then_some(&first.1)
    }

    /// A part; what lies behind the end is optimised out.
    pub fn slice(&self, start: usize, length: usize) -> Self {
        let length = length.min(MAX_BYTES);
        let end = start.saturating_add(length).min(self.data.len());
        let start = start.min(end);
        let mut part =
            Self { data: self.data.get(start..end).unwrap_or_default().to_vec(), gaps: Vec::new() };
        let (start, end) = (start * 8, end * 8);
        for (range, why) in &self.gaps {
            let (first, last) = (range.start.max(start), range.end.min(end));
            if first < last {
                part.gaps.push((first - start..last - start, why.clone()));
            }
        }
        let short = length.saturating_sub(part.data.len());
        part.push_missing(short, Missing::OptimizedOut);
        part
    }

    /// The bits from `offset` on, as the low bits of as many bytes as they need.
    ///
    /// # Errors
    /// Why they are not known.
    pub fn bits(&self, offset: u64, size: u64) -> Result<u128, Missing> {
        let unusable = || Missing::Unusable("a bit-field of absurd size".to_owned());
        if size > 64 {
            return Err(unusable());
        }
        let first = usize::try_from(offset / 8).map_err(|_| unusable())?;
        let shift = offset % 8;
        let part = self.slice(first, (shift + size).div_ceil(8) as usize);
        let wanted = shift as usize..(shift + size) as usize;
        let lost = |(bits, _): &&(Range<usize>, Missing)| {
            bits.start < wanted.end && wanted.start < bits.end
        };
        if let Some((_, why)) = part.gaps.iter().find(lost) {
            return Err(why.clone());
        }
        let value = part.data.iter().rev().fold(0u128, |n, byte| n << 8 | u128::from(*byte));
        Ok(value >> shift & ((1u128 << size) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_move_with_slices() {
        let memory = [Some(1), None, None, Some(4)];
        let bytes = Bytes::of_memory(0x100, &memory);
        assert_eq!(bytes.all(), Err(Missing::Memory(0x101)));
        assert_eq!(bytes.slice(3, 1).all(), Ok(&[4][..]));
        assert_eq!(bytes.slice(2, 2).all(), Err(Missing::Memory(0x101)));
        assert_eq!(bytes.slice(3, 2).all(), Err(Missing::OptimizedOut));
        assert_eq!(bytes.slice(1, 2).wholly_missing(), Some(&Missing::Memory(0x101)));
        assert_eq!(bytes.slice(usize::MAX, usize::MAX).len(), MAX_BYTES);
    }

    #[test]
    fn bits_may_cross_bytes() {
        let bytes = Bytes::known(vec![0b1010_0000, 0b0000_0101]);
        assert_eq!(bytes.bits(5, 6), Ok(0b10_1101));
        assert!(bytes.bits(0, 65).is_err() && bytes.bits(12, 8).is_err());
    }

    #[test]
    fn bits_are_lost_one_by_one() {
        let mut bytes = Bytes::default();
        for at in 0..16 {
            let lost = (3..9).contains(&at);
            bytes.put_bit(at, if lost { Err(Missing::OptimizedOut) } else { Ok(true) });
        }
        assert_eq!((bytes.len(), bytes.bits(0, 3), bytes.bits(9, 7)), (2, Ok(7), Ok(0x7f)));
        assert!(bytes.bits(2, 2).is_err() && bytes.bits(8, 2).is_err());
        assert!(bytes.all().is_err() && bytes.wholly_missing().is_none());
        assert_eq!(bytes.slice(1, 1).bits(1, 2), Ok(3));
    }
}
