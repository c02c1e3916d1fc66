//! Memory that a system call made zeros of: `madvise` with MADV_DONTNEED, `brk` down and up
//! again, `munmap` and `mmap` at the same place.

use super::Origin;
use crate::dataflow::Span;
use crate::session::Session;
use crate::timeline::{Direction, StateError};
use rdb_schema::event::EventKind;
use std::ops::ControlFlow;

/// The system call at `w` that made zeros of bytes at `address`, if there were any before.
pub(super) fn by(
    session: &Session,
    span: &Span,
    address: u64,
    w: u64,
) -> Result<Option<Origin>, StateError> {
    if !was_there(session, span, address, w)? {
        return Ok(None);
    }
    let mut found = None;
    session.timeline.events(w..w + 1, Direction::Forward, &mut |event| {
        if let EventKind::Syscall(call) = &event.kind {
            found = Some(Origin::Cleared { call: session.syscall_text(call, w) });
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Whether bytes held something before `w`: they are mapped there, or were changed ever before.
fn was_there(session: &Session, span: &Span, address: u64, w: u64) -> Result<bool, StateError> {
    if session.timeline.shared_space(w)?.find(address).is_some() {
        return Ok(true);
    }
    let addresses = address..address.saturating_add(span.length.into());
    let mut changed = false;
    session.ask_index(|index| {
        let visit = &mut |_| {
            changed = true;
            ControlFlow::Break(())
        };
        index.writes(&session.timeline, addresses.clone(), 0..w, Direction::Backward, visit)
    })?;
    Ok(changed)
}
