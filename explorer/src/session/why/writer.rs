//! Who wrote bytes last, and where that says they come from.

use super::extent::Extent;
use super::parts::{Part, Remaining};
use crate::dataflow::{Place, Source, Span};
use crate::index::{IndexError, register_bit};
use crate::session::Session;
use crate::symbols::datatypes::Bits;
use crate::timeline::{Direction, StateError};
use rdb_schema::registers::Registers;
use std::mem::offset_of;
use std::ops::ControlFlow;

/// Most parts of different origin that one range is told apart into.
pub const MAX_PIECES: usize = 64;

/// Bytes that were written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How far they begin behind the range asked about.
    pub offset: u32,
    /// The bytes.
    pub span: Span,
    /// Which of their bits are meant, if not all.
    pub bits: Option<Bits>,
    /// By whom.
    pub writer: Writer,
}

/// Who wrote bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The instruction of a tracepoint.
    Instruction {
        /// The tracepoint.
        tracepoint: u64,
        /// Where it has them from.
        source: Source,
    },
    /// What happened at a tracepoint beside its instruction.
    Event(u64),
    /// A system call at a tracepoint, from what another one wrote into a pipe.
    Piped {
        /// The tracepoint that read.
        tracepoint: u64,
        /// What was written.
        from: Span,
        /// The tracepoint that wrote.
        written: u64,
    },
    /// A change of mappings at a tracepoint.
    Mapped(u64),
    /// Nobody: they stood there when the history began.
    Nobody,
    /// Too many to tell apart.
    Many,
}

impl Piece {
    /// The bytes, or bits of them.
    pub fn extent(&self) -> Extent {
        Extent { span: self.span, bits: self.bits }
    }
}

impl Session {
    /// The bytes of `span` at state `t`, by who wrote them last, in order: of registers, those
    /// of `thread`.
    ///
    /// # Errors
    /// [`StateError`].
    pub(in crate::session) fn written_last(
        &self,
        span: Span,
        (thread, t): (u32, u64),
    ) -> Result<Vec<Piece>, StateError> {
        let mut pieces = Vec::new();
        let mut open = vec![(0u32, span, t)];
        while let Some((offset, span, t)) = open.pop() {
            if self.interrupt.raised() {
                return Err(StateError::Interrupted);
            }
            if pieces.len() + open.len() >= MAX_PIECES {
                pieces.push(Piece { offset, span, bits: None, writer: Writer::Many });
                continue;
            }
            let Some((tracepoint, parts)) = self.last_writer(&span, (thread, t))? else {
                pieces.push(Piece { offset, span, bits: None, writer: Writer::Nobody });
                continue;
            };
            let mut rest = Remaining::new(&span);
            for (range, writer) in parts {
                rest.take(&range);
                let part = span.part(range.start, range.end - range.start);
                let span = match span.place {
                    Place::Flags(_) => span,
                    _ => part,
                };
                pieces.push(Piece { offset: offset + range.start, span, bits: None, writer });
            }
            for range in rest.0 {
                let part = span.part(range.start, range.end - range.start);
                open.push((offset + range.start, part, tracepoint));
            }
        }
        pieces.sort_by_key(|piece| piece.offset);
        Ok(pieces)
    }

    /// The last tracepoint before `t` that wrote some of `span`, and what it did to it.
    fn last_writer(
        &self,
        span: &Span,
        (thread, t): (u32, u64),
    ) -> Result<Option<(u64, Vec<Part>)>, StateError> {
        let register = match span.place {
            Place::Memory(address) => return self.last_store(span, address, t),
            Place::Register(offset) => offset.into(),
            Place::Flags(_) => offset_of!(Registers, rflags),
        };
        self.last_load(span, register_bit(register), (thread, t))
    }

    fn last_store(
        &self,
        span: &Span,
        address: u64,
        t: u64,
    ) -> Result<Option<(u64, Vec<Part>)>, StateError> {
        let addresses = address..address.saturating_add(span.length.into());
        let mut found = None;
        self.ask_index(|index| {
            let visit = &mut |write: crate::index::Write| {
                found = Some(write);
                ControlFlow::Break(())
            };
            index.writes(&self.timeline, addresses.clone(), 0..t, Direction::Backward, visit)
        })?;
        let Some(write) = found else { return Ok(None) };
        let mut parts = self.parts(span, write.tracepoint)?;
        match write.mapped {
            true => self.add_mapped(span, write.tracepoint, &mut parts)?,
            false => self.add_changed(span, write.tracepoint, &mut parts)?,
        }
        Ok(Some((write.tracepoint, parts)))
    }

    fn last_load(
        &self,
        span: &Span,
        bit: u64,
        (thread, t): (u32, u64),
    ) -> Result<Option<(u64, Vec<Part>)>, StateError> {
        let (mut found, mut failed) = (None, None);
        let own = |w: u64| self.timeline.runs(w, thread);
        self.ask_index(|index| -> Result<(), IndexError> {
            index.register_writes(&self.timeline, bit, 0..t, Direction::Backward, &mut |w| {
                if !own(w) {
                    return ControlFlow::Continue(());
                }
                match self.parts(span, w) {
                    Ok(parts) if parts.is_empty() => ControlFlow::Continue(()),
                    Ok(parts) => {
                        found = Some((w, parts));
                        ControlFlow::Break(())
                    }
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })
        })?;
        failed.map_or(Ok(found), Err)
    }
}
