//! The call of a frame that was left.

use super::{Call, Ending, Session};
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

/// Calls of a function tried for the one of a frame: others are further in, or were handed on.
const MOST_TRIED: usize = 32;

/// What tells the call of a frame.
pub(super) struct Entered {
    pub thread: u32,
    pub function: Option<String>,
    /// Where the function is entered.
    pub entry: u64,
    /// Where the stack pointer is when it has returned.
    pub base: u64,
}

impl Session {
    /// The call of a frame that is there at state `inside`, if it has returned at state `end`:
    /// where it was called from, by a return.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn ended_call(
        &self,
        entered: &Entered,
        inside: u64,
        end: u64,
    ) -> Result<Option<Call>, StateError> {
        let Some(entry) = self.entry_of(entered, inside)? else { return Ok(None) };
        let mut found = None;
        self.calls_at(&[entry], &mut |passed| {
            found = Some(Call { function: entered.function.clone(), ..self.call(&passed)? });
            Ok(())
        })?;
        let returned = |call: &Call| call.ending == Ending::Returned && call.end == Some(end);
        Ok(found.filter(returned))
    }

    /// The state at which a frame's function was entered: right behind the call, or by a jump
    /// from a function that handed its frame on.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn entry_of(
        &self,
        entered: &Entered,
        inside: u64,
    ) -> Result<Option<u64>, StateError> {
        let Entered { thread, base, .. } = *entered;
        let called = self.find_outside(thread, inside, Direction::Backward, base)?;
        let first = called.and_then(|call| self.timeline.successor(call));
        let Some(first) = first.filter(|first| *first <= inside) else { return Ok(None) };
        if self.is_entry(entered, first)? {
            return Ok(Some(first));
        }
        let tried = self.entries_in(entered, first..inside.saturating_add(1))?;
        for state in tried {
            if self.is_entry(entered, state)? {
                return Ok(Some(state));
            }
        }
        Ok(None)
    }

    fn is_entry(&self, entered: &Entered, state: u64) -> Result<bool, StateError> {
        let registers = self.timeline.registers(state)?;
        let below = registers.rsp().checked_add(8) == Some(entered.base);
        Ok(below && registers.rip == entered.entry)
    }

    /// The first tracepoints of `times` at which the function's entry is executed.
    fn entries_in(&self, entered: &Entered, times: Range<u64>) -> Result<Vec<u64>, StateError> {
        self.ask_index(|index| {
            let mut found = Vec::new();
            let (way, entry) = (Direction::Forward, [entered.entry]);
            index.executions(&self.timeline, times.clone(), way, &entry, &mut |t| {
                if self.timeline.runs(t, entered.thread) {
                    found.push(t);
                }
                match found.len() < MOST_TRIED {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            })?;
            Ok(found)
        })
    }
}
