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
    /// was called as a function without lines from code that has some. While a signal came that
    /// history stops at, nothing is passed over.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn left_lineless(
        &self,
        (lines, flows): (&mut LineCache, &mut Flows),
        (state, pc): (u64, u64),
        began: u64,
    ) -> Result<Option<Left>, StateError> {
        let flow = flows.of(self, state, pc);
        if !matches!(flow, Flow::Return | Flow::Jump) || self.leads_on(state, pc) {
            return Ok(None);
        }
        let thread = self.timeline.thread(state)?;
        let mut at = match flow {
            // The stack pointer may be that of what is jumped to already.
            Flow::Jump => self.leaves(state, flow)?.map_or(state, |left| left.inside),
            _ => state,
        };
        let mut deepest = if self.has_lines(lines, state)? { 1 } else { MAX_FRAMES };
        // Where the stack pointer was further out than ever since: in what encloses all of it.
        while deepest > 0 {
            deepest -= 1;
            let Some(outer) = self.further_out(thread, at)? else { break };
            if !self.has_lines(lines, outer)? {
                at = outer;
                continue;
            }
            if !self.calls_lineless((lines, flows), thread, outer)? {
                break;
            }
            let limit = self.timeline.stack_pointer(outer)?;
            let end = self.find_outside(thread, state, Direction::Forward, limit)?;
            let passes = match end.filter(|end| *end <= began) {
                Some(end) => self.nearest_signal(outer..end, Direction::Forward)?.is_none(),
                None => false,
            };
            return Ok(passes.then(|| Left::since(state, limit)));
        }
        Ok(None)
    }

    /// Backwards, from state `began`: what a step forward was passing over as the signal came
    /// at which it stopped there, if it was a function without lines, the outermost one that was
    /// called since the last signal.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn interrupted_lineless(
        &self,
        (lines, flows): (&mut LineCache, &mut Flows),
        began: u64,
    ) -> Result<Option<Left>, StateError> {
        let Some(state) = began.checked_sub(1) else { return Ok(None) };
        if self.nearest_signal(state..began, Direction::Backward)?.is_none() {
            return Ok(None);
        }
        let last = self.nearest_signal(0..state, Direction::Backward)?;
        let since = last.map_or(0, |signal| signal.at + 1);
        let thread = self.timeline.thread(state)?;
        let (mut at, mut passed) = (state, None);
        for _ in 0..MAX_FRAMES {
            let outer = self.further_out(thread, at)?.filter(|outer| *outer >= since);
            let Some(outer) = outer else { break };
            if self.has_lines(lines, outer)?
                && self.calls_lineless((lines, flows), thread, outer)?
            {
                passed = Some(Left::since(state, self.timeline.stack_pointer(outer)?));
            }
            at = outer;
        }
        Ok(passed)
    }

    /// The last state before `at` where the stack pointer was further out.
    fn further_out(&self, thread: u32, at: u64) -> Result<Option<u64>, StateError> {
        let limit = self.timeline.stack_pointer(at)?.saturating_add(1);
        self.find_above(thread, at, Direction::Backward, limit)
    }

    fn has_lines(&self, lines: &mut LineCache, state: u64) -> Result<bool, StateError> {
        let pc = self.timeline.pc(state)?;
        Ok(lines.get(&self.locator, &self.timeline, state, pc).is_some())
    }

    /// Whether the instruction of a state calls a function without lines.
    fn calls_lineless(
        &self,
        (lines, flows): (&mut LineCache, &mut Flows),
        thread: u32,
        state: u64,
    ) -> Result<bool, StateError> {
        if flows.of(self, state, self.timeline.pc(state)?) != Flow::Call {
            return Ok(false);
        }
        match self.function_of(state, thread)? {
            Some((entered, _)) => Ok(!self.has_lines(lines, entered)?),
            None => Ok(false),
        }
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
}
