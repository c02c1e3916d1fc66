//! The index: who wrote what, and when, over a whole history.
//!
//! One leaf a chunk (which bytes are written when; which registers and how far
//! the stack goes, per stride of tracepoints; how often each block is executed; what
//! it leaves in the pages that it writes) under a tree of nodes of sixteen children.
//! It lies beside the trace, or, where nothing can be written there, in a file without
//! a name. What it says is what [`sweep`] finds; of values, it holds only the last
//! that a chunk stored at an address, which is what memory at its end holds.

mod build;
mod directory;
mod error;
mod executions;
mod file;
mod keys;
mod leaf;
mod node;
mod open;
mod page_numbers;
mod parts;
mod postings;
mod reads;
mod register_writes;
mod sorter;
mod sound;
mod stack;
mod sweep;
mod tree;
mod writes;
mod written;

pub use crate::plan::registers::{register_bit, register_bits};
pub use error::IndexError;
pub use reads::{find_read, find_reads};
pub use sound::sweep_soundly;
pub use stack::Above;
pub use sweep::{Found, Plans, Span, Stored, sweep};
pub use writes::Write;
pub use written::Overlay;

use crate::timeline::{StateError, Timeline};
use crate::trace::Cache;
use directory::Directory;
use leaf::Leaf;
use memmap2::Mmap;
use parts::Place;
use std::sync::Arc;

/// Bytes of decompressed parts that are kept.
const CACHE: usize = 48 << 20;

/// The index of a timeline.
pub struct Index {
    file: Mmap,
    directory: Directory,
    /// The leaves that cannot be trusted, ascending.
    unsound: Vec<usize>,
    parts: Cache<u64, [u8]>,
}

impl Index {
    fn new(opened: file::Opened) -> Self {
        let file::Opened { file, directory } = opened;
        let leaves = directory.leaves.iter().enumerate();
        let unsound = leaves.filter(|(_, leaf)| leaf.unsound.is_some()).map(|(at, _)| at).collect();
        Self { file, directory, unsound, parts: Cache::new(CACHE) }
    }

    /// Bytes of its file.
    pub fn file_bytes(&self) -> u64 {
        self.file.len() as u64
    }

    fn part(&self, place: &Place) -> Result<Arc<[u8]>, IndexError> {
        self.parts.get_or(place.offset, || {
            let bytes: Arc<[u8]> = parts::read(&self.file, place)?.into();
            let weight = bytes.len();
            Ok((bytes, weight))
        })
    }

    /// Whether what chunk `index` does can be trusted.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self, timeline: &Timeline, index: usize) -> Result<(), IndexError> {
        self.leaf(timeline, index).map(drop)
    }

    /// The leaf of chunk `index`.
    ///
    /// # Errors
    /// The chunk cannot be trusted.
    fn leaf(&self, timeline: &Timeline, index: usize) -> Result<&Leaf, IndexError> {
        let leaf = self.directory.leaves.get(index).ok_or(IndexError::Damaged)?;
        match (&leaf.unsound, timeline.chunk_places().get(index)) {
            (None, _) => Ok(leaf),
            (Some(why), Some(place)) => {
                Err(StateError::Damaged(place.first, place.end(), why.clone()).into())
            }
            (Some(_), None) => Err(IndexError::Damaged),
        }
    }
}
