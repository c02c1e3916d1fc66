//! The dictionary's frames, decoded in parallel.

use rayon::prelude::*;
use rdb_schema::block::Entry;
use rdb_schema::container::{Frame, FrameKind};
use rdb_schema::message::decode_blocks;
use std::collections::HashMap;

/// Most bytes all dictionary entries may take; a block takes about a hundred.
const MAX_BYTES: u64 = 256 << 20;

/// By index of the frame: the first id and the blocks, or what is wrong.
pub type DecodedBlocks = HashMap<usize, Result<(u32, Vec<Entry>), String>>;

/// Decodes the Blocks frames of `process`.
pub fn decode(file: &[u8], frames: &[Frame], process: u32) -> DecodedBlocks {
    let mut budget = MAX_BYTES;
    let mut wanted = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let header = &frame.header;
        if (header.kind, header.process) != (FrameKind::Blocks, process) {
            continue;
        }
        let Some(left) = budget.checked_sub(header.raw) else { break };
        budget = left;
        wanted.push((index, frame));
    }
    wanted.into_par_iter().map(|(index, frame)| (index, one(file, frame))).collect()
}

fn one(file: &[u8], frame: &Frame) -> Result<(u32, Vec<Entry>), String> {
    let payload = frame.payload(file).map_err(|e| e.to_string())?;
    decode_blocks(&payload).map_err(|e| format!("unreadable blocks ({e})"))
}
