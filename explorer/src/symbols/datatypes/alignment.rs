//! What types are aligned to.

use super::{Offset, Record, Shape, Type};

/// Most types around each other.
const MAX_DEPTH: u32 = 64;

/// Members of one type that are looked at: a malformed record may contain itself, twice.
const MAX_MEMBERS: u32 = 100_000;

impl Type {
    /// Bytes that its values are aligned to: as stated (DW_AT_alignment), else as the SysV
    /// psABI (x86-64, table 3.1 and 3.1.2) has it. `None` if that is not known, as of packed
    /// records: nothing states how they are.
    pub fn alignment(&self) -> Option<u64> {
        let mut left = MAX_MEMBERS;
        self.alignment_within(0, &mut left)
    }

    fn alignment_within(&self, depth: u32, left: &mut u32) -> Option<u64> {
        *left = left.checked_sub(1).filter(|_| depth < MAX_DEPTH)?;
        if let Some(stated) = self.stated_by_alias() {
            return Some(stated);
        }
        let of = self.stripped();
        match of.shape() {
            Shape::Array { of: element, vector: false, .. } => {
                of.follow(element).alignment_within(depth + 1, left)
            }
            Shape::Array { .. } => of.size().map(u64::next_power_of_two),
            Shape::Record(record) if record.declaration => None,
            Shape::Record(record) => match record.alignment {
                Some(stated) => Some(stated),
                None => of.of_members(record, depth, left),
            },
            Shape::MemberPointer { .. } => Some(super::POINTER_SIZE),
            Shape::Void | Shape::Function { .. } => Some(1),
            Shape::Base { encoding: super::Encoding::Complex, size, .. } => Some(size / 2),
            _ => of.size().filter(|size| size.is_power_of_two()),
        }
    }

    /// What the first typedef says that says anything.
    fn stated_by_alias(&self) -> Option<u64> {
        let mut of = self.clone();
        for _ in 0..MAX_DEPTH {
            let to = match of.shape() {
                Shape::Alias { alignment: Some(stated), .. } => return Some(*stated),
                Shape::Alias { to, .. } | Shape::Qualified { to, .. } => to.clone(),
                _ => return None,
            };
            of = of.follow(&to);
        }
        None
    }

    /// The largest of the members', if they lie so.
    fn of_members(&self, record: &Record, depth: u32, left: &mut u32) -> Option<u64> {
        let mut largest = 1;
        for member in &record.members {
            let own = self.follow(&member.of).alignment_within(depth + 1, left)?;
            let own = member.alignment.unwrap_or(own).max(1);
            match member.offset {
                Offset::Bytes(offset) if member.bits.is_none() && !offset.is_multiple_of(own) => {
                    return None;
                }
                _ => largest = largest.max(own),
            }
        }
        record.size.is_multiple_of(largest).then_some(largest)
    }
}
