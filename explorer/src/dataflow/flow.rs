//! What an instruction does to bytes, as data.

use super::Span;

/// Bytes that an instruction writes, and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The bytes written.
    pub to: Span,
    /// Where they come from.
    pub source: Source,
}

/// Where bytes come from that an instruction writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Byte by byte from as many bytes elsewhere.
    Copy(Span),
    /// The same, in reverse order.
    Reversed(Span),
    /// From the same bytes of each of these, of which there are as many.
    Bytewise(Vec<Span>),
    /// From the same and lower bytes of each of these.
    Upward(Vec<Span>),
    /// From the same element, of so many bytes, of each of these.
    Lanewise(u32, Vec<Span>),
    /// From all bytes of all of these.
    Combined(Vec<Span>),
    /// The whole from all of these; of which bytes of them a part is, is not known.
    Unmapped(Vec<Span>),
    /// From the instruction itself.
    Constant,
    /// Zero, above what was written.
    Extension,
    /// From the processor: a clock, random numbers, its identity.
    Machine(&'static str),
    /// Not known.
    Unknown,
}

impl Source {
    /// The source of the `length` bytes from `offset` on, of those written.
    pub fn part(&self, offset: u32, length: u32, of: u32) -> Self {
        let same = |span: &Span| cut(span, offset, length);
        match self {
            Self::Copy(from) => Self::Copy(from.part(offset, length)),
            Self::Reversed(from) => {
                let first = of.saturating_sub(offset.saturating_add(length));
                Self::Reversed(from.part(first, length))
            }
            Self::Bytewise(all) => Self::Bytewise(all.iter().map(same).collect()),
            Self::Upward(all) => {
                let below = |span: &Span| cut(span, 0, offset.saturating_add(length));
                Self::Upward(all.iter().map(below).collect())
            }
            Self::Lanewise(size, all) => {
                let first = offset - offset.checked_rem(*size).unwrap_or_default();
                let end = offset.saturating_add(length).next_multiple_of((*size).max(1));
                let own = |span: &Span| cut(span, first, end.saturating_sub(first));
                Self::Combined(all.iter().map(own).collect())
            }
            Self::Unmapped(all) if length >= of => Self::Combined(all.clone()),
            other => other.clone(),
        }
    }

    /// The bytes it names.
    pub fn spans(&self) -> &[Span] {
        match self {
            Self::Copy(from) | Self::Reversed(from) => std::slice::from_ref(from),
            Self::Bytewise(all) | Self::Upward(all) | Self::Combined(all) => all,
            Self::Lanewise(_, all) => all,
            _ => &[],
        }
    }
}

/// A part of a span, as far as that goes; flags and counts are never cut to nothing.
fn cut(span: &Span, offset: u32, length: u32) -> Span {
    let offset = offset.min(span.length.saturating_sub(1));
    span.part(offset, length.min(span.length - offset).max(1))
}
