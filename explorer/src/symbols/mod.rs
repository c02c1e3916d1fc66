//! Names, lines and call stacks of recorded programs.
//!
//! The core does no I/O: it is given the bytes of ELF files and asks for
//! memory through closures, so a trace, a live process and a test share one
//! path. Only the look-up of separate debug files ([`DebugSearch`]) and of
//! sources ([`Sources`]) touches the file system.
//!
//! Addresses of a module are [`ModuleAddr`]: as its file states them.
//! Run-time addresses are `u64`, or [`CodeAddr`] where it matters whether
//! they are exact or return addresses. The difference is the load bias
//! ([`Layout::bias_of_mapping`]).
//!
//! Nothing in an ELF file is trusted: what does not parse is as if it were
//! not there, and what would be out of proportion is refused.

mod address;
mod breaks;
mod bytes;
mod called;
pub mod cython;
pub mod datatypes;
mod debug_file;
mod declared;
mod demangle;
mod dies;
mod dwarf;
mod elf;
mod facts;
mod guard;
mod imports;
mod index;
mod instances;
mod layout;
mod line_blocks;
mod line_passes;
mod lines;
pub mod location;
mod lookup;
mod meanings;
mod module;
mod names;
mod overloads;
mod parameters;
mod path;
pub mod pattern;
mod plt;
mod prologue;
mod ranges;
mod scope_names;
mod scopes;
mod similar;
mod sources;
mod surroundings;
mod table;
mod types;
mod units;
pub mod unwind;
mod uses;
mod variables;

pub use address::{CodeAddr, ModuleAddr};
pub use bytes::Reader;
pub use debug_file::DebugSearch;
pub use declared::Kind as DeclaredKind;
pub use demangle::{demangle, demangle_short};
pub use dies::{DieRef, Dies, Language};
pub use facts::UnitFacts;
pub use instances::Instance;
pub use layout::{Layout, Segment};
pub use meanings::Meaning;
pub use module::ModuleSymbols;
pub(crate) use names::{split_arguments, tight};
pub use overloads::FunctionName;
pub use path::matches as file_matches;
pub use similar::{did_you_mean, nearest};
pub use sources::{SourceText, Sources};
pub use types::{Arrival, BreakAddress, Function, LineMatch, Location, PassStart, SourceFrame};
pub use variables::{FunctionDies, Variable};
