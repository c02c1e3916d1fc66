//! Histories for other programs: calls as a timeline, and as stacks with weights.
//!
//! Both follow the call stack from the first tracepoint to the last. A call begins where a
//! call instruction, a jump or the kernel enters a function, and ends when the stack pointer
//! rises above where it stood then: that holds for returns, longjmp and exceptions alike.

mod folded;
mod follow;
mod marks;
mod names;
mod shadow;
mod steps;
mod timeline;

pub use folded::Folded;
pub use follow::follow;
pub use names::Names;
pub use timeline::TraceEvents;

use std::io;

/// Receives what happens on the call stacks, by time.
pub trait Visitor {
    /// A function is entered: thread, the tracepoint of its first instruction, its number
    /// among the names.
    ///
    /// # Errors
    /// Those of what it writes to.
    fn enter(&mut self, thread: u32, t: u64, function: u32, names: &Names<'_>) -> io::Result<()>;

    /// The innermost function of a thread is left; `t` is the state behind it.
    ///
    /// # Errors
    /// As [`Visitor::enter`].
    fn leave(&mut self, thread: u32, t: u64) -> io::Result<()>;

    /// The innermost function of a thread executes so many instructions.
    fn run(&mut self, thread: u32, instructions: u64);
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// History cannot be read, or somebody asked to stop.
    #[error("{0}")]
    State(#[from] crate::timeline::StateError),
    /// What it is written to.
    #[error("{0}")]
    Io(#[from] io::Error),
}
