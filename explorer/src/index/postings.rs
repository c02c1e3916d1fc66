//! Write postings: which bytes of which 8-byte granule were written when.
//!
//! ```text
//! part    = group …
//! group   = granule:varint count:varint posting × count
//! posting = (time step × 2 + other):varint [mask:byte if other]
//! ```
//! Groups are sorted by granule, given as the distance from the one before in the
//! part; postings by time, relative to their chunk's first tracepoint. A mask that
//! is the same as before is not written; the first of a group is compared with that
//! of a whole granule.

use super::sorter::Sorter;
use rdb_schema::varint::{Malformed, Reader, put};

/// log2 of the bytes of a granule.
pub const GRANULE: u32 = 3;

/// The mask of a whole granule.
const WHOLE: u8 = 0xff;

/// Some bytes of a granule, written at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posting {
    /// The address, divided by 8.
    pub granule: u64,
    /// Relative to the chunk's first tracepoint.
    pub time: u32,
    /// One bit a byte, the lowest for the first; 0: some of them, not known which.
    pub mask: u8,
}

/// Calls `each` with the granules that `bytes` bytes from `address` touch, and
/// the mask of each. Nothing lies past the last address.
pub fn granules(address: u64, bytes: u64, mut each: impl FnMut(u64, u8)) {
    let Some(count) = bytes.checked_sub(1) else { return };
    let last = address.saturating_add(count);
    let (first, end) = (address >> GRANULE, last >> GRANULE);
    if first == end {
        return each(first, (WHOLE << (address & 7)) & (WHOLE >> (7 - (last & 7))));
    }
    for granule in first..=end {
        let from = if granule == first { address & 7 } else { 0 };
        let to = if granule == end { last & 7 } else { 7 };
        each(granule, (WHOLE << from) & (WHOLE >> (7 - to)));
    }
}

/// Sorts postings, and joins those of the same granule and time.
pub fn normalise(postings: &mut Vec<Posting>, sorter: &mut Sorter) {
    sorter.sort(postings);
    postings.dedup_by(|next, last| {
        let same = (next.granule, next.time) == (last.granule, last.time);
        let joined = same && (last.mask != 0 || next.mask == 0);
        if joined {
            last.mask |= next.mask;
        }
        joined
    });
}

/// Appends `postings`, which are normalised.
pub fn encode(postings: &[Posting], out: &mut Vec<u8>) {
    let mut before = 0;
    for group in postings.chunk_by(|a, b| a.granule == b.granule) {
        let granule = group.first().map_or(0, |posting| posting.granule);
        put(out, granule.wrapping_sub(before));
        put(out, group.len() as u64);
        before = granule;
        let (mut time, mut mask) = (0, WHOLE);
        for posting in group {
            let other = posting.mask != mask;
            put(out, u64::from(posting.time.wrapping_sub(time)) << 1 | u64::from(other));
            if other {
                out.push(posting.mask);
            }
            (time, mask) = (posting.time, posting.mask);
        }
    }
}

/// Calls `each` with the postings of a part whose granules are in `first..=last`.
///
/// # Errors
/// [`Malformed`].
pub fn decode(
    part: &[u8],
    (first, last): (u64, u64),
    mut each: impl FnMut(Posting),
) -> Result<(), Malformed> {
    let mut from = Reader::new(part);
    let mut granule = 0u64;
    while !from.is_empty() {
        granule = granule.checked_add(from.varint()?).ok_or(Malformed)?;
        let count = from.varint()?;
        if granule > last {
            return Ok(());
        }
        let wanted = granule >= first;
        let (mut time, mut mask) = (0u32, WHOLE);
        for _ in 0..count {
            let step = from.varint()?;
            let passed = u32::try_from(step >> 1).map_err(|_| Malformed)?;
            time = time.checked_add(passed).ok_or(Malformed)?;
            if step & 1 == 1 {
                mask = from.byte()?;
            }
            if wanted {
                each(Posting { granule, time, mask });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn granules_of_a_range_have_the_masks_of_its_bytes() {
        let of = |address, bytes| {
            let mut list = Vec::new();
            granules(address, bytes, |granule, mask| list.push((granule, mask)));
            list
        };
        assert_eq!(of(16, 8), [(2, 0xff)]);
        assert_eq!(of(17, 2), [(2, 0b110)]);
        assert_eq!(of(22, 12), [(2, 0xc0), (3, 0xff), (4, 0b11)]);
        assert_eq!(of(u64::MAX, 8), [(u64::MAX >> 3, 0x80)]);
        assert_eq!(of(16, 0), []);
    }

    proptest! {
        #[test]
        fn postings_round_trip(
            list in prop::collection::vec((0u64..40, 0u32..500, prop::sample::select(vec![0u8, 1, 0xf0, 0xff])), 0..200),
            base in 0u64..u64::MAX / 8 - 40,
            (first, last) in (0u64..40, 0u64..40),
        ) {
            let make = |(granule, time, mask): &(u64, u32, u8)| Posting { granule: base + granule, time: *time, mask: *mask };
            let mut postings: Vec<Posting> = list.iter().map(make).collect();
            normalise(&mut postings, &mut Sorter::new());
            // No byte that was surely written is lost, none is invented.
            for (granule, time, mask) in &list {
                let here = postings.iter().filter(|p| (p.granule, p.time) == (base + granule, *time));
                prop_assert!(here.clone().any(|p| p.mask & mask == *mask && (*mask != 0 || p.mask == 0)));
            }
            let mut bytes = Vec::new();
            encode(&postings, &mut bytes);
            let mut back = Vec::new();
            decode(&bytes, (base + first, base + last), |p| back.push(p)).unwrap();
            postings.retain(|p| (base + first..=base + last).contains(&p.granule));
            prop_assert_eq!(back, postings);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&bytes, (0, u64::MAX), |_| {});
        }
    }
}
