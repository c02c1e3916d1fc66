//! Reading a trace from bytes that are not trusted.

use super::frame::{Frame, FrameHeader, FrameKind, HEADER_BYTES};
use super::{HEAD_BYTES, MAGIC, OLDEST, SEAL, TRAILER_BYTES, VERSION};
use std::io::Read;
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

/// Why a file cannot be read at all.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OpenError {
    /// It does not start as a trace does.
    #[error("not an rdb trace")]
    NotATrace,
    /// A later format.
    #[error("trace format {0} is newer than this rdb reads ({VERSION}): use a newer rdb-explore")]
    TooNew(u32),
    /// An earlier format.
    #[error(
        "trace format {0} is older than this rdb reads ({OLDEST}): use the rdb-explore that came with its recorder"
    )]
    TooOld(u32),
}

/// Why a frame's payload cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PayloadError {
    /// It reaches past the end of the file.
    #[error("frame at byte {0} is cut off")]
    CutOff(u64),
    /// Its checksum differs.
    #[error("frame at byte {0} is damaged")]
    Checksum(u64),
    /// It does not decompress to what its header says.
    #[error("frame at byte {0} does not decompress")]
    Compression(u64),
}

/// Why a directory ends early: the first byte that is not a whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset of the first frame that is not whole, or the file's end.
    pub offset: u64,
    /// Bytes from there to the end of the file.
    pub lost: u64,
}

/// All whole frames of a file.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// The frames, in file order.
    pub frames: Vec<Frame>,
    /// Whether the recording was sealed and all its frames are whole.
    pub sealed: bool,
    /// Where the whole frames end, when something follows them or the seal is missing.
    pub damage: Option<Damage>,
}

impl Directory {
    /// Finds the frames in `file`, by their headers alone.
    ///
    /// # Errors
    /// [`OpenError`] when `file` is no trace of this version.
    pub fn read(file: &[u8]) -> Result<Self, OpenError> {
        check_head(file)?;
        let mut directory = Self::default();
        let mut offset = HEAD_BYTES as u64;
        while let Some(frame) = frame_at(file, offset) {
            offset = frame.end().unwrap_or(u64::MAX);
            directory.frames.push(frame);
            if frame.header.kind == FrameKind::Footer {
                directory.sealed = has_trailer(file, frame.offset, offset);
                break;
            }
        }
        if !directory.sealed {
            directory.damage = Some(Damage::at(file, offset));
        }
        Ok(directory)
    }

    /// Drops frame `index` and all after it, as not whole.
    pub fn cut(&mut self, file: &[u8], index: usize) {
        let Some(frame) = self.frames.get(index) else { return };
        self.damage = Some(Damage::at(file, frame.offset));
        self.sealed = false;
        self.frames.truncate(index);
    }
}

impl Damage {
    fn at(file: &[u8], offset: u64) -> Self {
        Self { offset, lost: (file.len() as u64).saturating_sub(offset) }
    }
}

fn check_head(file: &[u8]) -> Result<(), OpenError> {
    let head = file.get(..HEAD_BYTES).ok_or(OpenError::NotATrace)?;
    if head[..8] != MAGIC {
        return Err(OpenError::NotATrace);
    }
    match u32::from_le_bytes([head[8], head[9], head[10], head[11]]) {
        OLDEST..=VERSION => Ok(()),
        older if older < OLDEST => Err(OpenError::TooOld(older)),
        newer => Err(OpenError::TooNew(newer)),
    }
}

/// The frame whose header stands at `offset`, if it is whole (checksums of
/// payloads aside).
fn frame_at(file: &[u8], offset: u64) -> Option<Frame> {
    let start = usize::try_from(offset).ok()?;
    let bytes: &[u8; HEADER_BYTES] =
        file.get(start..start.checked_add(HEADER_BYTES)?)?.try_into().ok()?;
    let frame = Frame { header: FrameHeader::from_bytes(bytes)?, offset };
    (frame.end()? <= file.len() as u64).then_some(frame)
}

fn has_trailer(file: &[u8], footer: u64, end: u64) -> bool {
    let Some(rest) = usize::try_from(end).ok().and_then(|end| file.get(end..)) else {
        return false;
    };
    rest.len() == TRAILER_BYTES && rest[..8] == footer.to_le_bytes() && rest[8..] == SEAL
}

impl Frame {
    fn compressed<'a>(&self, file: &'a [u8]) -> Result<&'a [u8], PayloadError> {
        let range = || {
            let start = usize::try_from(self.payload_offset()).ok()?;
            file.get(start..start.checked_add(usize::try_from(self.header.compressed).ok()?)?)
        };
        range().ok_or(PayloadError::CutOff(self.offset))
    }

    /// Checks the payload against its checksum.
    ///
    /// # Errors
    /// [`PayloadError`] when it is cut off or damaged.
    pub fn verify(&self, file: &[u8]) -> Result<(), PayloadError> {
        if xxh3_64(self.compressed(file)?) == self.header.checksum {
            Ok(())
        } else {
            Err(PayloadError::Checksum(self.offset))
        }
    }

    /// The first bytes of the payload, at most `limit`; not checked.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn payload_start(&self, file: &[u8], limit: u64) -> Result<Vec<u8>, PayloadError> {
        let failed = |_| PayloadError::Compression(self.offset);
        let decoder = zstd::stream::Decoder::new(self.compressed(file)?).map_err(failed)?;
        let mut raw = Vec::new();
        decoder.take(limit).read_to_end(&mut raw).map_err(failed)?;
        Ok(raw)
    }

    /// The payload, checked and decompressed. Memory grows with what is really
    /// there, at most to [`super::MAX_RAW_BYTES`].
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn payload(&self, file: &[u8]) -> Result<Vec<u8>, PayloadError> {
        self.verify(file)?;
        let failed = |_| PayloadError::Compression(self.offset);
        let decoder = zstd::stream::Decoder::new(self.compressed(file)?).map_err(failed)?;
        let mut raw = Vec::new();
        let claimed = self.header.raw;
        raw.reserve(claimed.min(64 << 20) as usize);
        decoder.take(claimed + 1).read_to_end(&mut raw).map_err(failed)?;
        if raw.len() as u64 == claimed {
            Ok(raw)
        } else {
            Err(PayloadError::Compression(self.offset))
        }
    }
}
