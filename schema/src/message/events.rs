//! Events frames.

use super::header::{process_start, set_process_start};
use super::space::{change, set_change};
use super::{Result, finish, open, text};
use crate::event::{Disposition, Event, EventKind, Exit, SIGINFO_BYTES, Signal, Syscall};
use crate::registers::RegisterPatch;
use crate::trace_capnp::{event, events, exit, signal, syscall};
use crate::varint::Malformed;
use capnp::message::Builder;

/// An events frame's payload.
pub fn encode_events(list: &[Event]) -> Vec<u8> {
    let mut message = Builder::new_default();
    let mut out = message.init_root::<events::Builder>().init_list(list.len() as u32);
    for (i, one) in list.iter().enumerate() {
        set_event(out.reborrow().get(i as u32), one);
    }
    finish(&message)
}

/// The events in a frame's payload, which are in order of their tracepoints.
///
/// # Errors
/// The payload is no events, or they are out of order.
pub fn decode_events(payload: &[u8]) -> Result<Vec<Event>> {
    let message = open(payload)?;
    let from = message.get_root::<events::Reader>()?.get_list()?;
    let list: Vec<Event> = from.iter().map(read_event).collect::<Result<_>>()?;
    if !list.is_sorted_by_key(|e| e.tracepoint) {
        return Err(Malformed.into());
    }
    Ok(list)
}

fn set_event(mut out: event::Builder, value: &Event) {
    out.set_tracepoint(value.tracepoint);
    out.set_thread(value.thread);
    let ranges = &value.registers.0;
    let mut registers = out.reborrow().init_registers(ranges.len() as u32);
    for (i, (offset, bytes)) in ranges.iter().enumerate() {
        let mut range = registers.reborrow().get(i as u32);
        range.set_offset(*offset);
        range.set_bytes(bytes);
    }
    let mut memory = out.reborrow().init_memory(value.memory.len() as u32);
    for (i, (address, bytes)) in value.memory.iter().enumerate() {
        let mut range = memory.reborrow().get(i as u32);
        range.set_address(*address);
        range.set_bytes(bytes);
    }
    let mut mappings = out.reborrow().init_mappings(value.mappings.len() as u32);
    for (i, one) in value.mappings.iter().enumerate() {
        set_change(mappings.reborrow().get(i as u32), one);
    }
    set_kind(out, &value.kind);
}

fn set_kind(mut out: event::Builder, kind: &EventKind) {
    match kind {
        EventKind::Syscall(value) => set_syscall(out.init_syscall(), value),
        EventKind::Signal(value) => set_signal(out.init_signal(), value),
        EventKind::Exec(start) => set_process_start(out.init_exec(), start),
        EventKind::Exit(value) => set_exit(out.init_exit(), value),
        EventKind::ModuleLoad(index) => out.set_module_load(*index),
        EventKind::External { detail, bytes } => {
            let mut external = out.init_external();
            external.set_detail(detail);
            external.set_bytes(*bytes);
        }
        EventKind::Opaque => out.set_opaque(()),
        EventKind::Mapping => out.set_mapping(()),
        EventKind::Gap(detail) => out.init_gap().set_detail(detail),
        EventKind::ThreadStart(thread) => out.set_thread_start(*thread),
        EventKind::Notice(words) => out.set_notice(words),
    }
}

fn read_event(from: event::Reader) -> Result<Event> {
    let registers = from.get_registers()?.iter();
    let memory = from.get_memory()?.iter();
    Ok(Event {
        tracepoint: from.get_tracepoint(),
        thread: from.get_thread(),
        registers: RegisterPatch(
            registers
                .map(|r| Ok((r.get_offset(), r.get_bytes()?.to_vec())))
                .collect::<Result<_>>()?,
        ),
        memory: memory
            .map(|m| Ok((m.get_address(), m.get_bytes()?.to_vec())))
            .collect::<Result<_>>()?,
        mappings: from.get_mappings()?.iter().map(change).collect::<Result<_>>()?,
        kind: read_kind(from)?,
    })
}

fn read_kind(from: event::Reader) -> Result<EventKind> {
    use event::Which;
    Ok(match from.which()? {
        Which::Syscall(value) => EventKind::Syscall(read_syscall(value?)?),
        Which::Signal(value) => EventKind::Signal(read_signal(value?)?),
        Which::Exec(start) => EventKind::Exec(Box::new(process_start(start?)?)),
        Which::Exit(value) => EventKind::Exit(exit(value?)?),
        Which::ModuleLoad(index) => EventKind::ModuleLoad(index),
        Which::External(value) => {
            let value = value?;
            EventKind::External { detail: text(value.get_detail()?), bytes: value.get_bytes() }
        }
        Which::Opaque(()) => EventKind::Opaque,
        Which::Mapping(()) => EventKind::Mapping,
        Which::Gap(value) => EventKind::Gap(text(value?.get_detail()?)),
        Which::ThreadStart(thread) => EventKind::ThreadStart(thread),
        Which::Notice(words) => EventKind::Notice(text(words?)),
    })
}

fn set_syscall(mut out: syscall::Builder, value: &Syscall) {
    out.set_number(value.number);
    out.set_result(value.result);
    out.set_known(value.known);
    out.set_restarted(value.restarted);
    out.set_finished(value.finished);
    let mut arguments = out.init_arguments(6);
    for (i, argument) in value.arguments.iter().enumerate() {
        arguments.set(i as u32, *argument);
    }
}

fn read_syscall(from: syscall::Reader) -> Result<Syscall> {
    let mut arguments = [0; 6];
    for (slot, argument) in arguments.iter_mut().zip(from.get_arguments()?.iter()) {
        *slot = argument;
    }
    Ok(Syscall {
        number: from.get_number(),
        arguments,
        result: from.get_result(),
        known: from.get_known(),
        restarted: from.get_restarted(),
        finished: from.get_finished(),
    })
}

fn set_signal(mut out: signal::Builder, value: &Signal) {
    out.set_number(value.number);
    out.set_info(&value.info);
    out.set_fault(value.fault);
    out.set_disposition(match value.disposition {
        Disposition::Ignored => signal::Disposition::Ignored,
        Disposition::Handled => signal::Disposition::Handled,
        Disposition::Fatal => signal::Disposition::Fatal,
        Disposition::Stopped => signal::Disposition::Stopped,
    });
}

fn read_signal(from: signal::Reader) -> Result<Signal> {
    let info = from.get_info()?;
    Ok(Signal {
        number: from.get_number(),
        info: info.get(..info.len().min(SIGINFO_BYTES)).unwrap_or_default().to_vec(),
        fault: from.get_fault(),
        disposition: match from.get_disposition()? {
            signal::Disposition::Ignored => Disposition::Ignored,
            signal::Disposition::Handled => Disposition::Handled,
            signal::Disposition::Fatal => Disposition::Fatal,
            signal::Disposition::Stopped => Disposition::Stopped,
        },
    })
}

pub(super) fn set_exit(mut out: exit::Builder, value: &Exit) {
    match *value {
        Exit::Status(status) => out.set_status(status),
        Exit::Signal(number) => out.set_signal(number),
        Exit::Unknown => out.set_unknown(()),
    }
}

pub(super) fn exit(from: exit::Reader) -> Result<Exit> {
    use exit::Which;
    Ok(match from.which()? {
        Which::Status(status) => Exit::Status(status),
        Which::Signal(number) => Exit::Signal(number),
        Which::Unknown(()) => Exit::Unknown,
    })
}
