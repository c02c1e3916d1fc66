//! Which children of a node have which keys: granules written, blocks executed.
//!
//! ```text
//! part  = entry …
//! entry = (key step × 2 + other):varint [children:u16 if other]
//! ```
//! Keys ascend. A set of children that is the same as before is not written.

use rdb_schema::varint::{Malformed, Reader, put};

/// Children of a node; one bit each in a set of them.
pub const RADIX: usize = 16;

/// A key, and the children that have it.
pub type Entry = (u64, u16);

/// Appends entries.
pub fn encode(entries: &[Entry], out: &mut Vec<u8>) {
    let (mut before, mut same) = (0, 0);
    for (key, children) in entries {
        let other = *children != same;
        // A key has at most 61 bits: a granule's.
        put(out, key.wrapping_sub(before) << 1 | u64::from(other));
        if other {
            out.extend(children.to_le_bytes());
        }
        (before, same) = (*key, *children);
    }
}

/// The children that have a key in `first..=last`.
///
/// # Errors
/// [`Malformed`].
pub fn children(part: &[u8], (first, last): (u64, u64)) -> Result<u16, Malformed> {
    let mut from = Reader::new(part);
    let (mut key, mut children, mut found) = (0u64, 0, 0);
    while !from.is_empty() {
        let step = from.varint()?;
        key = key.checked_add(step >> 1).ok_or(Malformed)?;
        if step & 1 == 1 {
            children = from.integer(2)? as u16;
        }
        if key > last {
            break;
        }
        if key >= first {
            found |= children;
        }
    }
    Ok(found)
}

/// The children that have one of `keys`, which ascend.
///
/// # Errors
/// [`Malformed`].
pub fn children_of(part: &[u8], keys: &[u64]) -> Result<u16, Malformed> {
    let mut from = Reader::new(part);
    let mut keys = keys.iter().peekable();
    let (mut key, mut children, mut found) = (0u64, 0, 0);
    while !from.is_empty() && keys.peek().is_some() {
        let step = from.varint()?;
        key = key.checked_add(step >> 1).ok_or(Malformed)?;
        if step & 1 == 1 {
            children = from.integer(2)? as u16;
        }
        while keys.next_if(|wanted| **wanted < key).is_some() {}
        if keys.next_if(|wanted| **wanted == key).is_some() {
            found |= children;
        }
    }
    Ok(found)
}

/// Keys that [`merge`] looks at together: as many as a word has bits.
const GROUP: u64 = 64;

/// The keys of all lists, each ascending, with the lists that have them; of the first
/// [`RADIX`] lists.
pub fn merge(lists: &[Vec<u64>]) -> Vec<Entry> {
    let mut rest: Vec<&[u64]> = lists.iter().take(RADIX).map(Vec::as_slice).collect();
    let mut all = Vec::new();
    let mut sets = [0u16; GROUP as usize];
    while let Some(first) = rest.iter().filter_map(|list| list.first()).min() {
        let group = first / GROUP;
        let mut there = 0u64;
        for (child, list) in rest.iter_mut().enumerate() {
            let count = list.iter().take_while(|key| **key / GROUP == group).count();
            let (keys, later) = list.split_at_checked(count).unwrap_or_default();
            for key in keys {
                there |= 1 << (key % GROUP);
                sets[(key % GROUP) as usize] |= 1 << child;
            }
            *list = later;
        }
        while there != 0 {
            let at = there.trailing_zeros();
            all.push((group * GROUP + u64::from(at), std::mem::take(&mut sets[at as usize])));
            there &= there - 1;
        }
    }
    all
}

/// Makes one of entries with the same key, which stand together.
pub fn join(entries: &mut Vec<Entry>) {
    entries.dedup_by(|next, last| {
        let same = next.0 == last.0;
        if same {
            last.1 |= next.1;
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn children_are_those_that_have_a_key(
            lists in prop::collection::vec(prop::collection::btree_set(0u64..60, 0..20), 0..RADIX),
            base in 0u64..1 << 60, first in 0u64..60, length in 0u64..10,
        ) {
            let keys = |set: &BTreeSet<u64>| set.iter().map(|key| base + key).collect::<Vec<_>>();
            let lists: Vec<Vec<u64>> = lists.iter().map(keys).collect();
            let mut bytes = Vec::new();
            encode(&merge(&lists), &mut bytes);
            let wanted = (base + first, base + first + length);
            let has = |list: &Vec<u64>| list.iter().any(|key| (wanted.0..=wanted.1).contains(key));
            let expected = (0..).zip(&lists).filter(|(_, list)| has(list)).fold(0, |all, (child, _)| all | 1u16 << child);
            prop_assert_eq!(children(&bytes, wanted).unwrap(), expected);
            let each: Vec<u64> = (wanted.0..=wanted.1).collect();
            prop_assert_eq!(children_of(&bytes, &each).unwrap(), expected);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = children(&bytes, (0, u64::MAX));
            let _ = children_of(&bytes, &[1, 5, 9]);
        }
    }
}
