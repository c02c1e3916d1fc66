//! Tail calls: jumps by which functions handed their frames on to others. No stack tells of them;
//! history does.

use super::called_name::Callee;
use super::{Frames, Place};
use crate::symbols::CodeAddr;
use crate::symbols::unwind::Method;
use crate::timeline::{Direction, StateError};
use iced_x86::{Decoder, DecoderOptions, FlowControl};
use serde::Serialize;

/// Most tail calls that are told of one frame.
pub const MOST_TAIL_CALLS: usize = 16;

/// Jumps of one frame that are looked at: some only loop.
const MOST_JUMPS: usize = 64;

/// Instructions of a function, before it uses its stack, that are looked at for its entry, and of
/// what leads on from one module to another.
const MOST_STEPS: usize = 1 << 14;

/// Frames of one stack, called through pointers, whose calls are looked for in history. Of direct
/// calls the code tells where they led.
const MOST_INDIRECT: usize = 8;

/// A jump by which a function handed its frame on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TailCall {
    /// The tracepoint of the jump.
    pub tracepoint: u64,
    /// Where it is; of inlined functions, the one that they are in.
    #[serde(flatten)]
    pub place: Place,
}

/// A frame that may have been handed on.
#[derive(Clone, Copy)]
struct Handed {
    /// Where the stack pointer is at the entry of a function that the frame is handed to.
    top: u64,
    /// Where the last of those begins.
    entry: u64,
    /// States before this one are in it.
    before: u64,
}

impl Frames<'_> {
    /// Of each frame of code the tail calls between its call and its function, the last first;
    /// [`MOST_TAIL_CALLS`] and one more if there are more.
    ///
    /// # Errors
    /// When somebody asked to stop.
    pub(super) fn tail_calls(&self) -> Result<Vec<Vec<TailCall>>, StateError> {
        let mut indirect = MOST_INDIRECT;
        let all = 0..self.walked().frames.len();
        let mut of = |physical| match self.tail_calls_of(physical, &mut indirect) {
            // A part of history that cannot be read does not take away the frames.
            Err(error) if !matches!(error, StateError::Interrupted) => Ok(Vec::new()),
            found => found,
        };
        all.map(&mut of).collect()
    }

    fn tail_calls_of(
        &self,
        physical: usize,
        indirect: &mut usize,
    ) -> Result<Vec<TailCall>, StateError> {
        self.handed(physical, indirect).map_or(Ok(Vec::new()), |handed| self.jumps(handed))
    }

    /// A frame, if a tail call may have led to its function.
    fn handed(&self, physical: usize, indirect: &mut usize) -> Option<Handed> {
        let frames = &self.walked().frames;
        let (frame, caller) = (frames.get(physical)?, frames.get(physical + 1)?);
        let exact = [Method::Cfi, Method::Recorded, Method::Overwritten];
        if !exact.contains(&caller.method?) || !self.may_search() {
            return None;
        }
        let (session, at) = (self.session, frame.pc.for_lookup());
        let entry = session.locator.bounds(&session.timeline, self.state, at)?.entry;
        match self.calls_directly(caller.pc.value(), entry) {
            Some(true) => return None,
            Some(false) => {}
            None => *indirect = indirect.checked_sub(1)?,
        }
        let top = caller.registers.rsp()?.checked_sub(8)?;
        Some(Handed { top, entry, before: self.inside(physical)?.checked_add(1)? })
    }

    /// Whether the call before `back` leads to `entry`, at once or through a stub: `None` if code
    /// alone does not tell.
    fn calls_directly(&self, back: u64, entry: u64) -> Option<bool> {
        let session = self.session;
        if let Some(name) = session.called_name(self.state, back) {
            let found = session.found_at(self.state, entry)?;
            return Some(found.symbols.names_at(found.address).contains(&name));
        }
        match session.callee(self.state, back)? {
            Callee::Direct(target) => Some(target == entry),
            Callee::Slot(_) => None,
        }
    }

    /// The jumps that handed a frame on, the last first.
    fn jumps(&self, mut handed: Handed) -> Result<Vec<TailCall>, StateError> {
        let mut found = Vec::new();
        for _ in 0..MOST_JUMPS {
            let Some(jump) = self.jump_to(handed)? else { break };
            let session = self.session;
            let pc = session.timeline.pc(jump)?;
            let from = session.locator.bounds(&session.timeline, jump, pc).map(|b| b.entry);
            // A function that goes on at its own beginning loops.
            if from != Some(handed.entry) {
                let places = session.locator.places(&session.timeline, jump, CodeAddr::Pc(pc));
                let place = places.into_iter().last();
                found.extend(place.map(|place| TailCall { tracepoint: jump, place }));
            }
            let Some(entry) = from.filter(|_| found.len() <= MOST_TAIL_CALLS) else { break };
            handed = Handed { entry, before: jump + 1, ..handed };
        }
        Ok(found)
    }

    /// The jump by which the function of a frame was entered, before what leads on from one
    /// module to another; `None` if a call did.
    fn jump_to(&self, handed: Handed) -> Result<Option<u64>, StateError> {
        let (session, timeline) = (self.session, &self.session.timeline);
        let Some(entered) = self.entered(handed)? else { return Ok(None) };
        let jump = self.nearest_before(entered, |at, pc| !session.leads_on(at, pc))?;
        let Some(jump) = jump else { return Ok(None) };
        let jumps = timeline.instruction(jump)?.is_some_and(|i| is_jump(&i.bytes));
        let hands_on = timeline.stack_pointer(jump)? == handed.top;
        Ok((jumps && hands_on).then_some(jump))
    }

    /// The state in which the function of a frame was last entered: since then, the stack pointer
    /// has not been further out, and before the function uses its stack, it is right there.
    fn entered(&self, handed: Handed) -> Result<Option<u64>, StateError> {
        let (session, timeline) = (self.session, &self.session.timeline);
        let Handed { top, entry, before } = handed;
        // No state is behind the last.
        let before = before.min(timeline.end());
        let last = session.find_above(self.thread, before, Direction::Backward, top)?;
        let Some(last) = last else { return Ok(None) };
        let entered = self.nearest_before(last.saturating_add(1), |_, pc| pc == entry)?;
        match entered {
            Some(at) if timeline.stack_pointer(at)? == top => Ok(Some(at)),
            _ => Ok(None),
        }
    }

    /// The last state before `state` that is `wanted`, if it is near.
    fn nearest_before(
        &self,
        state: u64,
        wanted: impl Fn(u64, u64) -> bool,
    ) -> Result<Option<u64>, StateError> {
        let mut left = MOST_STEPS;
        let found =
            self.session.walk_until(Some(self.thread), state, Direction::Backward, |at, pc| {
                left = left.saturating_sub(1);
                if wanted(at, pc) { Some(true) } else { (left == 0).then_some(false) }
            })?;
        Ok(found.filter(|(_, wanted)| *wanted).map(|(at, _)| at))
    }
}

/// Whether an instruction jumps, always or at times.
fn is_jump(bytes: &[u8]) -> bool {
    use FlowControl::{ConditionalBranch, IndirectBranch, UnconditionalBranch};
    let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
    let flow = instruction.flow_control();
    matches!(flow, UnconditionalBranch | ConditionalBranch | IndirectBranch)
}
