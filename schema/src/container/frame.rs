//! One frame: its kind, place and checksums.

use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 64;

/// Most bytes a frame's payload may have before compression.
pub const MAX_RAW_BYTES: u64 = 1 << 30;

const FRAME_MAGIC: [u8; 4] = *b"RDBf";

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum FrameKind {
    /// Where the recording comes from.
    Header = 1,
    /// What is known of a mapped ELF file.
    Module = 2,
    /// Page contents.
    Pages = 3,
    /// Dictionary entries.
    Blocks = 4,
    /// Events of a chunk.
    Events = 5,
    /// A range of tracepoints.
    Chunk = 6,
    /// Index of page versions.
    Index = 7,
    /// The directory.
    Footer = 8,
    /// The bytes of a mapped ELF file: no message, the file itself.
    File = 9,
}

impl FrameKind {
    const ALL: [Self; 9] = [
        Self::Header,
        Self::Module,
        Self::Pages,
        Self::Blocks,
        Self::Events,
        Self::Chunk,
        Self::Index,
        Self::Footer,
        Self::File,
    ];

    fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u16 == number)
    }
}

/// A frame's header, without what only the file needs (magic, its own checksum).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the frame holds.
    pub kind: FrameKind,
    /// The process it belongs to.
    pub process: u32,
    /// Bytes of the payload in the file.
    pub compressed: u64,
    /// Bytes of the payload decompressed; at most [`MAX_RAW_BYTES`].
    pub raw: u64,
    /// First tracepoint (chunks, events), state (pages) or index (modules, blocks).
    pub first: u64,
    /// How many of them.
    pub count: u64,
    /// xxh3-64 of the payload in the file.
    pub checksum: u64,
}

/// A frame's header and the place of its payload in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The header.
    pub header: FrameHeader,
    /// Offset of the header in the file.
    pub offset: u64,
}

impl FrameHeader {
    /// The header's bytes in the file.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..4].copy_from_slice(&FRAME_MAGIC);
        out[4..6].copy_from_slice(&(self.kind as u16).to_le_bytes());
        out[8..12].copy_from_slice(&self.process.to_le_bytes());
        let words = [self.compressed, self.raw, self.first, self.count, self.checksum];
        for (slot, word) in out[16..56].chunks_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        let checksum = header_checksum(&out);
        out[12..16].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// The header from its bytes; `None` if they are not one, or damaged.
    pub fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let u32_at = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        if bytes[..4] != FRAME_MAGIC || u32_at(12)? != header_checksum(bytes) {
            return None;
        }
        let header = Self {
            kind: FrameKind::from_number(u16::from_le_bytes([bytes[4], bytes[5]]))?,
            process: u32_at(8)?,
            compressed: u64_at(16)?,
            raw: u64_at(24)?,
            first: u64_at(32)?,
            count: u64_at(40)?,
            checksum: u64_at(48)?,
        };
        (header.raw <= MAX_RAW_BYTES).then_some(header)
    }
}

impl Frame {
    /// Offset of the payload.
    pub fn payload_offset(&self) -> u64 {
        self.offset + HEADER_BYTES as u64
    }

    /// Offset of the next frame; `None` if it does not fit a file.
    pub fn end(&self) -> Option<u64> {
        let end = self.payload_offset().checked_add(self.header.compressed)?;
        end.checked_next_multiple_of(8)
    }
}

/// Low half of xxh3-64 over the header with the checksum's own bytes zero.
fn header_checksum(bytes: &[u8; HEADER_BYTES]) -> u32 {
    let mut copy = *bytes;
    copy[12..16].fill(0);
    xxh3_64(&copy) as u32
}
