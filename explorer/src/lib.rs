//! The reader of rdb's traces: states, history and their questions.
#![warn(missing_docs)]

pub mod symbols;
pub mod timeline;
pub mod trace;
