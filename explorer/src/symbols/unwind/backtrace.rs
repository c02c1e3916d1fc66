//! From the innermost frame outwards, until there is a reason to stop.

use std::collections::HashSet;

use super::fallback::{self, return_address_at_top};
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
}

/// The frames, innermost first, and why there are no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backtrace {
    /// At least one.
    pub frames: Vec<Frame>,
    /// Why it ends; its text is for the user.
    pub end: UnwindEnd,
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
    let first = Frame { pc, registers: start, cfa: None, method: None };
    let mut walk = Walk { modules, frames: vec![first], left_signals: HashSet::new() };
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
    /// Signal frames passed: the only ones after which the stack may go down.
    left_signals: HashSet<(u64, u64)>,
}

impl Walk<'_> {
    /// Adds the next frame, or says why not.
    fn step(&mut self, memory: Memory<'_>) -> Result<(), UnwindEnd> {
        let Some(frame) = self.frames.last().cloned() else { return Err(UnwindEnd::Outermost) };
        let caller = self.caller(&frame, memory)?;
        self.check(&frame, &caller)?;
        if let Some(last) = self.frames.last_mut() {
            last.cfa = Some(caller.cfa);
        }
        let (pc, registers) = (caller.pc, caller.registers);
        if pc.value() == 0 && matches!(pc, CodeAddr::Return(_)) {
            return Err(UnwindEnd::Outermost);
        }
        // After a signal any address can have been interrupted: a call
        // through a bad pointer is why some signals are sent.
        if matches!(pc, CodeAddr::Return(_)) && !self.modules.is_code(pc.for_lookup()) {
            return Err(UnwindEnd::ReturnAddressNotCode(pc.value()));
        }
        self.frames.push(Frame { pc, registers, cfa: None, method: Some(caller.method) });
        Ok(())
    }

    fn caller(&self, frame: &Frame, memory: Memory<'_>) -> Result<CallerFrame, UnwindEnd> {
        let (pc, modules) = (frame.pc, self.modules);
        let module = modules.module_at(pc.for_lookup());
        let with_cfi = module.and_then(|module| {
            module.symbols.unwind_cfi(pc, module.bias, &frame.registers, &mut *memory)
        });
        if let Some(caller) = with_cfi {
            return caller;
        }
        if matches!(pc, CodeAddr::Pc(_)) && !modules.is_code(pc.value()) {
            return return_address_at_top(&frame.registers, 0, memory);
        }
        let mut is_code = |address: u64| modules.is_code(address.wrapping_sub(1));
        fallback::unwind(pc, &frame.registers, memory, &mut is_code)
    }

    /// Frames must lie further and further out, except where a signal
    /// handler ran on a stack of its own.
    fn check(&mut self, frame: &Frame, caller: &CallerFrame) -> Result<(), UnwindEnd> {
        let stuck = Err(UnwindEnd::NoProgress { cfa: caller.cfa });
        if caller.method == Method::SignalFrame {
            let place = (caller.pc.value(), caller.registers.rsp().unwrap_or_default());
            return if self.left_signals.insert(place) { Ok(()) } else { stuck };
        }
        match frame.registers.rsp() {
            // A call pushes a return address, so a frame is never empty.
            Some(rsp) if caller.cfa <= rsp => stuck,
            _ => Ok(()),
        }
    }
}
