//! What can go wrong with a trace and its states.

use crate::trace::Unsound;

/// Why a trace cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system said no.
    #[error("failed to open {0}: {1}")]
    Io(String, std::io::Error),
    /// Not a trace, too old, too new.
    #[error("{0}: {1}")]
    Format(String, rdb_schema::container::OpenError),
    /// No whole header or no whole chunk in it.
    #[error("{0}: nothing in this trace can be used: {1}")]
    Unusable(String, String),
}

/// Why a question about a state cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No such tracepoint.
    #[error("tracepoint {0} is not in this history (0 to {1})")]
    OutOfRange(u64, u64),
    /// No such thread, or not yet.
    #[error("there is no thread {0} at tracepoint {1}")]
    NoThread(u32, u64),
    /// The file is damaged there.
    #[error("tracepoints {0} to {1} cannot be read: {2}")]
    Damaged(u64, u64, String),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// There is no room for an index.
    #[error("{0}")]
    Storage(String),
}

impl From<Unsound> for StateError {
    fn from(part: Unsound) -> Self {
        Self::Damaged(part.first, part.last, part.reason)
    }
}
