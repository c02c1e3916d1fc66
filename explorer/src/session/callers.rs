//! Callers as history has them, whatever code and stack say: a frame was entered by the last
//! call since which the stack pointer has stayed below where it was before the call.

use super::Frames;
use super::calls::{Flow, flow};
use super::ended::Entered;
use crate::symbols::CodeAddr;
use crate::symbols::unwind::{self, Called, FrameRegisters, Method, Modules};
use crate::timeline::{Direction, Instruction, Timeline};
use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind, Register};
use rdb_schema::event::{Disposition, EventKind};
use rdb_schema::registers::{Gpr, Registers};
use std::ops::ControlFlow;

/// Instructions looked at for one call, each of which has moved the stack pointer further down
/// than any since: pushes, mostly.
const MOST_STEPS: usize = 256;

/// The same for all frames of a stack.
pub(super) const MOST_IN_ALL: usize = 4096;

/// Bytes around the stack pointer with which a stack is resumed in which it was when it was left.
const RESUMED: u64 = 256;

/// Chunks of history in which the arrival of a signal is looked for whose handler runs.
const SIGNAL_CHUNKS: usize = 64;

/// What an instruction that moved the stack pointer down was.
enum Step {
    /// What entered the frame.
    Entered(Box<Called>),
    /// It made the frame larger: where the stack pointer was before.
    Lowered(u64),
    /// It changed to the stack of the frame, which had been left right before this state.
    Resumed(u64),
}

impl Step {
    fn entered(called: Called) -> Step {
        Step::Entered(Box::new(called))
    }
}

/// Where a search begins.
#[derive(Clone, Copy)]
struct Start {
    /// States before this one are searched.
    before: u64,
    /// The stack pointer of the frame.
    rsp: u64,
}

impl Frames<'_> {
    /// The call that entered the last of `inner`, the innermost frames; `None` if history does
    /// not have it, or if that is not for sure.
    pub(super) fn call_of(&self, inner: &[unwind::Frame]) -> Option<Called> {
        let start = self.start(inner)?;
        let pc = inner.last()?.pc;
        if let Some(left) = self.left_for_nowhere(inner, start) {
            let called = self.search(left, pc).filter(|called| called.cfa == start.rsp);
            if called.is_some() {
                return called;
            }
        }
        self.search(start, pc)
    }

    /// Whether a call entered the function of the last of `inner`, directly or by jumps; `None`
    /// where no function is known.
    pub(super) fn is_entered_by(&self, inner: &[unwind::Frame], called: &Called) -> Option<bool> {
        let address = inner.last()?.pc.for_lookup();
        let Self { session, state, thread, .. } = *self;
        let entry = session.locator.bounds(&session.timeline, state, address)?.entry;
        let entered = Entered { thread, function: None, entry, base: called.cfa };
        let inside = self.start(inner)?.before;
        Some(matches!(session.entry_of(&entered, inside), Ok(Some(_))))
    }

    /// A state in a frame of code: the last before what it called.
    pub(super) fn inside(&self, physical: usize) -> Option<u64> {
        let inner = self.walked().frames.get(..=physical)?;
        self.start(inner).map(|start| start.before)
    }

    /// Where the search for the call of the last of `inner` begins.
    fn start(&self, inner: &[unwind::Frame]) -> Option<Start> {
        let mut before = self.state;
        let mut handler = None;
        for frame in inner {
            before = match (frame.at, frame.method) {
                (Some(at), _) => at,
                (None, Some(Method::SignalFrame)) => self.arrival(before, handler?)? + 1,
                _ => before,
            };
            handler = frame.registers.rsp();
        }
        Some(Start { before, rsp: inner.last()?.registers.rsp()? })
    }

    /// Where there is no code, because a return went there: the state of that in place of `start`.
    fn left_for_nowhere(&self, inner: &[unwind::Frame], start: Start) -> Option<Start> {
        let (timeline, frame) = (&self.session.timeline, inner.last()?);
        let CodeAddr::Pc(pc) = frame.pc else { return None };
        if self.is_code(pc) {
            return None;
        }
        let mut last = timeline.predecessor(self.thread, start.before)?;
        // It was tried to go on there.
        if timeline.pc(last).ok()? == pc {
            last = timeline.predecessor(self.thread, last)?;
        }
        let returns = flow(&timeline.instruction(last).ok()??.bytes) == Flow::Return;
        let rsp = timeline.stack_pointer(last).ok()?;
        (returns && rsp.checked_add(8) == Some(start.rsp)).then_some(Start { before: last, rsp })
    }

    /// The call of a frame whose execution is at, or comes back to, `code`.
    fn search(&self, start: Start, code: CodeAddr) -> Option<Called> {
        let Start { mut before, mut rsp } = start;
        let mut resumed = false;
        for _ in 0..MOST_STEPS {
            let left = self.steps_left.get().checked_sub(1)?;
            self.steps_left.set(left);
            let limit = rsp.checked_add(1)?;
            let way = Direction::Backward;
            let state = self.session.find_above(self.thread, before, way, limit).ok()??;
            match self.step(state, rsp, code)? {
                // Other stacks have been at the same addresses.
                Step::Entered(called) if resumed && !self.is_pushed(&called) => return None,
                Step::Entered(called) => return Some(*called),
                Step::Lowered(outer) => (before, rsp) = (state, outer),
                Step::Resumed(there) => (before, resumed) = (there, true),
            }
        }
        None
    }

    /// What the instruction of `state` was, which moved the stack pointer to `rsp` or below.
    fn step(&self, state: u64, rsp: u64, code: CodeAddr) -> Option<Step> {
        let timeline = &self.session.timeline;
        let (outer, after) =
            (timeline.stack_pointer(state).ok()?, timeline.stack_pointer_after(state).ok()?);
        let instruction = timeline.instruction(state).ok()??;
        let calls = flow(&instruction.bytes) == Flow::Call;
        let pushed = outer.checked_sub(8)?;
        if !(calls && after == pushed) && rsp <= after && self.is_interrupted(state) {
            return self.handled(state, after).map(Step::entered);
        }
        if calls && rsp <= pushed {
            return called(timeline, state, &instruction).map(Step::entered);
        }
        if extends(&instruction.bytes) || self.extends_by_move((state, outer), after, code) {
            return Some(Step::Lowered(outer));
        }
        let left = match returns_from_signal(timeline, state, &instruction) {
            true => self.arrival(state, outer)?,
            false => self.left_before(state, after)?,
        };
        Some(Step::Resumed(left + 1))
    }

    /// What entered the handler of a signal that arrived at tracepoint `state`: the kernel.
    fn handled(&self, state: u64, rsp: u64) -> Option<Called> {
        let timeline = &self.session.timeline;
        let mut word = [0; 8];
        let at = state.checked_add(1)?;
        if !timeline.read(at, rsp, &mut word) {
            return None;
        }
        let (back, cfa) = (u64::from_le_bytes(word), rsp.checked_add(8)?);
        let registers = timeline.registers_after(state).ok()?;
        Some(Called { at, back, cfa, registers: returned(registers, back, cfa) })
    }

    /// Whether a handler of a signal begins behind tracepoint `state`.
    fn is_interrupted(&self, state: u64) -> bool {
        self.handlers(state..state.saturating_add(1), &mut |_| true).is_some()
    }

    /// The tracepoint before `before` at which the signal arrived whose handler returns to where
    /// the stack pointer is `rsp`.
    fn arrival(&self, before: u64, rsp: u64) -> Option<u64> {
        let timeline = &self.session.timeline;
        let index = timeline.chunk_at(before).ok()?.saturating_sub(SIGNAL_CHUNKS);
        let first = timeline.chunk_places().get(index)?.first;
        let pushed = rsp.checked_sub(8);
        self.handlers(first..before, &mut |t| timeline.stack_pointer_after(t).ok() == pushed)
    }

    /// The last of `times` at which a handler of the thread begins, and `wanted` is true.
    fn handlers(
        &self,
        times: std::ops::Range<u64>,
        wanted: &mut dyn FnMut(u64) -> bool,
    ) -> Option<u64> {
        let mut found = None;
        let visited = self.session.timeline.events(times, Direction::Backward, &mut |event| {
            let handled = matches!(&event.kind, EventKind::Signal(signal)
                if signal.disposition == Disposition::Handled);
            if handled && event.thread == self.thread && wanted(event.tracepoint) {
                found = Some(event.tracepoint);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        visited.ok()?;
        found
    }

    /// The last state before `state` at which the stack was in use that it resumes at `rsp`.
    fn left_before(&self, state: u64, rsp: u64) -> Option<u64> {
        let near = rsp.saturating_sub(RESUMED)..=rsp.saturating_add(RESUMED);
        self.session.find_on_stack(self.thread, state, Direction::Backward, near).ok()?
    }

    /// Whether the instruction of a state, which computed the stack pointer `after` from anything,
    /// did so within the frame: for an array of variable length.
    fn extends_by_move(&self, (state, outer): (u64, u64), after: u64, code: CodeAddr) -> bool {
        let (locator, timeline) = (&self.session.locator, &self.session.timeline);
        let same_stack = self
            .space
            .find(after)
            .is_some_and(|mapping| (mapping.start..mapping.end).contains(&outer.saturating_sub(1)));
        let Some(pc) = timeline.pc(state).ok().filter(|_| same_stack) else { return false };
        let function = locator.bounds(timeline, state, pc);
        function.is_some_and(|function| (function.start..function.end).contains(&code.for_lookup()))
    }

    /// Whether memory still holds what a call pushed.
    fn is_pushed(&self, called: &Called) -> bool {
        let mut word = [0; 8];
        let known = self.session.timeline.read(self.state, called.cfa.wrapping_sub(8), &mut word);
        known && u64::from_le_bytes(word) == called.back
    }
}

/// The call at `state`.
fn called(timeline: &Timeline, state: u64, instruction: &Instruction) -> Option<Called> {
    let registers = timeline.registers(state).ok()?;
    let (back, cfa) = (instruction.pc + instruction.bytes.len() as u64, registers.rsp());
    Some(Called { at: state, back, cfa, registers: returned(registers, back, cfa) })
}

/// `registers` where a call comes back to.
fn returned(mut registers: Registers, rip: u64, rsp: u64) -> FrameRegisters {
    registers.rip = rip;
    registers.gpr[Gpr::RSP.index()] = rsp;
    FrameRegisters::of(&registers)
}

/// Whether an instruction moves the stack pointer by so much, not to anywhere.
fn extends(bytes: &[u8]) -> bool {
    let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
    let stack_pointer = instruction.op0_kind() == OpKind::Register
        && matches!(instruction.op0_register(), Register::RSP | Register::ESP);
    match instruction.mnemonic() {
        Mnemonic::Push | Mnemonic::Pushfq | Mnemonic::Pushf | Mnemonic::Enter => true,
        Mnemonic::Sub | Mnemonic::Add | Mnemonic::And | Mnemonic::Dec => stack_pointer,
        Mnemonic::Lea => {
            let base = instruction.memory_base();
            stack_pointer && matches!(base, Register::RSP | Register::RBP)
        }
        _ => false,
    }
}

/// Whether the instruction of `state` is a system call that ends a handler (rt_sigreturn).
fn returns_from_signal(timeline: &Timeline, state: u64, instruction: &Instruction) -> bool {
    const RT_SIGRETURN: u64 = 15;
    instruction.bytes == [0x0f, 0x05]
        && timeline.registers(state).is_ok_and(|r| r.gpr[Gpr::RAX.index()] == RT_SIGRETURN)
}
