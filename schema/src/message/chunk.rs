//! Chunk frames.

use super::space::{mapping, set_mapping};
use super::system::{set_system, system};
use super::{Result, open};
use crate::block::Block;
use crate::chunk::{BlockRows, Chunk, Dictionary, MAX_TRACEPOINTS};
use crate::columns::{CLASSES, EncodedPath, PathEncoder, RowEncoder, decode_path, decode_rows};
use crate::draft::Draft;
use crate::event::Event;
use crate::registers::Registers;
use crate::space::AddressSpace;
use crate::system::SystemState;
use crate::trace_capnp::{chunk, path};
use crate::varint::Malformed;
use capnp::message::{Builder, HeapAllocator};
use std::sync::Arc;

/// What stands at a chunk's start, besides registers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkState {
    /// Mappings.
    pub space: AddressSpace,
    /// Kernel-side state.
    pub system: SystemState,
    /// A state, at most the chunk's first, at which page versions are complete:
    /// every page that was written before it has a version, at or before it,
    /// that has those writes. What was written since is told by stores alone.
    pub versioned: u64,
}

/// Encodes chunks; its buffers serve one after another.
#[derive(Default)]
pub struct ChunkEncoder {
    rows: RowEncoder,
    path: PathEncoder,
    message: Vec<u8>,
}

impl ChunkEncoder {
    /// A chunk frame's payload; `blocks` has one block for each entry of
    /// [`Draft::blocks`]. Its events have a frame of their own.
    pub fn encode(&mut self, draft: &Draft, state: &ChunkState, blocks: &[Arc<Block>]) -> &[u8] {
        let columns = self.rows.encode(draft, blocks);
        let path = self.path.encode(draft);
        let bytes = columns.iter().map(Vec::len).sum::<usize>() + draft.bulk.len();
        let words = (bytes / 8 + (1 << 14)).min(u32::MAX as usize) as u32;
        let mut message = Builder::new(HeapAllocator::new().first_segment_words(words));
        let mut out = message.init_root::<chunk::Builder>();
        set_start(out.reborrow(), draft, state);
        set_path(out.reborrow().init_path(), path);
        let mut list = out.reborrow().init_columns(CLASSES as u32);
        for (i, column) in columns.iter().enumerate() {
            let mut slot = list.reborrow().get(i as u32);
            slot.set_class(i as u8);
            slot.set_data(column);
        }
        out.set_bulk(&draft.bulk);
        self.message.clear();
        // A vector takes whatever is written to it.
        let _ = capnp::serialize::write_message(&mut self.message, &message);
        &self.message
    }
}

fn set_start(mut out: chunk::Builder, draft: &Draft, state: &ChunkState) {
    out.set_first(draft.first);
    out.set_count(draft.count);
    out.set_end_pc(draft.end_pc);
    let mut slice = out.reborrow().init_slices(1).get(0);
    slice.set_thread(draft.thread);
    slice.set_count(draft.count);
    let mut keyframe = out.reborrow().init_keyframes(1).get(0);
    keyframe.set_thread(draft.thread);
    keyframe.set_registers(draft.keyframe.as_bytes());
    let mut mappings = out.reborrow().init_mappings(state.space.iter().count() as u32);
    for (i, one) in state.space.iter().enumerate() {
        set_mapping(mappings.reborrow().get(i as u32), one);
    }
    out.set_versioned(state.versioned);
    set_system(out.init_system(), &state.system);
}

fn set_path(mut out: path::Builder, value: &EncodedPath) {
    out.set_blocks(&value.blocks);
    out.set_runs(&value.runs);
    out.set_misses(&value.misses);
    out.set_cuts(&value.cuts);
}

/// A chunk frame's payload, of a chunk as its reader has it.
///
/// # Errors
/// The chunk names a block that the dictionary lacks.
pub fn encode_chunk(chunk: &Chunk, state: &ChunkState, dictionary: &Dictionary) -> Result<Vec<u8>> {
    let draft = Draft::of(chunk);
    Ok(ChunkEncoder::default().encode(&draft, state, &dictionary.of(&draft)?).to_vec())
}

/// The chunk in a frame's payload, with its events, which the caller decoded.
///
/// # Errors
/// The payload is no chunk, contradicts itself or the dictionary, or has several
/// threads.
pub fn decode_chunk(payload: &[u8], events: Vec<Event>, dictionary: &Dictionary) -> Result<Chunk> {
    let message = open(payload)?;
    let from = message.get_root::<chunk::Reader>()?;
    let (first, count) = (from.get_first(), from.get_count());
    let end = first.checked_add(count).ok_or(Malformed)?;
    let (slices, keyframes) = (from.get_slices()?, from.get_keyframes()?);
    if count > MAX_TRACEPOINTS || slices.len() != 1 || keyframes.len() != 1 {
        return Err(Malformed.into());
    }
    let keyframe = Registers::from_bytes(keyframes.get(0).get_registers()?).ok_or(Malformed)?;
    let encoded = read_path(from.get_path()?)?;
    let decoded = decode_path(&encoded, count, dictionary)?;
    let mut columns: [&[u8]; CLASSES] = [&[]; CLASSES];
    for column in from.get_columns()? {
        *columns.get_mut(usize::from(column.get_class())).ok_or(Malformed)? = column.get_data()?;
    }
    if !events.iter().all(|e| (first..end).contains(&e.tracepoint)) {
        return Err(Malformed.into());
    }
    Ok(Chunk {
        first,
        count,
        thread: slices.get(0).get_thread(),
        keyframe,
        end_pc: from.get_end_pc(),
        blocks: decode_rows(&decoded.blocks, &columns, dictionary)?,
        path: decoded.path,
        cuts: decoded.cuts,
        bulk: from.get_bulk()?.to_vec(),
        events,
    })
}

/// The chunk in a frame's payload without rows, bulk stores and events: enough
/// for where it goes, not for what it changes.
///
/// # Errors
/// As [`decode_chunk`].
pub fn decode_chunk_path(payload: &[u8], dictionary: &Dictionary) -> Result<Chunk> {
    let message = open(payload)?;
    let from = message.get_root::<chunk::Reader>()?;
    let (first, count) = (from.get_first(), from.get_count());
    let (slices, keyframes) = (from.get_slices()?, from.get_keyframes()?);
    if first.checked_add(count).is_none() || slices.len() != 1 || keyframes.len() != 1 {
        return Err(Malformed.into());
    }
    let keyframe = Registers::from_bytes(keyframes.get(0).get_registers()?).ok_or(Malformed)?;
    let decoded = decode_path(&read_path(from.get_path()?)?, count, dictionary)?;
    let blocks = decoded.blocks.iter().map(|(id, _)| BlockRows { id: *id, rows: Vec::new() });
    Ok(Chunk {
        first,
        count,
        thread: slices.get(0).get_thread(),
        keyframe,
        end_pc: from.get_end_pc(),
        blocks: blocks.collect(),
        path: decoded.path,
        cuts: decoded.cuts,
        bulk: Vec::new(),
        events: Vec::new(),
    })
}

/// The thread of the chunk in a frame's payload, of which `start` are the first bytes.
///
/// # Errors
/// The payload is no chunk, or too little of it is there.
pub fn decode_chunk_thread(start: &[u8]) -> Result<u32> {
    let message = cut_message(start).ok_or(Malformed)?;
    let message = open(&message)?;
    let slices = message.get_root::<chunk::Reader>()?.get_slices()?;
    if slices.len() == 1 { Ok(slices.get(0).get_thread()) } else { Err(Malformed.into()) }
}

/// A message of what is there of the first segment of another (Cap'n Proto encoding spec,
/// "Serialization Over a Stream").
fn cut_message(start: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| Some(u32::from_le_bytes(*start.get(at..)?.first_chunk()?));
    let segments = usize::try_from(word(0)?).ok()?.checked_add(1)?;
    let table = segments.checked_add(1)?.checked_mul(4)?.checked_next_multiple_of(8)?;
    let there = start.get(table..)?;
    let words = (there.len() / 8).min(usize::try_from(word(4)?).ok()?);
    let mut message = 0u32.to_le_bytes().to_vec();
    message.extend(u32::try_from(words).ok()?.to_le_bytes());
    message.extend(there.get(..words.checked_mul(8)?)?);
    Some(message)
}

fn read_path(from: path::Reader) -> Result<EncodedPath> {
    Ok(EncodedPath {
        blocks: from.get_blocks()?.to_vec(),
        runs: from.get_runs()?.to_vec(),
        misses: from.get_misses()?.to_vec(),
        cuts: from.get_cuts()?.to_vec(),
    })
}

/// Only the state at the start of the chunk in a frame's payload.
///
/// # Errors
/// The payload is no chunk.
pub fn decode_chunk_state(payload: &[u8]) -> Result<ChunkState> {
    let message = open(payload)?;
    let from = message.get_root::<chunk::Reader>()?;
    let mappings = from.get_mappings()?.iter().map(mapping).collect::<Result<Vec<_>>>()?;
    Ok(ChunkState {
        space: AddressSpace::new(mappings),
        system: system(from.get_system()?)?,
        versioned: from.get_versioned().min(from.get_first()),
    })
}
