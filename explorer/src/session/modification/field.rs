//! Writes to bit-fields: of the writes to the bytes that a field lies in, those that are of its
//! bits.

use super::Moment as Written;
use crate::dataflow::{Kept, KeptBits, Moment};
use crate::session::value::{Bytes, unknown};
use crate::session::{Session, Subject};
use crate::symbols::datatypes::Bits;
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

/// Writes of the bytes looked at a time, at least and at most.
const BATCH: Range<usize> = 16..1024;

/// Instructions before a store that are looked at, with it.
const WINDOW: usize = 32;

/// A write: when, and what was there before and afterwards.
pub(super) type Change = (Written, (Bytes, Bytes));

impl Session {
    /// At most `limit` writes of `times` to a bit-field, in `direction`; of what the field
    /// holds, see [`field_of`].
    pub(in crate::session) fn field_changes(
        &self,
        field: (&Subject, Bits),
        times: Range<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Change>, StateError> {
        let mut found = Vec::new();
        if limit > 0 {
            self.each_field_change(field, times, direction, &mut |change| {
                found.push(change);
                let enough = found.len() >= limit;
                if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        Ok(found)
    }

    /// Calls `visit` with the writes of `times` to a bit-field, in `direction`, until it breaks.
    pub(in crate::session) fn each_field_change(
        &self,
        (subject, bits): (&Subject, Bits),
        mut times: Range<u64>,
        direction: Direction,
        visit: &mut dyn FnMut(Change) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let mut most = BATCH.start;
        loop {
            let changes = self.byte_changes(subject, times.clone(), direction, most)?;
            let Some(((last, _), _)) = changes.last() else { return Ok(()) };
            match direction {
                Direction::Forward => times.start = last.saturating_add(1),
                Direction::Backward => times.end = *last,
            }
            let is_all = changes.len() < most;
            for (moment, (old, new)) in changes {
                let wanted = moment.1 || self.is_of_field((subject, bits), moment.0, &old, &new)?;
                let change = || (moment, (field_of(bits, &old), field_of(bits, &new)));
                if wanted && visit(change()).is_break() {
                    return Ok(());
                }
            }
            if is_all {
                return Ok(());
            }
            most = (most * 2).min(BATCH.end);
        }
    }

    /// Whether the write of tracepoint `t`, which turned `old` into `new`, is one of a field. A
    /// store takes whole bytes: the neighbours that it writes back as they were are not what it
    /// is about. Where the code does not tell, those are that kept what the store did not
    /// change, as long as it changed anything.
    fn is_of_field(
        &self,
        (subject, bits): (&Subject, Bits),
        t: u64,
        old: &[Option<u8>],
        new: &[Option<u8>],
    ) -> Result<bool, StateError> {
        let field = field_of(bits, new);
        if field_of(bits, old) != field || field.contains(&None) {
            return Ok(true);
        }
        self.interrupt.check()?;
        let kept = self.kept_by(t)?;
        let first = subject.addresses().map_or(0, |range| range.start);
        let keeps = kept.map(|kept| keeps(kept, first, bits));
        Ok(keeps.map_or(old == new, |keeps| !keeps))
    }

    /// Which bits of what `t` stores are as memory held them, as the code before it tells.
    fn kept_by(&self, t: u64) -> Result<Option<Kept>, StateError> {
        let thread = self.timeline.thread(t)?;
        let before = std::iter::successors(Some(t), |t| self.timeline.predecessor(thread, *t));
        let mut states: Vec<u64> = before.take(WINDOW).collect();
        states.reverse();
        let (mut kept, mut stored) = (KeptBits::default(), None);
        for state in states {
            let Some(instruction) = self.instruction_at(state)? else { continue };
            let registers = self.timeline.registers(state)?;
            // What it leaves in registers is not looked at.
            let moment = Moment::new(&instruction, &registers, &registers);
            stored = kept.stored(&moment);
            kept.pass(&moment);
        }
        Ok(stored)
    }
}

/// Whether a store keeps those bits of a field at `first` that it writes.
fn keeps(kept: Kept, first: u64, bits: Bits) -> bool {
    let start = i128::from(first) * 8 + i128::from(bits.offset) - i128::from(kept.address) * 8;
    let own = (start..start + i128::from(bits.size)).filter(|bit| (0..64).contains(bit));
    own.into_iter().all(|bit| kept.mask >> bit & 1 == 1)
}

/// A field out of the bytes it lies in: a number in as many bytes as it needs, none of them
/// known if one of those it lies in is not.
pub fn field_of(bits: Bits, held: &[Option<u8>]) -> Bytes {
    let length = bits.size.div_ceil(8).min(16) as usize;
    match crate::values::Bytes::of_memory(0, held).bits(bits.offset, bits.size) {
        Ok(number) => number.to_le_bytes().into_iter().take(length).map(Some).collect(),
        Err(_) => unknown(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: Bits = Bits { offset: 6, size: 4 };

    fn known(bytes: [u8; 2]) -> Bytes {
        bytes.into_iter().map(Some).collect()
    }

    #[test]
    fn a_field_is_its_bits_across_bytes() {
        assert_eq!(*field_of(FIELD, &known([0b1100_0000, 0b01])), [Some(0b0111)]);
        assert_eq!(*field_of(FIELD, &[Some(0), None]), [None]);
        assert_eq!(*field_of(Bits { offset: 0, size: 9 }, &known([1, 1])), [Some(1), Some(1)]);
    }

    #[test]
    fn a_store_keeps_what_it_does_not_reach() {
        let kept = |address, mask| keeps(Kept { address, mask }, 0x100, FIELD);
        assert!(kept(0x100, 0x3c0) && kept(0x100, !0));
        assert!(!kept(0x100, 0x1c0) && !kept(0x100, 0x380));
        assert!(kept(0xff, 0x3c000) && kept(0x101, 3) && !kept(0x101, 1));
    }
}
