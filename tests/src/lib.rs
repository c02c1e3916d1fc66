//! The harness of rdb's end-to-end tests: builds the two binaries and the fixtures, records,
//! explores, and compares with what gdb or an unrecorded run says.
//!
//! Failures of the harness itself panic with a message: it runs only inside tests and the
//! demonstration, where a panic is the report.
#![warn(missing_docs)]
#![deny(clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]

pub mod binaries;
pub mod closing;
pub mod compile;
pub mod cython;
pub mod engines;
pub mod explorer;
pub mod fixture;
pub mod guest;
pub mod measure;
pub mod oracle;
pub mod parallel;
pub mod process;
pub mod random_program;
pub mod recording;
pub mod sandbox;
pub mod strip;
pub mod threads;
pub mod timings;
pub mod tools;
pub mod values;
