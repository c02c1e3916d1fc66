//! The index file: `run.trace.index` beside `run.trace`; of a process other than the first
//! `run.trace.PID.index`.
//!
//! ```text
//! file   = header part … directory
//! header = magic:8 version:4 zero:4 identity:8 offset:8 length:8 checksum:8 check:8
//! ```
//! `identity` is the trace's, `offset` and `length` are the directory's, which is a
//! part like the others without compression; `check` is over the header before it.
//! The file gets its name when it is whole, so none that has it is half-written.

use super::directory::Directory;
use memmap2::Mmap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: [u8; 8] = *b"RDBindex";

/// Of the format. Another version's index is made anew.
const VERSION: u32 = 2;

/// Bytes of the header.
pub const HEADER: usize = 56;

/// Why there is no index that can be used.
#[derive(Debug, PartialEq, Eq)]
pub enum Unusable {
    /// None was made yet.
    Missing,
    /// What is wrong, in words.
    Wrong(&'static str),
}

/// Where the index of a process of the trace at `trace` is kept; none: of its first.
pub fn path(trace: &Path, process: Option<u32>) -> PathBuf {
    let mut name = trace.as_os_str().to_owned();
    if let Some(id) = process {
        name.push(format!(".{id}"));
    }
    name.push(".index");
    name.into()
}

/// An index file that fits its trace.
pub struct Opened {
    /// The file.
    pub file: Mmap,
    /// What it holds.
    pub directory: Directory,
}

/// Opens the index at `path` of the trace of this identity and as many chunks.
///
/// # Errors
/// [`Unusable`].
pub fn open(path: &Path, identity: u64, chunks: usize) -> Result<Opened, Unusable> {
    // A pipe of that name is not waited for.
    let file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unusable::Missing),
        Err(_) => return Err(Unusable::Wrong("cannot be read")),
    };
    read(&file, identity, chunks)
}

/// Reads an index file.
///
/// # Errors
/// [`Unusable`].
pub fn read(file: &File, identity: u64, chunks: usize) -> Result<Opened, Unusable> {
    const DAMAGED: Unusable = Unusable::Wrong("is damaged");
    if !file.metadata().is_ok_and(|data| data.is_file() && data.len() >= HEADER as u64) {
        return Err(DAMAGED);
    }
    // SAFETY: the mapping is private and read-only; nobody writes to an index that
    // has its name. Whoever truncates it all the same makes reads raise SIGBUS,
    // which ends the process, as with the trace; every part is checked on each read.
    let file = unsafe { Mmap::map(file) }.map_err(|_| DAMAGED)?;
    let header = file.first_chunk().ok_or(DAMAGED)?;
    let found = Header::from_bytes(header)?;
    if found.identity != identity {
        return Err(Unusable::Wrong("belongs to another trace"));
    }
    let start = usize::try_from(found.offset).map_err(|_| DAMAGED)?;
    let length = usize::try_from(found.length).map_err(|_| DAMAGED)?;
    let end = start.checked_add(length).ok_or(DAMAGED)?;
    let bytes = file.get(start..end).filter(|bytes| xxh3_64(bytes) == found.checksum);
    let directory = Directory::decode(bytes.ok_or(DAMAGED)?).map_err(|_| DAMAGED)?;
    if directory.leaves.len() != chunks {
        return Err(DAMAGED);
    }
    Ok(Opened { file, directory })
}

struct Header {
    identity: u64,
    offset: u64,
    length: u64,
    checksum: u64,
}

impl Header {
    fn to_bytes(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        let words = [self.identity, self.offset, self.length, self.checksum];
        for (slot, word) in out[16..48].chunks_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        let check = xxh3_64(&out[..48]);
        out[48..].copy_from_slice(&check.to_le_bytes());
        out
    }

    fn from_bytes(bytes: &[u8; HEADER]) -> Result<Self, Unusable> {
        if bytes[..8] != MAGIC {
            return Err(Unusable::Wrong("is damaged"));
        }
        if bytes[8..12] != VERSION.to_le_bytes() {
            return Err(Unusable::Wrong("is of another version of rdb"));
        }
        let (words, _) = bytes[16..].as_chunks();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        match words[..] {
            [identity, offset, length, checksum, check] if check == xxh3_64(&bytes[..48]) => {
                Ok(Self { identity, offset, length, checksum })
            }
            _ => Err(Unusable::Wrong("is damaged")),
        }
    }
}

/// Completes a file of which the parts end at `offset`.
///
/// # Errors
/// The file system's.
pub fn complete(file: &File, offset: u64, directory: &Directory, identity: u64) -> io::Result<()> {
    let bytes = directory.encode();
    file.write_all_at(&bytes, offset)?;
    let (length, checksum) = (bytes.len() as u64, xxh3_64(&bytes));
    let header = Header { identity, offset, length, checksum };
    file.write_all_at(&header.to_bytes(), 0)
}
