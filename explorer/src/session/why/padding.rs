//! Bytes of a type that mean something, and those between them.

use crate::symbols::datatypes::{Count, Encoding, Member, Offset, RecordKind, Shape, Type};
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
    let (size, mut found) = (of.size()?, Vec::new());
    add(of, 0, DEPTH, &mut found)?;
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

fn add(of: &Type, at: u64, depth: u32, found: &mut Vec<Range<u64>>) -> Option<()> {
    if depth == 0 || found.len() > MAX_RANGES {
        return None;
    }
    let stripped = of.stripped();
    match stripped.shape() {
        Shape::Record(record) if record.declaration || record.variants.is_some() => None,
        Shape::Record(record) if record.members.is_empty() && record.kind == RecordKind::Union => {
            None
        }
        Shape::Record(record) => record
            .members
            .iter()
            .try_for_each(|member| add_member(&stripped, member, at, depth, found)),
        Shape::Array { .. } => add_elements(&stripped, at, depth, found),
        Shape::Base { encoding: Encoding::Float, name, .. } if &**name == "long double" => {
            found.push(at..at.checked_add(X87)?);
            Some(())
        }
        _ => {
            found.push(at..at.checked_add(stripped.size()?)?);
            Some(())
        }
    }
}

fn add_member(
    record: &Type,
    member: &Member,
    at: u64,
    depth: u32,
    found: &mut Vec<Range<u64>>,
) -> Option<()> {
    if let Some(bits) = member.bits {
        let end = bits.offset.checked_add(bits.size)?.div_ceil(8);
        found.push(at.checked_add(bits.offset / 8)?..at.checked_add(end)?);
        return Some(());
    }
    let Offset::Bytes(offset) = member.offset else { return None };
    add(&record.follow(&member.of), at.checked_add(offset)?, depth - 1, found)
}

fn add_elements(array: &Type, at: u64, depth: u32, found: &mut Vec<Range<u64>>) -> Option<()> {
    let (element, count) = array.element()?;
    let size = element.size()?;
    if meant(&element).is_none() {
        found.push(at..at.checked_add(array.size()?)?);
        return Some(());
    }
    let Count::Fixed(count) = count else { return None };
    (0..count).try_for_each(|index| {
        add(&element, at.checked_add(size.checked_mul(index)?)?, depth - 1, found)
    })
}
