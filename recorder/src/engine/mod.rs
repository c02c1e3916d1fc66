//! Recording engines.

mod addresses;
mod care;
mod code;
mod held_pages;
mod known;
mod step;
mod stores;
mod translate;
mod undefined;

pub use code::Cutting;
pub use step::{Step, StepOptions};
pub use translate::Translate;

use crate::capture::CaptureError;
use crate::recording::ReplayFailed;
use crate::tracee::{Gone, Running};
use std::io;

/// How a recording came to its end.
#[derive(Debug)]
pub enum Ended {
    /// The program exited with this status.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
    /// Recording ended first; the program runs on.
    Detached(Running, Leave),
}

impl Ended {
    /// Whether the program has ended, too.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Detached(..))
    }
}

/// Why recording ends before the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// As many tracepoints as asked for.
    StopAfter,
    /// It is about to start a second thread.
    Thread,
    /// The trace could not be written.
    Unwritable,
}

/// Why an engine stops without an end.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The trace contradicts itself.
    #[error(transparent)]
    Replay(#[from] ReplayFailed),
    /// /proc could not be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A system call of the recorder failed.
    #[error("failed to follow the program: {0}")]
    Io(#[from] io::Error),
}

/// What interrupts the flow of an engine.
#[derive(Debug)]
pub enum Interrupt {
    /// The end.
    End(Ended),
    /// The program died under the recorder's hands.
    Gone,
    /// A failure of the recorder's.
    Error(EngineError),
}

impl From<Gone> for Interrupt {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<ReplayFailed> for Interrupt {
    fn from(error: ReplayFailed) -> Self {
        Self::Error(error.into())
    }
}

/// What one move of an engine gives: the tracee stopped again, or an end.
pub type Flow<T> = Result<T, Interrupt>;

impl From<CaptureError> for Interrupt {
    fn from(error: CaptureError) -> Self {
        Self::Error(error.into())
    }
}

impl From<io::Error> for Interrupt {
    fn from(error: io::Error) -> Self {
        Self::Error(error.into())
    }
}

impl From<EngineError> for Interrupt {
    fn from(error: EngineError) -> Self {
        Self::Error(error)
    }
}
