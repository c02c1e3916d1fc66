//! The trace file of rdb, and the vocabulary its recorder and explorer share.
#![warn(missing_docs)]

pub mod effects;
pub mod registers;
pub mod syscalls;
