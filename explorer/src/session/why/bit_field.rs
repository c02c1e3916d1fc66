//! Bits of a bit-field: neither their neighbours' writers are followed, nor what masks take away.

use super::extent::Extent;
use super::tracer::Tracer;
use crate::dataflow::{self, BitSource, Moment, Place};
use crate::session::Subject;
use crate::timeline::{Direction, StateError};

impl Tracer<'_> {
    /// The state up to which the writes of an extent matter: of a bit-field in memory, what was
    /// written later was about its neighbours.
    pub(super) fn last_of_field(&self, of: &Extent, t: u64) -> Result<u64, StateError> {
        let (Some(bits), Place::Memory(address)) = (of.bits, of.span.place) else { return Ok(t) };
        let subject = Subject::Memory { address, bytes: of.span.length.into(), bits: Some(bits) };
        let field = (&subject, bits);
        let found = self.session.field_changes(field, 0..t, Direction::Backward, 1)?;
        Ok(found.first().map_or(t, |((written, _), _)| written.saturating_add(1).min(t)))
    }

    /// Where the bits of `of` come from that the instruction of tracepoint `t` made, if it takes
    /// bits by themselves.
    pub(super) fn bit_source(&self, of: &Extent, t: u64) -> Result<Option<BitSource>, StateError> {
        let (Some(_), Some(instruction)) = (of.bits, self.session.instruction_at(t)?) else {
            return Ok(None);
        };
        let timeline = &self.session.timeline;
        let (before, after) = (timeline.registers(t)?, timeline.registers_after(t)?);
        let memory = |address, length: u32| {
            let bytes = timeline.memory(t, address, length as usize).ok()?;
            bytes.into_iter().collect()
        };
        let moment = Moment::new(&instruction, &before, &after).with_memory(&memory, &memory);
        let result = moment.result().filter(|result| {
            of.span.within(result).is_some_and(|part| part == (0..of.span.length))
        });
        let bits = result.and_then(|result| of.bits_in(&result));
        Ok(bits.and_then(|bits| dataflow::bit_source(&moment, &bits)))
    }
}
