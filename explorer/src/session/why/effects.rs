//! What one tracepoint did to bytes: its instruction, its events, its changes of mappings.

use super::parts::{Part, Remaining, joined};
use super::writer::Writer;
use crate::dataflow::{self, Moment, Place, Source, Span};
use crate::session::Session;
use crate::timeline::{Direction, StateError};
use iced_x86::Mnemonic;
use rdb_schema::event::{Event, EventKind};
use rdb_schema::registers::Gpr;
use rdb_schema::space::Base;
use std::ops::{ControlFlow, Range};

impl Session {
    /// What `tracepoint` changed of the bytes that no flow explains. Those that it left as
    /// they were count as not written: the stores of `xsave` are recorded as far as it might
    /// have come.
    pub(super) fn add_changed(
        &self,
        span: &Span,
        tracepoint: u64,
        parts: &mut Vec<Part>,
    ) -> Result<(), StateError> {
        let unknown = Writer::Instruction { tracepoint, source: Source::Unknown };
        parts.retain(|(_, writer)| *writer != unknown);
        let rest = Remaining::beside(span, parts);
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
    pub(super) fn add_mapped(
        &self,
        span: &Span,
        tracepoint: u64,
        parts: &mut Vec<Part>,
    ) -> Result<(), StateError> {
        let rest = Remaining::beside(span, parts);
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

    /// What tracepoint `w` wrote of `span`: ranges that do not overlap.
    pub(super) fn parts(&self, span: &Span, w: u64) -> Result<Vec<Part>, StateError> {
        let mut rest = Remaining::new(span);
        let mut parts = Vec::new();
        let mut add = |to: &Span, writer: &dyn Fn(Range<u32>) -> Writer| {
            let Some(range) = span.within(to) else { return };
            for range in rest.take(&range) {
                parts.push((range.clone(), writer(range)));
            }
        };
        let (mut completed, mut entered) = (true, false);
        let (mut changed, mut opaque) = (Vec::new(), Vec::new());
        self.timeline.events(w..w + 1, Direction::Forward, &mut |event| {
            completed &= !matches!(&event.kind, EventKind::Signal(signal) if signal.fault);
            entered |= matches!(event.kind, EventKind::Syscall(_));
            match event.kind {
                // What only its result says may be described all the same.
                EventKind::Opaque => opaque.extend(changes(event)),
                _ => changed.extend(changes(event)),
            }
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
        let Some(instruction) = self.instruction_at(w)?.filter(|_| completed) else {
            opaque.iter().for_each(|to| add(to, &|_| Writer::Event(w)));
            return Ok(parts);
        };
        if entered && instruction.mnemonic() == Mnemonic::Syscall {
            for register in [Gpr::RAX, Gpr::RCX, Gpr::R11] {
                add(&Span::gpr(register, 8), &|_| Writer::Event(w));
            }
            return Ok(joined(parts));
        }
        let (before, after) = (self.timeline.registers(w)?, self.timeline.registers_after(w)?);
        let memory = [w, w + 1].map(|t| {
            move |address, length: u32| {
                let bytes = self.timeline.memory(t, address, length as usize).ok()?;
                bytes.into_iter().collect()
            }
        });
        let [found, left] = &memory;
        let moment = Moment::new(&instruction, &before, &after).with_memory(found, left);
        for flow in dataflow::flows(&moment) {
            add(&flow.to, &|range| {
                let part = span.part(range.start, range.end - range.start);
                let source = flow.source.part(part.behind(&flow.to), part.length, flow.to.length);
                Writer::Instruction { tracepoint: w, source }
            });
        }
        opaque.iter().for_each(|to| add(to, &|_| Writer::Event(w)));
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
