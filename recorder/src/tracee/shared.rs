//! Memory that the recorder shares with a tracee.

use super::Stopped;
use memmap2::{MmapOptions, MmapRaw};
use std::fs::File;
use std::io;

/// The recorder's view of a file that the tracee has mapped too.
#[derive(Debug)]
pub struct SharedMemory {
    map: MmapRaw,
}

impl SharedMemory {
    /// Maps the first `length` bytes of `file`, read and write.
    ///
    /// # Errors
    /// mmap(2)'s.
    pub fn new(file: &File, length: usize) -> io::Result<Self> {
        Ok(Self { map: MmapOptions::new().len(length).map_raw(file)? })
    }

    /// The bytes at `range`; nothing where it is outside. They stand still as
    /// long as the tracee does.
    pub fn bytes(&self, _still: &Stopped, range: std::ops::Range<usize>) -> &[u8] {
        let length = range.end.saturating_sub(range.start);
        if range.end > self.map.len() || length == 0 {
            return &[];
        }
        // SAFETY: the range lies inside the mapping, which lives as long as
        // `self`. The only other writer is the tracee, which is stopped for as
        // long as the caller's borrow of `Stopped` lasts in practice: resuming
        // consumes it. This process writes through `&mut self` only.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(range.start), length) }
    }

    /// Writes `bytes` at `offset`; nothing where they do not fit.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        if offset.checked_add(bytes.len()).is_none_or(|end| end > self.map.len()) {
            return;
        }
        // SAFETY: the destination lies inside the mapping, and `bytes` is not
        // part of it: slices of it are only lent by `bytes(&self)`.
        unsafe {
            let to = self.map.as_mut_ptr().add(offset);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
    }

    /// The u64 at `offset`; 0 outside.
    pub fn word(&self, still: &Stopped, offset: usize) -> u64 {
        let bytes = self.bytes(still, offset..offset + 8);
        bytes.try_into().map_or(0, u64::from_le_bytes)
    }
}
