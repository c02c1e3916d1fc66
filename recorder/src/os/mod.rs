//! What the kernel does for the program: syscalls, signals, mappings, exec.

mod aliases;
mod exec;
mod growth;
mod mappings;
mod signals;
mod syscalls;

pub use mappings::Changes;
pub use signals::Delivery;
pub use syscalls::{Entered, restarts};
