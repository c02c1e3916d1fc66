//! A recording of one thread, decoded.

use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::container::{Directory, FrameKind};
use rdb_schema::event::EventKind;
use rdb_schema::header::Header;
use rdb_schema::message::{
    ChunkState, decode_blocks, decode_chunk, decode_chunk_state, decode_events, decode_header,
};
use std::path::Path;

/// Number of vfork(2).
const VFORK: u64 = 58;

/// What a frame holds, as far as it is told again.
pub enum Part {
    /// As it is: kind, first, count, payload.
    Frame(FrameKind, (u64, u64), Vec<u8>),
    /// A chunk, and what stands at its start.
    Chunk(Box<Chunk>, Box<ChunkState>),
}

/// A recording.
pub struct Source {
    pub header: Header,
    pub dictionary: Dictionary,
    /// All frames but header and footer, in order.
    pub parts: Vec<Part>,
}

impl Source {
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).expect("a trace");
        let directory = Directory::read(&bytes).expect("a sound trace");
        let (mut header, mut dictionary) = (Header::default(), Dictionary::default());
        let (mut parts, mut events) = (Vec::new(), Vec::new());
        for frame in &directory.frames {
            let payload = frame.payload(&bytes).expect("a sound frame");
            match frame.header.kind {
                FrameKind::Header => header = decode_header(&payload).expect("a header"),
                FrameKind::Events => events = decode_events(&payload).expect("events"),
                FrameKind::Chunk => {
                    let events = std::mem::take(&mut events);
                    let chunk = decode_chunk(&payload, events, &dictionary).expect("a chunk");
                    let state = decode_chunk_state(&payload).expect("a chunk's state");
                    parts.push(Part::Chunk(Box::new(chunk), Box::new(state)));
                }
                FrameKind::Index | FrameKind::Footer => {}
                kind => {
                    if kind == FrameKind::Blocks {
                        for entry in decode_blocks(&payload).expect("blocks").1 {
                            dictionary.add(entry).expect("a sound block");
                        }
                    }
                    let place = (frame.header.first, frame.header.count);
                    parts.push(Part::Frame(kind, place, payload));
                }
            }
        }
        Self { header, dictionary, parts }
    }

    pub fn chunks(&self) -> impl Iterator<Item = (&Chunk, &ChunkState)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Chunk(chunk, state) => Some((&**chunk, &**state)),
            Part::Frame(..) => None,
        })
    }

    /// The process that it forked.
    pub fn child(&self) -> Option<u32> {
        let events = self.chunks().flat_map(|(chunk, _)| &chunk.events);
        let mut forks = events.filter_map(|event| match &event.kind {
            EventKind::Syscall(call) if call.number == VFORK => u32::try_from(call.result).ok(),
            _ => None,
        });
        forks.next()
    }
}
