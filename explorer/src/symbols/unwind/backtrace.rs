//! From the innermost frame outwards, until there is a reason to stop.

use std::collections::HashSet;

use super::expression::word;
use super::fallback::{self, is_behind_call, return_address_at_top};
use super::{CallerFrame, FrameRegisters, Memory, Method, UnwindEnd};
use crate::symbols::address::{CodeAddr, ModuleAddr};
use crate::symbols::module::ModuleSymbols;

/// A module where it is loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadedModule<'a> {
    /// Its symbols.
    pub symbols: &'a ModuleSymbols,
    /// Run-time minus module addresses.
    pub bias: u64,
}

/// The modules of a process at one moment.
pub trait Modules {
    /// The module mapped at a run-time address.
    fn module_at(&self, address: u64) -> Option<LoadedModule<'_>>;

    /// Whether execution could return to an address. Override it where code
    /// exists outside modules: generated code.
    fn is_code(&self, address: u64) -> bool {
        self.module_at(address).is_some_and(|module| {
            let address = ModuleAddr::of_runtime(address, module.bias);
            module.symbols.layout().is_code(address)
        })
    }

    /// What entered the last of `inner`, the innermost frames, if that is recorded.
    fn call_of(&self, _inner: &[Frame]) -> Option<Called> {
        None
    }

    /// Whether the function of the last of `inner` was entered by what entered its frame: not if
    /// it has changed to the frame of another, as swapcontext does.
    fn is_entered(&self, _inner: &[Frame], _called: &Called) -> bool {
        true
    }

    /// Memory at a recorded state: as [`Memory`].
    fn read_at(&self, _state: u64, _address: u64, _buffer: &mut [u8]) -> bool {
        false
    }
}

/// A recorded call, or the arrival of a signal that has a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// The state whose memory has the frames further out as they were then: that of the call,
    /// or the one behind the signal.
    pub at: u64,
    /// Where it returns to.
    pub back: u64,
    /// The canonical frame address of the frame that it entered.
    pub cfa: u64,
    /// The caller's registers then, with the program counter where it returns to.
    pub registers: FrameRegisters,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where execution is, or will return to.
    pub pc: CodeAddr,
    /// Its registers; unknown ones are `None`.
    pub registers: FrameRegisters,
    /// Its canonical frame address, unless its caller was not found.
    pub cfa: Option<u64>,
    /// How this frame was found; `None` for the innermost.
    pub method: Option<Method>,
    /// The recorded state by which it was found ([`Called::at`]).
    pub at: Option<u64>,
}

/// The frames, innermost first, and why there are no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backtrace {
    /// At least one.
    pub frames: Vec<Frame>,
    /// Why it ends; its text is for the user.
    pub end: UnwindEnd,
}

impl Backtrace {
    /// The frames from `first` on, each with its caller, if that was found.
    pub fn with_callers(&self, first: usize) -> impl Iterator<Item = (&Frame, Option<&Frame>)> {
        let frames = self.frames.get(first..).unwrap_or_default();
        frames.iter().enumerate().map(move |(index, frame)| (frame, frames.get(index + 1)))
    }
}

/// Unwinds from `start` (all registers of a thread) through at most `limit`
/// frames. Ends on any content of memory.
pub fn backtrace(
    modules: &dyn Modules,
    start: FrameRegisters,
    memory: Memory<'_>,
    limit: usize,
) -> Backtrace {
    let pc = CodeAddr::Pc(start.rip().unwrap_or_default());
    let first = Frame { pc, registers: start, cfa: None, method: None, at: None };
    let mut walk = Walk { modules, frames: vec![first], left_stacks: HashSet::new() };
    let end = loop {
        if walk.frames.len() >= limit.max(1) {
            break UnwindEnd::DepthLimit;
        }
        if let Err(end) = walk.step(&mut *memory) {
            break end;
        }
    };
    Backtrace { frames: walk.frames, end }
}

struct Walk<'m> {
    modules: &'m dyn Modules,
    frames: Vec<Frame>,
    /// Frames that were found as those of signals, or on stacks that are resumed: the only ones
    /// after which the stack may go down.
    left_stacks: HashSet<(u64, u64)>,
}

impl Walk<'_> {
    /// Adds the next frame, or says why not.
    fn step(&mut self, memory: Memory<'_>) -> Result<(), UnwindEnd> {
        let Some(frame) = self.frames.last().cloned() else { return Err(UnwindEnd::Outermost) };
        let (modules, at) = (self.modules, self.frames.iter().rev().find_map(|frame| frame.at));
        let next = match at {
            Some(at) => {
                self.next(&frame, &mut |address, buffer| modules.read_at(at, address, buffer))
            }
            None => self.next(&frame, &mut *memory),
        };
        let (mut caller, at) = next?;
        let mut pushed = || word(caller.cfa.wrapping_sub(8), memory);
        if at.is_some() && pushed().is_ok_and(|pushed| pushed != caller.pc.value()) {
            caller.method = Method::Overwritten;
        }
        if let Some(last) = self.frames.last_mut() {
            last.cfa = Some(caller.cfa);
        }
        let CallerFrame { pc, registers, method, .. } = caller;
        if pc == CodeAddr::Return(0) {
            return Err(UnwindEnd::Outermost);
        }
        self.frames.push(Frame { pc, registers, cfa: None, method: Some(method), at });
        Ok(())
    }

    /// The caller of a frame, and the recorded state that it was found by. What is recorded
    /// counts where the stack makes no sense.
    fn next(
        &mut self,
        frame: &Frame,
        memory: Memory<'_>,
    ) -> Result<(CallerFrame, Option<u64>), UnwindEnd> {
        let (caller, sense) = match self.caller(frame, &mut *memory) {
            Err(UnwindEnd::Outermost) => return Err(UnwindEnd::Outermost),
            Err(end) => (None, Err(end)),
            Ok((caller, Some(at))) => return Ok((caller, Some(at))),
            Ok((caller, None)) => {
                let sense = self.check(frame, &caller);
                (Some(caller), sense)
            }
        };
        let returns = caller.as_ref().is_some_and(|caller| {
            let pc = caller.pc.value();
            let mut returns = || pc != 0 && is_behind_call(pc, &mut *memory);
            sense.is_ok() && (caller.method == Method::SignalFrame || returns())
        });
        let called = if returns { None } else { self.modules.call_of(&self.frames) };
        let overwritten = |called: &Called| {
            let same = caller.as_ref().is_some_and(|caller| caller.cfa == called.cfa);
            match &caller {
                // A stack may have been made by hand, without a call: only of the same place is
                // it known that another address was pushed there.
                Some(caller) if sense.is_ok() => same && called.back != caller.pc.value(),
                _ => same || self.modules.is_entered(&self.frames, called),
            }
        };
        match called.filter(overwritten) {
            Some(called) => Ok(recorded(called)),
            None => sense.and_then(|()| caller.ok_or(UnwindEnd::Outermost)).map(|c| (c, None)),
        }
    }

    fn caller(
        &self,
        frame: &Frame,
        memory: Memory<'_>,
    ) -> Result<(CallerFrame, Option<u64>), UnwindEnd> {
        let (pc, modules) = (frame.pc, self.modules);
        let module = modules.module_at(pc.for_lookup());
        let with_cfi = module.and_then(|module| {
            module.symbols.unwind_cfi(pc, module.bias, &frame.registers, &mut *memory)
        });
        if let Some(caller) = with_cfi {
            return Ok((caller?, None));
        }
        if let Some(interrupted) = fallback::signal_frame(pc, &frame.registers, &mut *memory)? {
            return Ok((interrupted, None));
        }
        if let Some(called) = modules.call_of(&self.frames) {
            return Ok(recorded(called));
        }
        if matches!(pc, CodeAddr::Pc(_)) && !modules.is_code(pc.value()) {
            return Ok((return_address_at_top(&frame.registers, 0, memory)?, None));
        }
        let mut is_code = |address: u64| modules.is_code(address.wrapping_sub(1));
        Ok((fallback::unwind(pc, &frame.registers, memory, &mut is_code)?, None))
    }

    /// Frames must lie further and further out, except where a signal handler ran on a stack of
    /// its own, or another stack is resumed; and return to code.
    fn check(&mut self, frame: &Frame, caller: &CallerFrame) -> Result<(), UnwindEnd> {
        let stuck = Err(UnwindEnd::NoProgress { cfa: caller.cfa });
        if caller.method == Method::SignalFrame || caller.resumes {
            let place = (caller.pc.value(), caller.registers.rsp().unwrap_or_default());
            if !self.left_stacks.insert(place) {
                return stuck;
            }
        } else if frame.registers.rsp().is_some_and(|rsp| caller.cfa <= rsp) {
            // A call pushes a return address, so a frame is never empty.
            return stuck;
        }
        // After a signal any address can have been interrupted: a call
        // through a bad pointer is why some signals are sent.
        match caller.pc {
            CodeAddr::Return(pc @ 1..) if !self.modules.is_code(caller.pc.for_lookup()) => {
                Err(UnwindEnd::ReturnAddressNotCode(pc))
            }
            _ => Ok(()),
        }
    }
}

/// The caller that a recorded call has.
fn recorded(called: Called) -> (CallerFrame, Option<u64>) {
    let Called { at, back, cfa, registers } = called;
    let (pc, method) = (CodeAddr::Return(back), Method::Recorded);
    (CallerFrame { pc, registers, cfa, method, resumes: false }, Some(at))
}
