//! The container: magic and version, frames with checksums, directory, footer.
//!
//! ```text
//! file    = head frame… trailer?
//! head    = "RDBTRACE" version:u32 0:u32
//! frame   = header (64 bytes) payload, padded with zeros to 8 bytes
//! trailer = offset of the footer frame:u64 "RDBSEAL\n"
//! ```
//! Everything is little-endian. A recording without a trailer was cut short, and
//! reads up to its last whole frame.

mod frame;
mod reader;
mod writer;

pub use frame::{Frame, FrameHeader, FrameKind, HEADER_BYTES, MAX_RAW_BYTES};
pub use reader::{Damage, Directory, OpenError, PayloadError};
pub use writer::{Compressor, Encoded, Writer};

/// First bytes of a trace.
pub const MAGIC: [u8; 8] = *b"RDBTRACE";

/// The version this library writes: 2 added derived values to the templates of
/// blocks, and blocks composed of others; 3 values derived from loaded ones.
pub const VERSION: u32 = 3;

/// The oldest version it reads.
pub const OLDEST: u32 = 1;

/// Bytes before the first frame.
pub const HEAD_BYTES: usize = 16;

/// Last bytes of a sealed trace.
pub const SEAL: [u8; 8] = *b"RDBSEAL\n";

/// Bytes of the trailer.
pub const TRAILER_BYTES: usize = 16;

/// The first bytes of a file of this version.
pub fn head() -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head
}
