//! What the kernel does for the program: syscalls, signals, mappings, exec.

mod exec;
mod mappings;
mod restart;
mod signals;
mod syscalls;

pub use signals::Delivery;
