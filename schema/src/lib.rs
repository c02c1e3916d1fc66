//! The trace file of rdb, and the vocabulary its recorder and explorer share.
#![warn(missing_docs)]

pub mod block;
pub mod chunk;
pub mod columns;
pub mod container;
pub mod derive;
mod dictionary;
pub mod draft;
pub mod effects;
pub mod event;
pub mod header;
pub mod message;
pub mod pages;
pub mod registers;
pub mod replay;
pub mod space;
pub mod syscalls;
pub mod system;
pub mod varint;

// Generated code follows its generator's style, not ours.
#[allow(clippy::all, clippy::pedantic, clippy::unwrap_used, missing_docs, unused)]
#[rustfmt::skip]
pub mod trace_capnp;
