//! Where a value came from: followed backwards through moves and arithmetic, from one
//! write to the write of what that wrote, to constants, files, system calls.

mod allocated;
mod bit_field;
mod carried;
mod chain;
mod cleared;
mod constant;
mod effects;
mod extent;
mod left;
mod leftover;
mod link;
mod names;
mod naming;
mod origin;
mod padding;
mod parts;
mod pipe;
mod question;
mod returned;
mod signal_frame;
mod start;
mod telling;
mod tracer;
mod visit;
mod writer;

pub use extent::Extent;
pub use link::{Beginning, Link, Note, Why};
pub use origin::Origin;
pub use question::Question;
pub(super) use visit::Visits;
pub(super) use writer::Writer;

use super::Session;
use super::modification::field_of;
use crate::dataflow::{Place, Span};
use crate::timeline::StateError;
use tracer::Tracer;

/// How far an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Most links one behind the other; those that only carry a value are not counted.
    pub depth: usize,
    /// Most links that are shown.
    pub links: usize,
    /// Whether the registers that make addresses count as sources of what is loaded.
    pub addresses: bool,
    /// Whether the stack pointer is followed, too: through every push and call.
    pub stack: bool,
}

impl Session {
    /// Where what is `asked` about, at state `t`, comes from: bytes, or bits of them; registers
    /// are those of the thread that runs there.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn why<A: Into<Extent> + Copy>(
        &self,
        asked: &[A],
        t: u64,
        reach: Reach,
    ) -> Result<Why, StateError> {
        self.why_of(asked, (self.timeline.thread(t)?, t), reach)
    }

    /// The same, of a thread whether or not it runs at that state.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn why_of<A: Into<Extent> + Copy>(
        &self,
        asked: &[A],
        (thread, t): (u32, u64),
        reach: Reach,
    ) -> Result<Why, StateError> {
        let asked: Vec<Extent> = asked.iter().map(|one| (*one).into()).collect();
        Tracer::new(self, thread, reach).trace(&asked, t)
    }

    /// What bytes hold at a state, registers a thread's; of a bit-field, see [`field_of`].
    pub(super) fn held_of(
        &self,
        of: &Extent,
        (thread, t): (u32, u64),
    ) -> Result<super::Bytes, StateError> {
        let held = self.held_by(thread, &of.span, t)?;
        Ok(of.bits.map_or_else(|| held.clone(), |bits| field_of(bits, &held)))
    }

    /// What bytes hold at state `t`, registers those of the thread that runs there.
    pub(super) fn held(&self, span: &Span, t: u64) -> Result<super::Bytes, StateError> {
        self.held_by(self.timeline.thread(t)?, span, t)
    }

    fn held_by(&self, thread: u32, span: &Span, t: u64) -> Result<super::Bytes, StateError> {
        match span.place {
            Place::Memory(address) => {
                Ok(self.timeline.memory(t, address, span.length as usize)?.into())
            }
            _ => {
                let registers = self.timeline.registers_of(thread, t)?;
                let bytes = span.read(&registers).unwrap_or_default();
                Ok(bytes.into_iter().map(Some).collect())
            }
        }
    }
}
