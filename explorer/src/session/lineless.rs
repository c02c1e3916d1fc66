//! Steps into calls pass over functions without lines, and over whatever those call: as in gdb,
//! a call leads into a function that has lines, at once or through stubs of the procedure
//! linkage table and the dynamic linker, and over any other.

use super::Session;
use super::calls::{Flow, Flows, Left};
use super::line_code::LineCache;
use super::locate::Owner;
use crate::timeline::{Direction, StateError};

/// Most places further out in the stack that are looked at for the call of a function.
const MAX_FRAMES: usize = 1 << 12;

/// What is known of code on the way of a step into calls.
#[derive(Default)]
pub(super) struct Lineless {
    /// Forwards: the state met last, if its code has lines and its instruction calls.
    calls: Option<u64>,
    /// The call that leads through stubs, or the dynamic linker, so far.
    open: Option<u64>,
}

impl Lineless {
    /// A step forwards from `state`, which calls if `calls`.
    pub fn begin(state: u64, calls: bool) -> Self {
        Self { calls: calls.then_some(state), open: None }
    }

    /// Forgets what was called: a call was passed over.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Forwards, at the next `state`: the call that led to it, if into a function without lines.
    /// Whether the state's code has `lines`, whether it `leads` on to another function, and
    /// whether its instruction `calls`.
    pub fn entered(
        &mut self,
        session: &Session,
        state: u64,
        (lines, leads, calls): (bool, bool, bool),
    ) -> Result<Option<u64>, StateError> {
        self.open = self.calls.take().or(self.open);
        self.calls = Some(state).filter(|_| lines && calls && !leads);
        let Some(call) = self.open.filter(|_| !leads) else { return Ok(None) };
        self.open = None;
        let entered = !lines && session.is_entry_of(call, state)?;
        Ok(entered.then_some(call))
    }
}

impl Session {
    /// Whether at `state` nothing was pushed but the return address, since the call at `call`.
    fn is_entry_of(&self, call: u64, state: u64) -> Result<bool, StateError> {
        let rsp = |state: u64| self.timeline.stack_pointer(state);
        Ok(rsp(state)? == rsp(call)?.wrapping_sub(8))
    }

    /// Whether code at an address only leads to a function: a stub of the procedure linkage
    /// table, or the dynamic linker, which finds it.
    pub(super) fn leads_on(&self, state: u64, pc: u64) -> bool {
        self.locator.owner(&self.timeline, state, pc) == Owner::Linker
            || self.locator.is_stub(&self.timeline, state, pc)
    }

    /// Backwards, on a way from state `began`: what the instruction of `state` leaves, if that
    /// was called as a function without lines from code that has some.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn left_lineless(
        &self,
        (lines, flows): (&mut LineCache, &mut Flows),
        state: u64,
        began: u64,
    ) -> Result<Option<Left>, StateError> {
        let pc = self.timeline.pc(state)?;
        let flow = flows.of(self, state, pc);
        if !matches!(flow, Flow::Return | Flow::Jump) || self.leads_on(state, pc) {
            return Ok(None);
        }
        let mut has_lines =
            |state, pc| lines.get(&self.locator, &self.timeline, state, pc).is_some();
        let thread = self.timeline.thread(state)?;
        let (mut at, mut deepest) = (state, if has_lines(state, pc) { 1 } else { MAX_FRAMES });
        // Where the stack pointer was further out than ever since: in what encloses all of it.
        while deepest > 0 {
            deepest -= 1;
            let limit = self.timeline.stack_pointer(at)?.saturating_add(1);
            let Some(outer) = self.find_above(thread, at, Direction::Backward, limit)? else {
                break;
            };
            let pc = self.timeline.pc(outer)?;
            if !has_lines(outer, pc) {
                at = outer;
                continue;
            }
            let limit = self.timeline.stack_pointer(outer)?;
            let passes = flows.of(self, outer, pc) == Flow::Call
                && self.function_of(outer, thread)?.is_some_and(|(at, pc)| !has_lines(at, pc))
                && self.ends_before(thread, state, limit, began)?;
            return Ok(passes.then(|| Left::since(state, limit)));
        }
        Ok(None)
    }

    /// Where a call leads to, through stubs and the dynamic linker: the state, and its address.
    fn function_of(&self, call: u64, thread: u32) -> Result<Option<(u64, u64)>, StateError> {
        let entered = self.walk_until(Some(thread), call, Direction::Forward, |at, pc| {
            let entry = if self.leads_on(at, pc) { Ok(false) } else { self.is_entry_of(call, at) };
            match entry {
                Ok(false) => None,
                Ok(true) => Some(Ok(pc)),
                Err(error) => Some(Err(error)),
            }
        })?;
        entered.map(|(at, pc)| Ok((at, pc?))).transpose()
    }

    /// Whether the stack pointer comes to `limit` after `state`, and not after `began`.
    fn ends_before(
        &self,
        thread: u32,
        state: u64,
        limit: u64,
        began: u64,
    ) -> Result<bool, StateError> {
        let end = self.find_above(thread, state, Direction::Forward, limit)?;
        Ok(end.is_some_and(|end| end <= began))
    }
}
