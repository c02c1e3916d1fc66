//! Commands from a file or a pipe.

use super::{Answerer, Outcome};
use crate::session::Session;
use std::io::{self, BufRead, Read};

/// Longest command line, bytes.
const MAX_LINE: u64 = 1 << 16;

/// Runs every line of `input` until its end or `quit`; failed if any failed, else
/// different if any found a difference.
///
/// # Errors
/// When `input` cannot be read, or an answer not be written.
pub fn lines(
    session: &mut Session,
    answerer: &mut Answerer<'_>,
    input: &mut dyn BufRead,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::Done;
    let mut line = Vec::new();
    while !session.finished && !session.interrupt.raised() {
        line.clear();
        let read = Read::take(&mut *input, MAX_LINE).read_until(b'\n', &mut line)?;
        // Ctrl-C may have come while nothing was asked.
        if read == 0 || session.interrupt.raised() {
            break;
        }
        outcome = outcome.max(answerer.run(session, &String::from_utf8_lossy(&line))?);
    }
    Ok(outcome)
}
