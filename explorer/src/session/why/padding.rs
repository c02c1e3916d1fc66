//! Bytes of a type that mean something, and those between them.

use crate::symbols::datatypes::{Count, Encoding, Member, Offset, RecordKind, Shape, Type};
use crate::values::Visits;
use std::ops::Range;

/// Most ranges that one type is told apart into; of more, all bytes count.
const MAX_RANGES: usize = 64;

/// Deepest nesting of members.
const DEPTH: u32 = 8;

/// Bytes of an x87 number (System V ABI for x86-64, 3.1.2); the rest of a `long double` is
/// padding.
const X87: u64 = 10;

/// The ranges of `of` that hold members, ascending, with gaps between them; `None` if it has
/// no gaps, or if they are not known.
pub(super) fn meant(of: &Type) -> Option<Vec<Range<u64>>> {
    meant_within(of, 0, &Visits::new())
}

fn meant_within(of: &Type, depth: u32, visits: &Visits) -> Option<Vec<Range<u64>>> {
    let mut members = Members { visits, found: Vec::new() };
    members.add(of, 0, depth)?;
    let (size, mut found) = (of.size()?, members.found);
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in found {
        match joined.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    let whole = joined.first().is_none_or(|first| *first == (0..size));
    let inside = joined.last().is_some_and(|last| last.end <= size);
    (!whole && inside).then_some(joined)
}

/// The ranges of members in the making.
struct Members<'v> {
    visits: &'v Visits,
    found: Vec<Range<u64>>,
}

impl Members<'_> {
    /// Adds those of a type `at` bytes from the start.
    fn add(&mut self, of: &Type, at: u64, depth: u32) -> Option<()> {
        if !self.visits.go_on(depth) || depth >= DEPTH || self.found.len() > MAX_RANGES {
            return None;
        }
        let stripped = of.stripped();
        match stripped.shape() {
            Shape::Record(record) if record.declaration || record.variants.is_some() => None,
            Shape::Record(record)
                if record.members.is_empty() && record.kind == RecordKind::Union =>
            {
                None
            }
            Shape::Record(record) => {
                let mut members = record.members.iter();
                members.try_for_each(|member| self.add_member(&stripped, member, at, depth))
            }
            Shape::Array { .. } => self.add_elements(&stripped, at, depth),
            Shape::Base { encoding: Encoding::Float, name, .. } if &**name == "long double" => {
                self.add_bytes(at, X87)
            }
            _ => self.add_bytes(at, stripped.size()?),
        }
    }

    fn add_bytes(&mut self, at: u64, length: u64) -> Option<()> {
        self.found.push(at..at.checked_add(length)?);
        Some(())
    }

    fn add_member(&mut self, record: &Type, member: &Member, at: u64, depth: u32) -> Option<()> {
        if let Some(bits) = member.bits {
            let end = bits.offset.checked_add(bits.size)?.div_ceil(8);
            self.found.push(at.checked_add(bits.offset / 8)?..at.checked_add(end)?);
            return Some(());
        }
        let Offset::Bytes(offset) = member.offset else { return None };
        self.add(&record.follow(&member.of), at.checked_add(offset)?, depth + 1)
    }

    fn add_elements(&mut self, array: &Type, at: u64, depth: u32) -> Option<()> {
        let (element, count) = array.element()?;
        let size = element.size()?;
        if meant_within(&element, depth + 1, self.visits).is_none() {
            return self.add_bytes(at, array.size()?);
        }
        let Count::Fixed(count) = count else { return None };
        (0..count).try_for_each(|index| {
            self.add(&element, at.checked_add(size.checked_mul(index)?)?, depth + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::Language;
    use crate::symbols::datatypes::{Link, Record};

    fn integer(size: u64) -> Type {
        Type::made(Shape::Base { encoding: Encoding::Signed, name: "int".into(), size })
    }

    fn record(size: u64, members: impl IntoIterator<Item = (u64, Type)>) -> Type {
        let members = members.into_iter().map(|(offset, of)| Member {
            name: None,
            of: Link::Made(of),
            offset: Offset::Bytes(offset),
            bits: None,
            base: false,
            artificial: false,
            alignment: None,
        });
        Type::made(Shape::Record(Record {
            kind: RecordKind::Struct,
            name: None,
            size,
            alignment: None,
            members: members.collect(),
            place: None,
            statics: Vec::new(),
            variants: None,
            arguments: Vec::new(),
            declaration: false,
            language: Language::C,
            passing: None,
            plain: true,
            destructor: false,
        }))
    }

    fn array(of: Type, count: u64) -> Type {
        let (of, counts) = (Link::Made(of), vec![Count::Fixed(count)]);
        Type::made(Shape::Array { of, counts, language: Language::C, vector: false })
    }

    #[test]
    fn bytes_between_members_are_not_meant() {
        let pair = record(8, [(0, integer(4)), (4, integer(1))]);
        assert_eq!(meant(&pair), Some(std::iter::once(0..5).collect()));
        assert_eq!(meant(&array(pair, 2)), Some(vec![0..5, 8..13]));
        assert_eq!(meant(&array(integer(4), 2)), None);
    }

    #[test]
    fn arrays_in_records_in_arrays_have_an_end() {
        let innermost = record(8, [(0, integer(4))]);
        let deep = (0..1000).fold(innermost, |of, _| record(8, [(0, array(of, 1))]));
        let found = std::thread::scope(|scope| {
            let small = std::thread::Builder::new().stack_size(128 << 10);
            small.spawn_scoped(scope, || meant(&deep)).expect("a thread").join().expect("an answer")
        });
        assert_eq!(found, None);
    }

    #[test]
    fn members_without_bytes_count_as_visited() {
        let many = |of: Type| record(8, (0..4096).map(|_| (0, of.clone())));
        let integer = record(8, [(0, integer(4))]);
        let all = many(many(record(0, [])));
        let all = record(8, [(0, all), (0, integer)]);
        assert_eq!(meant(&all), None);
    }
}
