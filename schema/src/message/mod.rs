//! Frames' payloads as Cap'n Proto messages, and back.

mod blocks;
mod chunk;
mod events;
mod footer;
mod header;
mod pages;
mod space;
mod system;

pub use blocks::{decode_blocks, encode_blocks};
pub use chunk::{
    ChunkEncoder, ChunkState, decode_chunk, decode_chunk_path, decode_chunk_state,
    decode_chunk_thread, encode_chunk,
};
pub use events::{decode_events, encode_events};
pub use footer::{Footer, decode_footer, encode_footer};
pub use header::{decode_header, decode_module, encode_header, encode_module};
pub use pages::{decode_index, decode_page_numbers, decode_pages, encode_index, encode_pages};

use crate::varint::Malformed;
use capnp::message::{Builder, HeapAllocator, Reader, ReaderOptions};
use capnp::serialize::NoAllocBufferSegments;

/// A payload that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Not the message its frame says.
    #[error("malformed message: {0}")]
    Capnp(#[from] capnp::Error),
    /// An enumerant or union member this version does not know.
    #[error("unknown variant in message")]
    NotInSchema(#[from] capnp::NotInSchema),
    /// A column that contradicts itself or another.
    #[error("malformed column")]
    Column(#[from] Malformed),
}

type Result<T> = std::result::Result<T, MessageError>;
type Message<'a> = Reader<NoAllocBufferSegments<&'a [u8]>>;

/// Opens a message. Every pointer followed counts against a limit in proportion
/// to its size, so that one blob named many times cannot exhaust memory.
fn open(payload: &[u8]) -> Result<Message<'_>> {
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(Some(payload.len() / 8 * 4 + (1 << 16)));
    let segments = NoAllocBufferSegments::from_buffer(payload, options)?;
    Ok(Reader::new(segments, options))
}

fn finish(message: &Builder<HeapAllocator>) -> Vec<u8> {
    capnp::serialize::write_message_to_words(message)
}

/// A column of little-endian integers of `N` bytes.
fn column<const N: usize, T>(bytes: &[u8], parse: fn([u8; N]) -> T) -> Result<Vec<T>> {
    let (cells, rest) = bytes.as_chunks::<N>();
    if rest.is_empty() {
        Ok(cells.iter().map(|c| parse(*c)).collect())
    } else {
        Err(Malformed.into())
    }
}

fn to_column<const N: usize, T: Copy>(values: &[T], bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|v| bytes(*v)).collect()
}

/// Lists of byte strings.
fn set_strings(mut list: capnp::data_list::Builder, strings: &[Vec<u8>]) {
    for (i, string) in strings.iter().enumerate() {
        list.set(i as u32, string);
    }
}

fn strings(list: capnp::data_list::Reader) -> Result<Vec<Vec<u8>>> {
    list.iter().map(|s| Ok(s?.to_vec())).collect()
}

fn text(reader: capnp::text::Reader) -> String {
    String::from_utf8_lossy(reader.as_bytes()).into_owned()
}
