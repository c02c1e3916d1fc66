//! Writing histories that were told again to one file.

use super::source::Part;
use super::turns::Told;
use rdb_schema::container::{Encoded, FrameKind, Writer};
use rdb_schema::event::Exit;
use rdb_schema::message::{Footer, encode_chunk, encode_events, encode_footer, encode_header};
use std::fs::File;
use std::path::Path;

/// Writes the trace at `path`: each process's frames in their order, the first process's first.
pub fn write(path: &Path, all: &[Told]) {
    let file = File::create(path).expect("failed to create a trace");
    let mut writer = Writer::new(file).expect("failed to begin a trace");
    for told in all {
        one(&mut writer, told);
    }
    let frames = writer.frames().len() as u32;
    let tracepoints = all[0].turns.last().map_or(0, |turn| turn.end);
    let footer = Footer { tracepoints, exit: Exit::Status(0), frames, stepped: Vec::new() };
    let process = all[0].header.start.process;
    let footer = encode_footer(&footer);
    let frame = Encoded::new(FrameKind::Footer, process, (0, 0), &footer, 1);
    writer.seal(&frame.expect("a footer")).expect("failed to seal a trace");
}

fn one(writer: &mut Writer, told: &Told) {
    let mut put = |kind, place, message: &[u8]| {
        let frame = Encoded::new(kind, told.header.start.process, place, message, 1);
        writer.append(&frame.expect("a frame")).expect("failed to write a trace");
    };
    put(FrameKind::Header, (0, 1), &encode_header(&told.header));
    for part in &told.parts {
        match part {
            Part::Frame(kind, place, payload) => put(*kind, *place, payload),
            Part::Chunk(chunk, state) => {
                let place = (chunk.first, chunk.count);
                if !chunk.events.is_empty() {
                    put(FrameKind::Events, place, &encode_events(&chunk.events));
                }
                let message = encode_chunk(chunk, state, &told.dictionary).expect("a chunk");
                put(FrameKind::Chunk, place, &message);
            }
        }
    }
}
