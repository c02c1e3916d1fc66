//! Sizes of a trace's parts, from the headers of its frames: traces may be larger than memory.

use rdb_schema::container::{Frame, FrameHeader, FrameKind, HEAD_BYTES, HEADER_BYTES};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The whole frames of a trace, in file order.
pub fn frames(trace: &Path) -> Vec<Frame> {
    let file = File::open(trace).expect("a trace");
    let mut frames: Vec<Frame> = Vec::new();
    loop {
        let last = frames.last();
        let offset = last.map_or(HEAD_BYTES as u64, |frame| frame.end().expect("a frame's end"));
        let mut bytes = [0; HEADER_BYTES];
        if file.read_exact_at(&mut bytes, offset).is_err() {
            return frames;
        }
        // Behind the last frame of a sealed trace stands its trailer.
        let Some(header) = FrameHeader::from_bytes(&bytes) else { return frames };
        frames.push(Frame { header, offset });
    }
}

/// Bytes of history: chunks with their blocks and events, without modules and pages.
pub fn chunk_bytes(frames: &[Frame]) -> u64 {
    let history = [FrameKind::Chunk, FrameKind::Blocks, FrameKind::Events];
    let of_history = frames.iter().filter(|frame| history.contains(&frame.header.kind));
    of_history.map(|frame| frame.end().expect("a frame's end") - frame.offset).sum()
}

/// Where in the file each chunk ends, and how many tracepoints there are by then.
pub fn written(frames: &[Frame]) -> Vec<(u64, u64)> {
    let chunks = frames.iter().filter(|frame| frame.header.kind == FrameKind::Chunk);
    let end = |frame: &Frame| frame.end().expect("a frame's end");
    chunks.map(|frame| (end(frame), frame.header.first + frame.header.count)).collect()
}
