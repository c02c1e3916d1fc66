//! Writing a trace: frames appended, and a footer that seals it.

use super::frame::{Frame, FrameHeader, FrameKind, HEADER_BYTES};
use super::{HEAD_BYTES, SEAL, head};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use xxhash_rust::xxh3::xxh3_64;

/// A frame ready to be written; made by any thread.
pub struct Encoded {
    header: FrameHeader,
    payload: Vec<u8>,
}

/// Compresses frames, one after the other.
pub struct Compressor {
    zstd: zstd::bulk::Compressor<'static>,
}

impl Compressor {
    /// A compressor at zstd `level`.
    ///
    /// # Errors
    /// zstd's.
    pub fn new(level: i32) -> io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Compressor::new(level)? })
    }

    /// The frame of `message`.
    ///
    /// # Errors
    /// zstd's, and a message over [`super::MAX_RAW_BYTES`].
    pub fn frame(
        &mut self,
        kind: FrameKind,
        process: u32,
        (first, count): (u64, u64),
        message: &[u8],
    ) -> io::Result<Encoded> {
        if message.len() as u64 > super::MAX_RAW_BYTES {
            return Err(io::Error::other("frame too large"));
        }
        let payload = self.zstd.compress(message)?;
        let header = FrameHeader {
            kind,
            process,
            compressed: payload.len() as u64,
            raw: message.len() as u64,
            first,
            count,
            checksum: xxh3_64(&payload),
        };
        Ok(Encoded { header, payload })
    }
}

impl Encoded {
    /// Compresses `message` at zstd `level`.
    ///
    /// # Errors
    /// As [`Compressor::frame`].
    pub fn new(
        kind: FrameKind,
        process: u32,
        place: (u64, u64),
        message: &[u8],
        level: i32,
    ) -> io::Result<Self> {
        Compressor::new(level)?.frame(kind, process, place, message)
    }

    /// Its header.
    pub fn header(&self) -> &FrameHeader {
        &self.header
    }

    /// Bytes it takes in a file.
    pub fn file_bytes(&self) -> u64 {
        (HEADER_BYTES as u64 + self.header.compressed).next_multiple_of(8)
    }
}

/// Writes frames to a file, one after the other. A frame that could not be
/// written whole is cut off again, so the file always ends with a whole frame.
pub struct Writer {
    file: File,
    offset: u64,
    frames: Vec<Frame>,
}

impl Writer {
    /// Starts a trace in `file`, which must be empty.
    ///
    /// # Errors
    /// The file's.
    pub fn new(file: File) -> io::Result<Self> {
        file.write_all_at(&head(), 0)?;
        Ok(Self { file, offset: HEAD_BYTES as u64, frames: Vec::new() })
    }

    /// Appends a frame; its index in the directory.
    ///
    /// # Errors
    /// The file's; the file then still ends with the frame before.
    pub fn append(&mut self, frame: &Encoded) -> io::Result<u32> {
        let mut bytes = Vec::with_capacity(frame.file_bytes() as usize);
        bytes.extend_from_slice(&frame.header.to_bytes());
        bytes.extend_from_slice(&frame.payload);
        bytes.resize(frame.file_bytes() as usize, 0);
        self.write(&bytes)?;
        self.frames.push(Frame { header: frame.header, offset: self.offset - bytes.len() as u64 });
        Ok((self.frames.len() - 1) as u32)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(bytes, self.offset) {
            // Best effort: the reader stops at the first frame that is not whole.
            let _ = self.file.set_len(self.offset);
            return Err(error);
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// The frames written so far.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.offset
    }

    /// Appends the footer and the trailer, and hands the file to the disk.
    ///
    /// # Errors
    /// The file's.
    pub fn seal(mut self, footer: &Encoded) -> io::Result<u64> {
        let offset = self.offset;
        self.append(footer)?;
        let mut trailer = offset.to_le_bytes().to_vec();
        trailer.extend(SEAL);
        self.write(&trailer)?;
        self.file.sync_all()?;
        Ok(self.offset)
    }
}
