//! Plain numbers, of which long lists have millions.

use super::Wide;
use crate::symbols::datatypes::{Encoding, Shape, Type};
use compact_str::{CompactString, ToCompactString};

/// A type whose values are shown as plain decimal numbers: of at most 8 bytes, no characters,
/// no truth values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainNumber {
    bytes: usize,
    signed: bool,
}

impl PlainNumber {
    /// The type, if it is one.
    pub fn of(of: &Type) -> Option<Self> {
        let stripped = of.stripped();
        let Shape::Base { encoding, size: size @ (1 | 2 | 4 | 8), .. } = stripped.shape() else {
            return None;
        };
        let is_plain = matches!(encoding, Encoding::Signed | Encoding::Unsigned);
        let is_plain = is_plain && !of.is_character() && Wide::of(of).is_none();
        is_plain.then_some(Self { bytes: *size as usize, signed: of.is_signed() })
    }

    /// What is held, as [`super::Formatter::top`] shows it: the first bytes, as many as the type
    /// has; `None` if one is not known.
    pub fn text(self, held: &[Option<u8>]) -> Option<CompactString> {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(held.get(..self.bytes)?) {
            *to = (*from)?;
        }
        let (word, unused) = (u64::from_le_bytes(word), 64 - self.bytes as u32 * 8);
        Some(match self.signed {
            true => ((word << unused).cast_signed() >> unused).to_compact_string(),
            false => word.to_compact_string(),
        })
    }
}
