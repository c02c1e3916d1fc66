//! Traces without the page versions that a recorder with a model makes.

use rdb_schema::chunk::Dictionary;
use rdb_schema::container::{Directory, Encoded, Frame, FrameKind, Writer};
use rdb_schema::message::{
    decode_blocks, decode_chunk, decode_chunk_state, decode_events, encode_chunk,
};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

/// Writes the unsealed trace `to` from `from`, without the page versions made at
/// chunk ends. Those at which an event happened stay: they may hold what the
/// kernel wrote.
pub fn without_versions(from: &Path, to: &Path) {
    let bytes = std::fs::read(from).expect("a trace");
    let frames = Directory::read(&bytes).expect("a trace").frames;
    let made = at_chunk_ends(&bytes, &frames);
    let mut writer = Writer::new(File::create(to).expect("a new file")).expect("a new trace");
    let mut dictionary = Dictionary::default();
    for frame in &frames {
        let header = &frame.header;
        let mut payload = frame.payload(&bytes).expect("a whole frame");
        match header.kind {
            FrameKind::Pages if made.contains(&header.first) => continue,
            FrameKind::Index | FrameKind::Footer => continue,
            FrameKind::Blocks => {
                let (_, blocks) = decode_blocks(&payload).expect("blocks");
                for block in blocks {
                    dictionary.add(block).expect("blocks");
                }
            }
            FrameKind::Chunk => payload = unversioned(&payload, &dictionary),
            _ => {}
        }
        let place = (header.first, header.count);
        let encoded = Encoded::new(header.kind, header.process, place, &payload, 1);
        writer.append(&encoded.expect("a frame")).expect("a trace");
    }
}

/// The ends of chunks at which no event happened.
fn at_chunk_ends(bytes: &[u8], frames: &[Frame]) -> BTreeSet<u64> {
    let of = |kind| frames.iter().filter(move |f| f.header.kind == kind);
    let mut ends: BTreeSet<u64> =
        of(FrameKind::Chunk).map(|f| f.header.first + f.header.count).collect();
    for frame in of(FrameKind::Events) {
        let events = decode_events(&frame.payload(bytes).expect("a whole frame"));
        for event in events.expect("events") {
            ends.remove(&(event.tracepoint + 1));
        }
    }
    ends
}

fn unversioned(payload: &[u8], dictionary: &Dictionary) -> Vec<u8> {
    let mut state = decode_chunk_state(payload).expect("a chunk");
    state.versioned = 0;
    let chunk = decode_chunk(payload, Vec::new(), dictionary).expect("a chunk");
    encode_chunk(&chunk, &state, dictionary).expect("known blocks")
}
