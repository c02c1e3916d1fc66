//! Steps into calls pass the dynamic linker while it finds a function: as in gdb, they lead to the
//! function itself.

use super::known::Known;
use crate::session::Session;
use crate::session::calls::Flow;
use crate::timeline::Direction;

/// Bytes that stubs push before the dynamic linker is entered to find a function.
const PUSHED: u64 = 16;

/// A step's way through the dynamic linker.
#[derive(Default)]
pub(super) struct Linker {
    /// While it finds a function: where the stack pointer is in what it calls, at most.
    limit: Option<u64>,
    /// Whether the code passed last is the dynamic linker's.
    within: bool,
}

impl Linker {
    /// Whether it is finding a function.
    pub fn is_at_work(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether a state is in the dynamic linker, or in what it calls to find a function.
    pub fn has(
        &mut self,
        session: &Session,
        known: &mut Known,
        (state, pc): (u64, u64),
        direction: Direction,
    ) -> bool {
        let stack_pointer = || session.timeline.stack_pointer(state).unwrap_or(u64::MAX);
        if known.is_linkers(session, (state, pc)) {
            if !std::mem::replace(&mut self.within, true) {
                // To find a function, it is entered and left by jumps, with two words pushed.
                let (jumps, pushed) = match direction {
                    Direction::Forward => (!known.is_called(session, state), 1),
                    Direction::Backward => {
                        (known.flows.of(session, state, pc) == Flow::Jump, PUSHED)
                    }
                };
                if self.limit.is_none() && jumps {
                    self.limit = Some(stack_pointer().saturating_sub(pushed));
                }
            }
            return true;
        }
        self.within = false;
        self.limit = self.limit.filter(|limit| stack_pointer() <= *limit);
        self.limit.is_some()
    }
}
