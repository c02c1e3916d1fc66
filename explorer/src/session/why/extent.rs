//! Bytes whose origin is asked about, or some of their bits.

use crate::dataflow::{Place, Span};
use crate::symbols::datatypes::Bits;
use std::hash::{Hash, Hasher};
use std::ops::Range;

/// Bytes of the general registers, which are the first.
const GENERAL: u16 = 16 * 8;

/// Bytes, and which of their bits are meant, if not all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The bytes.
    pub span: Span,
    /// Of a bit-field: which of their bits it is; it begins in the first.
    pub bits: Option<Bits>,
}

impl From<Span> for Extent {
    fn from(span: Span) -> Self {
        Self { span, bits: None }
    }
}

impl Hash for Extent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.span, self.bits.map(|bits| (bits.offset, bits.size))).hash(state);
    }
}

impl Extent {
    /// Bits of bytes, counted from the first; `None` if they are not all there.
    pub fn of_bits(span: &Span, bits: &Range<u64>) -> Option<Self> {
        let size = bits.end.checked_sub(bits.start).filter(|size| *size > 0)?;
        let first = u32::try_from(bits.start / 8).ok()?;
        let end = u32::try_from(bits.end.div_ceil(8)).ok()?;
        let inside = end <= span.length;
        let bits = Bits { offset: bits.start % 8, size };
        inside.then(|| Self { span: span.part(first, end - first), bits: Some(bits) })
    }

    /// What is meant of the bytes of `span`, which are among these; `None` if nothing is.
    pub fn within(&self, span: &Span) -> Option<Self> {
        let Some(bits) = self.bits else { return Some((*span).into()) };
        let first = u64::from(span.behind(&self.span)) * 8;
        let (start, end) = (bits.offset.max(first), bits.offset.saturating_add(bits.size));
        let end = end.min(first.saturating_add(u64::from(span.length) * 8));
        Self::of_bits(span, &(start.checked_sub(first)?..end.checked_sub(first)?))
    }

    /// The same bits of as many bytes elsewhere.
    pub fn moved_to(&self, span: &Span) -> Self {
        let bits = self.bits.filter(|_| span.length == self.span.length);
        Self { span: *span, bits }
    }

    /// The same, of a general register with the bits counted from its first.
    pub fn in_register(&self) -> (Span, Option<Bits>) {
        let (Place::Register(offset), Some(bits)) = (self.span.place, self.bits) else {
            return (self.span, self.bits);
        };
        let inside = offset % 8;
        let whole = Span { place: Place::Register(offset - inside), length: 8 };
        if offset >= GENERAL || u64::from(inside) + u64::from(self.span.length) > 8 {
            return (self.span, self.bits);
        }
        (whole, Some(Bits { offset: bits.offset + u64::from(inside) * 8, ..bits }))
    }

    /// Its bits, counted from the first of `all`, which has its bytes.
    pub fn bits_in(&self, all: &Span) -> Option<Range<u64>> {
        let bits = self.bits?;
        let first = u64::from(self.span.behind(all)) * 8 + bits.offset;
        Some(first..first.checked_add(bits.size)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_told_by_the_bytes_they_lie_in() {
        let bytes = Span::memory(0x100, 8);
        let field = Extent::of_bits(&bytes, &(12..21)).expect("inside");
        let expected = Bits { offset: 4, size: 9 };
        assert_eq!((field.span, field.bits), (Span::memory(0x101, 2), Some(expected)));
        assert_eq!(Extent::of_bits(&bytes, &(60..65)), None);
        assert_eq!(field.bits_in(&bytes), Some(12..21));
        let upper = field.within(&Span::memory(0x102, 1)).and_then(|part| part.bits);
        assert_eq!(upper, Some(Bits { offset: 0, size: 5 }));
        assert_eq!(field.within(&Span::memory(0x103, 1)), None);
    }
}
