//! Errors about memory that is not mapped: they say when it was.

use super::CommandError;
use crate::expression::{ExpressionError, Fault};
use crate::session::{LocationError, Session};
use crate::symbols::location::Missing;

/// The same error; if it is about memory that is not mapped at the cursor, with the time at
/// which it is.
pub fn explain(session: &Session, error: CommandError) -> CommandError {
    match error {
        CommandError::Expression(error) => CommandError::Expression(told(session, error)),
        CommandError::Location(LocationError::Expression(error)) => {
            CommandError::Location(LocationError::Expression(told(session, error)))
        }
        other => other,
    }
}

fn told(session: &Session, error: ExpressionError) -> ExpressionError {
    let Fault::Missing(Missing::Memory(address)) = error.fault else { return error };
    match session.not_mapped(address) {
        Ok(Some(text)) => ExpressionError { fault: Fault::State(text), ..error },
        _ => error,
    }
}

/// That nothing is known of memory at an address, and when it is mapped.
pub fn unknown(session: &Session, address: u64) -> CommandError {
    let unmapped = session.not_mapped(address).ok().flatten();
    let other = || format!("memory at {address:#x} is not known at this tracepoint");
    CommandError::Other(unmapped.unwrap_or_else(other))
}

/// Refuses an address that is mapped at no time.
pub fn refuse_never(session: &Session, address: u64) -> Result<(), CommandError> {
    match session.not_mapped(address)? {
        Some(text) if session.mapped_times(address)?.is_empty() => Err(CommandError::Other(text)),
        _ => Ok(()),
    }
}
