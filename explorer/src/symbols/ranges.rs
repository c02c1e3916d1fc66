//! Address ranges of a DIE.

use gimli::{Attribute, AttributeValue, Unit};

use super::bytes::Slice;
use super::dwarf::Dwarf;

/// Most ranges taken from one list: a list can be named by many DIEs.
const MAX_RANGES: usize = 1 << 16;

/// DW_AT_low_pc, DW_AT_high_pc and DW_AT_ranges, as they come by.
#[derive(Default)]
pub(crate) struct RangeAttributes<'a> {
    low: Option<u64>,
    high: Option<u64>,
    size: Option<u64>,
    list: Option<AttributeValue<Slice<'a>>>,
}

impl<'a> RangeAttributes<'a> {
    /// Takes note of an attribute, if it is one of these.
    pub fn see(&mut self, dwarf: &Dwarf<'a>, unit: &Unit<Slice<'a>>, attr: &Attribute<Slice<'a>>) {
        let address = |value| dwarf.attr_address(unit, value).ok().flatten();
        match attr.name() {
            gimli::DW_AT_low_pc => self.low = address(attr.value()),
            gimli::DW_AT_high_pc => match attr.value() {
                AttributeValue::Udata(size) => self.size = Some(size),
                value => self.high = address(value),
            },
            gimli::DW_AT_ranges => self.list = Some(attr.value()),
            _ => {}
        }
    }

    /// The entry address, for a DIE without DW_AT_entry_pc.
    pub fn low(&self) -> Option<u64> {
        self.low.filter(|low| *low != 0)
    }

    /// The non-empty ranges: (first address, first address after).
    pub fn ranges(&self, dwarf: &Dwarf<'a>, unit: &Unit<Slice<'a>>) -> Vec<(u64, u64)> {
        let mut ranges = Vec::new();
        if let Some(value) = self.list {
            let Ok(Some(mut list)) = dwarf.attr_ranges(unit, value) else { return ranges };
            while let Ok(Some(range)) = list.next() {
                if range.begin < range.end {
                    ranges.push((range.begin, range.end));
                }
                if ranges.len() >= MAX_RANGES {
                    break;
                }
            }
        } else if let Some(low) = self.low {
            let by_size = self.size.and_then(|size| low.checked_add(size));
            if let Some(high) = by_size.or(self.high).filter(|high| low < *high) {
                ranges.push((low, high));
            }
        }
        ranges
    }
}

/// Ranges that may overlap, searchable by address.
#[derive(Debug, Default)]
pub(crate) struct RangeMap {
    /// (begin, end, largest end so far, owner), by begin.
    ranges: Vec<(u64, u64, u64, u32)>,
}

impl RangeMap {
    /// A map of (begin, end, owner).
    pub fn new(ranges: impl IntoIterator<Item = (u64, u64, u32)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().map(|(b, e, o)| (b, e, e, o)).collect();
        ranges.sort_unstable();
        let mut largest = 0;
        for range in &mut ranges {
            largest = range.1.max(largest);
            range.2 = largest;
        }
        Self { ranges }
    }

    /// The ranges around an address with their owners, the one that starts
    /// last first.
    pub fn around(&self, address: u64) -> impl Iterator<Item = (u64, u64, u32)> + '_ {
        let after = self.ranges.partition_point(|range| range.0 <= address);
        let before = self.ranges.get(..after).unwrap_or_default().iter().rev();
        let possible = before.take_while(move |range| address < range.2);
        possible.filter(move |range| address < range.1).map(|range| (range.0, range.1, range.3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn around_equals_a_scan(
            spans in prop::collection::vec((0u64..200, 1u64..60), 0..40),
            address in 0u64..260,
        ) {
            let spans: Vec<_> =
                spans.iter().enumerate().map(|(i, (b, n))| (*b, b + n, i as u32)).collect();
            let map = RangeMap::new(spans.iter().copied());
            let mut found: Vec<_> = map.around(address).collect();
            let mut scan: Vec<_> =
                spans.into_iter().filter(|s| s.0 <= address && address < s.1).collect();
            found.sort_unstable();
            scan.sort_unstable();
            prop_assert_eq!(found, scan);
        }
    }
}
