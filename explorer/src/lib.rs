//! The explorer: opens a recorded history, and answers questions about it.
#![warn(missing_docs)]

pub mod commands;
pub mod compare;
pub mod dataflow;
pub mod export;
pub mod expression;
pub mod index;
mod plan;
mod progress;
pub mod render;
pub mod repl;
pub mod session;
pub mod symbols;
pub mod timeline;
pub mod trace;
pub mod values;
mod whole_file;
