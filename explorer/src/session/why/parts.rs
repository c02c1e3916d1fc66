//! Parts of a range of bytes, each with who wrote it.

use super::writer::Writer;
use crate::dataflow::{Source, Span};
use std::ops::Range;

/// What one tracepoint did to a part of a range.
pub(super) type Part = (Range<u32>, Writer);

/// Parts in order, those that follow each other and were moved together as one.
pub(super) fn joined(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by_key(|(range, _)| range.start);
    parts.dedup_by(|(next, writer), (last, moved)| {
        let together = last.end == next.start && continues(moved, last.end - last.start, writer);
        if together {
            last.end = next.end;
            lengthen(moved, next.end - next.start);
        }
        together
    });
    parts
}

/// Whether bytes come from right behind where `length` others come from.
fn continues(first: &Writer, length: u32, second: &Writer) -> bool {
    let (
        Writer::Instruction { source: Source::Copy(from), .. },
        Writer::Instruction { source: Source::Copy(next), .. },
    ) = (first, second)
    else {
        return false;
    };
    from.length == length && from.part(length, next.length) == *next
}

fn lengthen(writer: &mut Writer, by: u32) {
    if let Writer::Instruction { source: Source::Copy(from), .. } = writer {
        from.length += by;
    }
}

/// The bytes of a span that nobody wrote yet.
pub(super) struct Remaining(pub Vec<Range<u32>>);

impl Remaining {
    pub fn new(span: &Span) -> Self {
        Self(std::iter::once(0..span.length).collect())
    }

    /// Those that no part is about.
    pub fn beside(span: &Span, parts: &[Part]) -> Self {
        let mut rest = Self::new(span);
        parts.iter().for_each(|(range, _)| drop(rest.take(range)));
        rest
    }

    /// Takes a range out; what of it was still there.
    pub fn take(&mut self, range: &Range<u32>) -> Vec<Range<u32>> {
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for own in self.0.drain(..) {
            let (start, end) = (own.start.max(range.start), own.end.min(range.end));
            if start >= end {
                left.push(own);
                continue;
            }
            taken.push(start..end);
            let around = [own.start..start, end..own.end];
            left.extend(around.into_iter().filter(|part| part.start < part.end));
        }
        self.0 = left;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_taken_once() {
        let mut rest = Remaining::new(&Span::memory(0, 8));
        assert!(rest.take(&(2..4)).iter().eq([&(2..4)]));
        assert_eq!(rest.take(&(0..6)), [0..2, 4..6]);
        assert!(rest.0.iter().eq([&(6..8)]));
    }
}
