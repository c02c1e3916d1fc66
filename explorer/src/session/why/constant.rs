//! Constants that go into a value beside others.

use super::tracer::Tracer;
use super::{Beginning, Origin};
use crate::dataflow::{self, Moment, Source, Span};
use crate::timeline::StateError;

impl Tracer<'_> {
    /// Adds the constant, if there is one, that the instruction at a tracepoint brings into bytes
    /// that it computes of others.
    pub(super) fn constant(
        &mut self,
        link: usize,
        bytes: &Span,
        (tracepoint, source): (u64, &Source),
    ) -> Result<(), StateError> {
        let computes =
            matches!(source, Source::Bytewise(_) | Source::Upward(_) | Source::Combined(_));
        if !computes || !self.brings_constant(bytes, tracepoint)? {
            return Ok(());
        }
        let beginning = Beginning { tracepoint: Some(tracepoint), origin: Origin::Constant };
        if let Some(link) = self.why.links.get_mut(link) {
            link.add(beginning);
        }
        Ok(())
    }

    fn brings_constant(&self, bytes: &Span, t: u64) -> Result<bool, StateError> {
        let timeline = &self.session.timeline;
        let Some(instruction) = self.session.instruction_at(t)? else { return Ok(false) };
        let (before, after) = (timeline.registers(t)?, timeline.registers_after(t)?);
        let moment = Moment::new(&instruction, &before, &after);
        let Some(to) = moment.result() else { return Ok(false) };
        let own = bytes.within(&to).map(|own| {
            let first = bytes.behind(&to).wrapping_add(own.start);
            first..first.wrapping_add(own.end - own.start)
        });
        Ok(own.is_some_and(|own| dataflow::brings_constant(&moment, own)))
    }
}
