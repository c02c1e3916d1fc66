//! The processes of a trace: each has a history of its own.

use rdb_schema::container::{Frame, FrameKind};
use rdb_schema::event::ProcessStart;
use rdb_schema::message::decode_header;
use std::collections::HashMap;

/// Most processes that are looked at.
const MOST: usize = 1 << 16;

/// A process of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number, from 1, in the file's order.
    pub number: usize,
    /// Its id while recording.
    pub id: u32,
    /// As it was at its first state.
    pub start: ProcessStart,
    /// How many tracepoints its chunks hold, as far as the file has them.
    pub tracepoints: u64,
}

/// The processes that `frames` of `file` tell of: those with a whole header.
pub fn processes(file: &[u8], frames: &[Frame]) -> Vec<Process> {
    let (mut found, mut places) = (Vec::<Process>::new(), HashMap::new());
    for frame in frames {
        let header = &frame.header;
        let known = places.get(&header.process).and_then(|at: &usize| found.get_mut(*at));
        match (header.kind, known) {
            (FrameKind::Chunk, Some(process)) => {
                let end = header.first.saturating_add(header.count);
                process.tracepoints = process.tracepoints.max(end);
            }
            (FrameKind::Header, None) if places.len() < MOST => {
                let payload = frame.payload(file).ok();
                let Some(decoded) = payload.and_then(|p| decode_header(&p).ok()) else { continue };
                places.insert(header.process, found.len());
                let (number, id) = (found.len() + 1, header.process);
                found.push(Process { number, id, start: decoded.start, tracepoints: 0 });
            }
            _ => {}
        }
    }
    found
}
