//! Bytes of a frame that its function has not written: what the stack held there before.

use super::Beginning;
use super::Origin;
use super::tracer::{Task, Tracer};
use super::writer::{Piece, Writer};
use crate::dataflow::{Place, Span};
use crate::session::scope::{Owner, RED_ZONE, owner};
use crate::session::{Frames, Session};
use crate::timeline::{Direction, StateError};

/// Frames among which the one that has the bytes is looked for.
const FRAMES: usize = 64;

/// Bytes above the stack pointer that may be its stack: as many as a stack has at most by
/// default (`ulimit -s`, setrlimit(2)).
const STACK: u64 = 8 << 20;

impl Tracer<'_> {
    /// Ends the way of what another frame left in the stack, with a link that tells who did;
    /// whether it did.
    pub(super) fn ends_at_leftover(
        &mut self,
        task: &Task,
        piece: &Piece,
    ) -> Result<bool, StateError> {
        let (Writer::Instruction { tracepoint, .. }
        | Writer::Event(tracepoint)
        | Writer::Piped { tracepoint, .. }) = &piece.writer
        else {
            return Ok(false);
        };
        let wrote = *tracepoint;
        let at = (self.thread_of(task)?, task.state);
        let origin = self.session.leftover(&piece.span, wrote, at)?;
        let Some(origin) = origin else { return Ok(false) };
        let key = (piece.extent(), wrote);
        if let Some(known) = self.known.get(&key).copied() {
            self.again(task, piece, (known, wrote))?;
            return Ok(true);
        }
        let Some(number) = self.new_link(task, piece, Some(wrote))? else { return Ok(true) };
        self.known.insert(key, number);
        if let Some(link) = self.why.links.get_mut(number) {
            if matches!(piece.writer, Writer::Instruction { .. }) {
                link.steps(wrote, false);
            }
            link.leftover = true;
            link.add(Beginning { tracepoint: Some(wrote), origin });
        }
        self.shown += 1;
        Ok(true)
    }
}

impl Session {
    /// That bytes, which tracepoint `wrote` was the last to write before state `t` of a thread,
    /// lie in a frame that was made behind it.
    fn leftover(
        &self,
        span: &Span,
        wrote: u64,
        (thread, t): (u32, u64),
    ) -> Result<Option<Origin>, StateError> {
        let Place::Memory(address) = span.place else { return Ok(None) };
        let rsp = self.timeline.registers_of(thread, t)?.rsp();
        let stack = rsp.saturating_sub(RED_ZONE)..rsp.saturating_add(STACK);
        // A frame is left when the stack pointer comes to its end.
        let left = |end| {
            let left = self.find_above(thread, wrote, Direction::Forward, end)?;
            Ok::<_, StateError>(left.is_some_and(|left| left <= t))
        };
        if !stack.contains(&address) || !left(address.saturating_add(1))? {
            return Ok(None);
        }
        let frames = Frames::walk(self, thread, t, FRAMES)?;
        let Some(Owner { pc, cfa }) = owner(&frames, address) else { return Ok(None) };
        let Some(bounds) = self.locator.bounds(&self.timeline, t, pc.for_lookup()) else {
            return Ok(None);
        };
        if !left(cfa)? {
            return Ok(None);
        }
        let entered = self.entered_before((thread, t), bounds.entry, cfa)?;
        let entered = entered.filter(|entered| *entered > wrote);
        Ok(entered.map(|entered| Origin::Leftover { function: bounds.name, entered }))
    }
}
