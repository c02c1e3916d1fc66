//! Parts of an index file: compressed, checked, read on demand.

use super::IndexError;
use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::xxh3_64;
use zstd::bulk::Compressor;

/// Most bytes of a part before compression.
pub const MAX_RAW: usize = 16 << 20;

/// Speed counts more than size: the values are small already.
const LEVEL: i32 = 1;

/// Where a part is in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Offset of its first byte.
    pub offset: u64,
    /// Bytes in the file.
    pub stored: u32,
    /// Bytes before compression.
    pub raw: u32,
    /// xxh3-64 of the bytes in the file.
    pub checksum: u64,
}

/// Appends parts to a file, from several threads.
pub struct Appender<'a> {
    file: &'a File,
    end: AtomicU64,
    /// Those that no thread uses now: to make one takes as long as to compress a small part.
    compressors: Mutex<Vec<Compressor<'static>>>,
}

impl<'a> Appender<'a> {
    /// Appends behind the first `start` bytes.
    pub fn new(file: &'a File, start: u64) -> Self {
        Self { file, end: AtomicU64::new(start), compressors: Mutex::default() }
    }

    /// Appends a part.
    ///
    /// # Errors
    /// The file system's, or the part is too large.
    pub fn append(&self, raw: &[u8]) -> io::Result<Place> {
        if raw.len() > MAX_RAW {
            return Err(io::Error::other("a part of the index is too large"));
        }
        let stored = self.compress(raw)?;
        let length = stored.len() as u64;
        let offset = self.end.fetch_add(length, Ordering::Relaxed);
        self.file.write_all_at(&stored, offset)?;
        let (stored, checksum) = (stored.len() as u32, xxh3_64(&stored));
        Ok(Place { offset, stored, raw: raw.len() as u32, checksum })
    }

    fn compress(&self, raw: &[u8]) -> io::Result<Vec<u8>> {
        let idle = || self.compressors.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut compressor = kept.map_or_else(|| Compressor::new(LEVEL), Ok)?;
        let stored = compressor.compress(raw);
        idle().push(compressor);
        stored
    }

    /// The bytes of a part that was appended.
    ///
    /// # Errors
    /// The file system's, or the part is not as it was written.
    pub fn read_back(&self, place: &Place) -> io::Result<Vec<u8>> {
        let mut stored = vec![0; place.stored as usize];
        self.file.read_exact_at(&mut stored, place.offset)?;
        unpack(&stored, place)
            .ok_or_else(|| io::Error::other("the index changed while it was made"))
    }

    /// Where the next part goes.
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }
}

/// The bytes of the part at `place` in `file`.
///
/// # Errors
/// [`IndexError::Damaged`].
pub fn read(file: &Mmap, place: &Place) -> Result<Vec<u8>, IndexError> {
    let start = usize::try_from(place.offset).ok();
    let range = start.and_then(|start| Some(start..start.checked_add(place.stored as usize)?));
    let stored = range.and_then(|range| file.get(range)).ok_or(IndexError::Damaged)?;
    unpack(stored, place).ok_or(IndexError::Damaged)
}

fn unpack(stored: &[u8], place: &Place) -> Option<Vec<u8>> {
    let raw = place.raw as usize;
    if raw > MAX_RAW || xxh3_64(stored) != place.checksum {
        return None;
    }
    zstd::bulk::decompress(stored, raw).ok().filter(|bytes| bytes.len() == raw)
}
