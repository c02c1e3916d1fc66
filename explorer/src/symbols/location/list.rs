//! Location lists (DWARF 5, 2.6.2), with the entries whose range is empty.

use crate::symbols::bytes::Reader;
use crate::symbols::dies::{Entry, Expression};
use gimli::{AttributeValue, LocListIter, RawLocListEntry};
use std::ops::Range;

/// The entries of a location list, in order: the module addresses where each holds, and what.
pub(super) struct List(LocListIter<Reader>);

impl List {
    /// The list that an attribute of `entry` refers to, if it does.
    ///
    /// # Errors
    /// It is malformed.
    pub fn of(entry: &Entry<'_>, value: AttributeValue<Reader>) -> gimli::Result<Option<Self>> {
        Ok(entry.dwarf().attr_locations(entry.unit(), value)?.map(Self))
    }

    /// The next entry.
    ///
    /// # Errors
    /// It is malformed.
    pub fn next(&mut self) -> gimli::Result<Option<(Range<u64>, Expression)>> {
        while let Some(raw) = self.0.next_raw()? {
            // Empty ranges are taken for none, so they are made longer meanwhile.
            let (raw, added) = lengthened(raw);
            if let Some(found) = self.0.convert_raw(raw)? {
                let (begin, end) = (found.range.begin, found.range.end);
                return Ok(Some((begin..end.saturating_sub(added), found.data)));
            }
        }
        Ok(None)
    }
}

/// An entry with an empty range as one of a byte, and how many bytes were added.
fn lengthened(raw: RawLocListEntry<Reader>) -> (RawLocListEntry<Reader>, u64) {
    use RawLocListEntry as Raw;
    match raw {
        Raw::OffsetPair { begin, end, data } if begin == end => {
            (Raw::OffsetPair { begin, end: end.wrapping_add(1), data }, 1)
        }
        Raw::AddressOrOffsetPair { begin, end, data } if begin == end => {
            (Raw::AddressOrOffsetPair { begin, end: end.wrapping_add(1), data }, 1)
        }
        Raw::StartEnd { begin, end, data } if begin == end => {
            (Raw::StartEnd { begin, end: end.wrapping_add(1), data }, 1)
        }
        Raw::StartLength { begin, length: 0, data } => {
            (Raw::StartLength { begin, length: 1, data }, 1)
        }
        Raw::StartxLength { begin, length: 0, data } => {
            (Raw::StartxLength { begin, length: 1, data }, 1)
        }
        other => (other, 0),
    }
}
