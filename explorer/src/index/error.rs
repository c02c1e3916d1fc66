//! What can go wrong with an index.

use crate::timeline::StateError;

/// Why a question to the index has no answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The index cannot be read any more; it has to be made anew.
    #[error("the index of this trace is damaged")]
    Damaged,
    /// The history's.
    #[error("{0}")]
    State(#[from] StateError),
}

impl From<rdb_schema::varint::Malformed> for IndexError {
    fn from(_: rdb_schema::varint::Malformed) -> Self {
        Self::Damaged
    }
}

impl From<IndexError> for StateError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::State(error) => error,
            IndexError::Damaged => Self::Storage(error.to_string()),
        }
    }
}
