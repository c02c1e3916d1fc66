//! Absorbing the log: the records become executions of the chunk.

use super::Translate;
use super::block::HEADER_BYTES;
use super::state::Place;
use crate::engine::Flow;
use crate::engine::code::Prepared;
use crate::tracee::Stopped;
use std::sync::Arc;

impl Translate {
    /// Takes over the log up to `cursor`, and the part of the open record that
    /// `place` says has happened. The recording's registers stay as they were
    /// before; those at `place` are the caller's to set.
    pub(super) fn absorb(&mut self, stopped: &Stopped, cursor: u64, place: &Place) -> Flow<()> {
        let Some(home) = &mut self.home else { return Ok(()) };
        let base = home.region.layout.base;
        let range = (home.unread - base) as usize..(cursor - base) as usize;
        home.unread = cursor;
        let rec = &mut self.step.rec;
        let log = home.region.memory.bytes(stopped, range.clone());
        if !log.is_empty() {
            rec.absorb(log)?;
        }
        if let Some((prepared, done)) = &place.record {
            let start = range.end + HEADER_BYTES;
            let row = start..start + prepared.block.row_bytes();
            let row = home.region.memory.bytes(stopped, row);
            rec.begin_tracepoint(prepared.id)?;
            fill(rec, prepared, *done, row);
        }
        rec.builder.set_pc(place.pc);
        Ok(())
    }
}

/// Records the first `done` instructions of a block from the open record's row.
fn fill(rec: &mut crate::recording::Recording, prepared: &Arc<Prepared>, done: usize, row: &[u8]) {
    let block = &prepared.block;
    let logged = block.slots(done).first().map_or(block.row_bytes(), |s| s.offset as usize);
    rec.builder.row(block)[..logged].copy_from_slice(&row[..logged]);
    for index in 0..done {
        rec.builder.count(block.address(index + 1));
    }
    rec.builder.end(block.instructions().len(), false);
}
