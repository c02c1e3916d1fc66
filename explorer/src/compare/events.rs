//! What an instruction's events say beyond what they change.

use super::difference::{Aspect, Part};
use rdb_schema::event::{Event, EventKind, ProcessStart};
use rdb_schema::space::MappingChange;

/// Offset and length of `si_code` (sigaction(2)).
const CODE: std::ops::Range<usize> = 8..12;

/// Differences of two event lists: those that nothing excuses, and those that
/// inputs may explain.
pub struct Found {
    /// Never excused.
    pub plain: Vec<Part>,
    /// Arguments, results, details.
    pub values: Vec<Part>,
}

/// Compares the events of one tracepoint.
pub fn compare(left: &[Event], right: &[Event]) -> Found {
    let mut found = Found { plain: Vec::new(), values: Vec::new() };
    let (l, r): (Vec<_>, Vec<_>) = (telling(left), telling(right));
    let heads = |events: &[&Event]| events.iter().map(|e| head(&e.kind)).collect::<Vec<_>>();
    push(&mut found.plain, Aspect::Event, "events", &heads(&l), &heads(&r));
    if found.plain.is_empty() {
        for (l, r) in l.iter().zip(&r) {
            push(&mut found.values, Aspect::Event, "details", &tail(&l.kind), &tail(&r.kind));
        }
    }
    let (l, r) = (mappings(left), mappings(right));
    push(&mut found.plain, Aspect::Mapping, "changes", &l, &r);
    found
}

fn push<T: std::fmt::Debug + PartialEq>(
    to: &mut Vec<Part>,
    aspect: Aspect,
    name: &str,
    left: &T,
    right: &T,
) {
    if left != right {
        to.push(Part::new(aspect, name, format!("{left:x?}"), format!("{right:x?}")));
    }
}

/// The events that are the program's own: not how it was recorded.
fn telling(events: &[Event]) -> Vec<&Event> {
    let is = |event: &&Event| head(&event.kind).is_some();
    events.iter().filter(is).collect()
}

/// What must be the same in any two runs.
fn head(kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::Syscall(call) => {
            let name = rdb_schema::syscalls::name(call.number).unwrap_or("unknown");
            let (restarted, finished) = (call.restarted, call.finished);
            Some(format!("{name} restarted {restarted} finished {finished}"))
        }
        EventKind::Signal(signal) => {
            let code = signal.info.get(CODE).and_then(|bytes| bytes.try_into().ok());
            let code = code.map_or(0, i32::from_le_bytes);
            let (number, fault) = (signal.number, signal.fault);
            Some(format!("signal {number} code {code} fault {fault} {:?}", signal.disposition))
        }
        EventKind::Exec(start) => Some(format!("exec {:x?}", same_parts(start))),
        EventKind::Exit(exit) => Some(format!("{exit:?}")),
        _ => None,
    }
}

/// What may depend on values that differ from run to run.
fn tail(kind: &EventKind) -> Vec<u64> {
    match kind {
        EventKind::Syscall(call) => {
            let result = [call.result.cast_unsigned()];
            call.arguments.iter().copied().chain(result).collect()
        }
        EventKind::Signal(signal) => signal.info.iter().map(|byte| u64::from(*byte)).collect(),
        _ => Vec::new(),
    }
}

/// A process's start without its ids.
fn same_parts(start: &ProcessStart) -> ProcessStart {
    ProcessStart { process: 0, parent: 0, ..start.clone() }
}

/// Mapping changes without the numbers of files.
pub fn mappings(events: &[Event]) -> Vec<MappingChange> {
    let same_parts = |change: &MappingChange| match change {
        MappingChange::Map(mapping) => MappingChange::Map(numberless(mapping)),
        other => other.clone(),
    };
    events.iter().flat_map(|event| &event.mappings).map(same_parts).collect()
}

/// A mapping without its file's device and inode, which a fresh file has new.
pub fn numberless(mapping: &rdb_schema::space::Mapping) -> rdb_schema::space::Mapping {
    rdb_schema::space::Mapping { device: 0, inode: 0, ..mapping.clone() }
}
