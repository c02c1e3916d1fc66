//! Who wrote bytes last, and where that says they come from.

use crate::dataflow::{self, Place, Source, Span};
use crate::index::{IndexError, register_bit};
use crate::session::Session;
use crate::timeline::{Direction, StateError};
use iced_x86::Mnemonic;
use rdb_schema::event::{Event, EventKind};
use rdb_schema::registers::{Gpr, Registers};
use rdb_schema::space::Base;
use std::mem::offset_of;
use std::ops::{ControlFlow, Range};

/// Most parts of different origin that one range is told apart into.
pub const MAX_PIECES: usize = 64;

/// Bytes that were written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How far they begin behind the range asked about.
    pub offset: u32,
    /// The bytes.
    pub span: Span,
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

/// What one tracepoint did to a part of a range.
type Part = (Range<u32>, Writer);

impl Session {
    /// The bytes of `span` at state `t`, by who wrote them last, in order.
    ///
    /// # Errors
    /// [`StateError`].
    pub(in crate::session) fn written_last(
        &self,
        span: Span,
        t: u64,
    ) -> Result<Vec<Piece>, StateError> {
        let mut pieces = Vec::new();
        let mut open = vec![(0u32, span, t)];
        while let Some((offset, span, t)) = open.pop() {
            if self.interrupt.raised() {
                return Err(StateError::Interrupted);
            }
            if pieces.len() + open.len() >= MAX_PIECES {
                pieces.push(Piece { offset, span, writer: Writer::Many });
                continue;
            }
            let Some((tracepoint, parts)) = self.last_writer(&span, t)? else {
                pieces.push(Piece { offset, span, writer: Writer::Nobody });
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
                pieces.push(Piece { offset: offset + range.start, span, writer });
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
    fn last_writer(&self, span: &Span, t: u64) -> Result<Option<(u64, Vec<Part>)>, StateError> {
        match span.place {
            Place::Memory(address) => self.last_store(span, address, t),
            Place::Register(offset) => self.last_load(span, register_bit(offset.into()), t),
            Place::Flags(_) => self.last_load(span, register_bit(offset_of!(Registers, rflags)), t),
        }
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

    /// What `tracepoint` changed of the bytes that no flow explains. Those that it left as
    /// they were count as not written: the stores of `xsave` are recorded as far as it might
    /// have come.
    fn add_changed(
        &self,
        span: &Span,
        tracepoint: u64,
        parts: &mut Vec<Part>,
    ) -> Result<(), StateError> {
        let unknown = Writer::Instruction { tracepoint, source: Source::Unknown };
        parts.retain(|(_, writer)| *writer != unknown);
        let mut rest = Remaining::new(span);
        for (range, _) in parts.iter() {
            rest.take(range);
        }
        if rest.0.is_empty() {
            return Ok(());
        }
        let (before, after) = (self.held(span, tracepoint)?, self.held(span, tracepoint + 1)?);
        let changed = |at: &u32| before.get(*at as usize) != after.get(*at as usize);
        let bytes = rest.0.into_iter().flatten().filter(changed);
        parts.extend(bytes.map(|at| (at..at + 1, unknown.clone())));
        Ok(())
    }

    /// What the change of mappings at `tracepoint` did to the bytes not written since.
    fn add_mapped(
        &self,
        span: &Span,
        tracepoint: u64,
        parts: &mut Vec<Part>,
    ) -> Result<(), StateError> {
        let mut rest = Remaining::new(span);
        for (range, _) in parts.iter() {
            rest.take(range);
        }
        let space = self.timeline.shared_space(tracepoint + 1)?;
        for range in rest.0 {
            let part = span.part(range.start, range.end - range.start);
            let Place::Memory(address) = part.place else { continue };
            let writer = match space.find(address).map(|mapping| (mapping, mapping.base)) {
                Some((mapping, Base::Moved(from))) if mapping.since == tracepoint + 1 => {
                    let from = from.wrapping_add(address - mapping.start);
                    let source = Source::Copy(Span::memory(from, part.length));
                    Writer::Instruction { tracepoint, source }
                }
                _ => Writer::Mapped(tracepoint),
            };
            parts.push((range, writer));
        }
        Ok(())
    }

    fn last_load(
        &self,
        span: &Span,
        bit: u64,
        t: u64,
    ) -> Result<Option<(u64, Vec<Part>)>, StateError> {
        let (mut found, mut failed) = (None, None);
        let thread = self.timeline.thread(t)?;
        let own = |w: u64| self.timeline.thread(w).is_ok_and(|of| of == thread);
        self.ask_index(|index| -> Result<(), IndexError> {
            index.register_writes(&self.timeline, bit, 0..t, Direction::Backward, &mut |w| {
                match self.parts(span, w) {
                    Ok(parts) if parts.is_empty() || !own(w) => ControlFlow::Continue(()),
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

    /// What tracepoint `w` wrote of `span`: ranges that do not overlap.
    fn parts(&self, span: &Span, w: u64) -> Result<Vec<Part>, StateError> {
        let mut rest = Remaining::new(span);
        let mut parts = Vec::new();
        let mut add = |to: &Span, writer: &dyn Fn(Range<u32>) -> Writer| {
            let Some(range) = span.within(to) else { return };
            for range in rest.take(&range) {
                parts.push((range.clone(), writer(range)));
            }
        };
        let (mut completed, mut entered) = (true, false);
        let mut changed = Vec::new();
        self.timeline.events(w..w + 1, Direction::Forward, &mut |event| {
            completed &= !matches!(&event.kind, EventKind::Signal(signal) if signal.fault);
            entered |= matches!(event.kind, EventKind::Syscall(_));
            changed.extend(changes(event));
            ControlFlow::Continue(())
        })?;
        for to in changed.iter().rev() {
            if let Some(range) = span.within(to).filter(|_| entered) {
                let part = span.part(range.start, range.end - range.start);
                for passed in self.through_pipe(w, &part)? {
                    add(&passed.to, &|range| {
                        let part = span.part(range.start, range.end - range.start);
                        let from = passed.from.part(part.behind(&passed.to), part.length);
                        Writer::Piped { tracepoint: w, from, written: passed.written }
                    });
                }
            }
            add(to, &|range| self.by_kernel(w, to, span, range));
        }
        let Some(executed) = self.timeline.instruction(w)?.filter(|_| completed) else {
            return Ok(parts);
        };
        let Some(instruction) = dataflow::decode(executed.pc, &executed.bytes) else {
            return Ok(parts);
        };
        if entered && instruction.mnemonic() == Mnemonic::Syscall {
            for register in [Gpr::RAX, Gpr::RCX, Gpr::R11] {
                add(&Span::gpr(register, 8), &|_| Writer::Event(w));
            }
            return Ok(joined(parts));
        }
        let (before, after) = (self.timeline.registers(w)?, self.timeline.registers(w + 1)?);
        for flow in dataflow::flows(&instruction, &before, &after) {
            add(&flow.to, &|range| {
                let part = span.part(range.start, range.end - range.start);
                let source = flow.source.part(part.behind(&flow.to), part.length, flow.to.length);
                Writer::Instruction { tracepoint: w, source }
            });
        }
        Ok(joined(parts))
    }

    /// The bytes that the kernel wrote at `w`: registers that a signal frame keeps are moved
    /// into it, and out of it again.
    fn by_kernel(&self, w: u64, to: &Span, span: &Span, range: Range<u32>) -> Writer {
        let part = span.part(range.start, range.end - range.start);
        match super::signal_frame::moved(self, w, to, &part) {
            Some(from) => Writer::Instruction { tracepoint: w, source: Source::Copy(from) },
            None => Writer::Event(w),
        }
    }
}

/// Parts in order, those that follow each other and were moved together as one.
fn joined(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by_key(|(range, _)| range.start);
    parts.dedup_by(|(next, writer), (last, moved)| {
        let together = last.end == next.start && continues(moved, last.end - last.start, writer);
        if together {
            last.end = next.end;
            lengthen(moved, next.end - next.start);
        }
        together
    });
    parts
}

/// Whether bytes come from right behind where `length` others come from.
fn continues(first: &Writer, length: u32, second: &Writer) -> bool {
    let (
        Writer::Instruction { source: Source::Copy(from), .. },
        Writer::Instruction { source: Source::Copy(next), .. },
    ) = (first, second)
    else {
        return false;
    };
    from.length == length && from.part(length, next.length) == *next
}

fn lengthen(writer: &mut Writer, by: u32) {
    if let Writer::Instruction { source: Source::Copy(from), .. } = writer {
        from.length += by;
    }
}

/// The bytes that an event wrote.
fn changes(event: &Event) -> Vec<Span> {
    let memory = event.memory.iter();
    let memory = memory.map(|(address, bytes)| Span::memory(*address, bytes.len() as u32));
    let registers = event.registers.0.iter().map(|(offset, bytes)| Span {
        place: Place::Register(*offset),
        length: bytes.len() as u32,
    });
    registers.chain(memory).collect()
}

/// The bytes of a span that nobody wrote yet.
struct Remaining(Vec<Range<u32>>);

impl Remaining {
    fn new(span: &Span) -> Self {
        Self(std::iter::once(0..span.length).collect())
    }

    /// Takes a range out; what of it was still there.
    fn take(&mut self, range: &Range<u32>) -> Vec<Range<u32>> {
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for own in self.0.drain(..) {
            let (start, end) = (own.start.max(range.start), own.end.min(range.end));
            if start >= end {
                left.push(own);
                continue;
            }
            taken.push(start..end);
            let around = [own.start..start, end..own.end];
            left.extend(around.into_iter().filter(|part| part.start < part.end));
        }
        self.0 = left;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_taken_once() {
        let mut rest = Remaining::new(&Span::memory(0, 8));
        assert!(rest.take(&(2..4)).iter().eq([&(2..4)]));
        assert_eq!(rest.take(&(0..6)), [0..2, 4..6]);
        assert!(rest.0.iter().eq([&(6..8)]));
    }
}
