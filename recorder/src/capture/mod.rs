//! What the kernel shows of a stopped, traced process, as the schema's types.
//!
//! Everything here only reads: /proc and a few system calls. A process may die,
//! hide its files or refuse permission at any moment: what cannot be read is an
//! error where nothing useful remains, and else the default its function names.

mod cpu;
mod descriptors;
mod error;
mod host;
mod kernel;
mod limits;
mod maps;
mod modules;
mod open;
mod spawn;
mod start;
mod status;
mod system;
mod tracked;

pub use descriptors::descriptors;
pub use error::CaptureError;
pub use host::host;
pub use limits::limits;
pub use maps::{mappings, parse_mapping};
pub use modules::{MAX_MODULE_BYTES, ModuleCatalog};
pub use spawn::Spawn;
pub use start::process_start;
pub use status::{Status, status, thread_status};
pub use system::system_state;
pub use tracked::Tracked;

/// Reads the program's memory at an address into a buffer; false if it cannot.
pub type ReadMemory<'a> = dyn Fn(u64, &mut [u8]) -> bool + 'a;
