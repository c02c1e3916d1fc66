//! Call stacks, from registers and memory at one moment.
//!
//! Every register is restored that call frame information has a rule for,
//! so that variables of outer frames can be shown. Where there is no such
//! information, code and frame pointers are consulted, and each frame says
//! by which [`Method`] its caller was found.

mod backtrace;
mod cfi;
mod expression;
mod fallback;
mod registers;

pub use backtrace::{Backtrace, Called, Frame, LoadedModule, Modules, backtrace};
pub(crate) use cfi::Cfi;
pub(crate) use registers::name as register_name;
pub use registers::{DWARF_REGISTERS, FrameRegisters, number};

use super::address::{CodeAddr, ModuleAddr};
use super::guard::guarded;
use super::module::ModuleSymbols;

/// Memory at the moment asked about: fills the buffer from an address, all
/// or nothing; false if any byte is unknown.
pub type Memory<'a> = &'a mut dyn FnMut(u64, &mut [u8]) -> bool;

/// How a caller was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Call frame information: exact.
    Cfi,
    /// The chain of saved frame pointers.
    FramePointer,
    /// A return address on top of the stack: at a function's first
    /// instruction, at `ret`, or after a call through a bad pointer.
    ReturnAddressAtTop,
    /// The frame the kernel pushed for a signal handler.
    SignalFrame,
    /// The call that history has: exact.
    Recorded,
    /// The same, and its return address is no longer in the stack.
    Overwritten,
}

/// Who called, and with which registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerFrame {
    /// Where execution continues; exact for a frame a signal interrupted.
    pub pc: CodeAddr,
    /// The registers there; unknown ones are `None`.
    pub registers: FrameRegisters,
    /// The canonical frame address of the frame that was left: its caller's
    /// stack pointer before the call.
    pub cfa: u64,
    /// How it was found.
    pub method: Method,
    /// Whether its stack pointer is taken from where a context was saved (longjmp, setcontext):
    /// it may be on any stack.
    pub resumes: bool,
}

/// Why there is no further frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwindEnd {
    /// The outermost frame.
    #[error("outermost frame")]
    Outermost,
    /// The next frame would not be further out than this one.
    #[error("stack corrupt? the next frame (CFA {cfa:#x}) is not outside this one")]
    NoProgress {
        /// Canonical frame address of the frame that was refused.
        cfa: u64,
    },
    /// As many frames as were asked for.
    #[error("frame limit reached")]
    DepthLimit,
    /// Memory that is needed is not known.
    #[error("memory at {0:#x} is not known")]
    MemoryUnknown(u64),
    /// The return address points to no code.
    #[error("stack corrupt? return address {0:#x} is not in any code")]
    ReturnAddressNotCode(u64),
    /// A register that is needed is not known.
    #[error("register {} is not known in this frame", registers::name(*.0))]
    RegisterUnknown(u16),
    /// The call frame information makes no sense.
    #[error("call frame information at {0:#x} is unusable")]
    BadCfi(u64),
    /// There is neither call frame information nor a frame pointer.
    #[error("no way to find the caller of {0:#x}")]
    NoMethod(u64),
}

impl ModuleSymbols {
    /// The caller of a frame in this module, which is loaded with `bias`.
    ///
    /// # Errors
    /// Why there is none, or none that can be found.
    pub fn unwind(
        &self,
        pc: CodeAddr,
        bias: u64,
        registers: &FrameRegisters,
        memory: Memory<'_>,
    ) -> Result<CallerFrame, UnwindEnd> {
        let with_cfi = self.unwind_cfi(pc, bias, registers, memory);
        with_cfi.unwrap_or_else(|| fallback::unwind(pc, registers, memory, &mut |_| true))
    }

    /// The canonical frame address of a frame in this module, whose caller need not be found:
    /// `None` without call frame information, or where it needs what is not known.
    pub fn canonical_frame_address(
        &self,
        pc: CodeAddr,
        bias: u64,
        registers: &FrameRegisters,
        memory: Memory<'_>,
    ) -> Option<u64> {
        guarded(|| self.cfi().canonical_frame_address(pc, bias, registers, memory))
    }

    /// The code that the call frame information for an address is about: mostly one function,
    /// of stripped programs too.
    pub fn frame_range(&self, address: ModuleAddr) -> Option<std::ops::Range<ModuleAddr>> {
        let range = guarded(|| self.cfi().range(address.0))?;
        Some(ModuleAddr(range.start)..ModuleAddr(range.end))
    }

    /// Whether call frame information says that an address is in a signal trampoline.
    pub fn is_signal_frame(&self, address: ModuleAddr) -> bool {
        guarded(|| self.cfi().is_signal_trampoline(address.0)) == Some(true)
    }

    /// Whether call frame information says that an address is in no signal trampoline.
    pub fn is_ordinary_frame(&self, address: ModuleAddr) -> bool {
        guarded(|| self.cfi().is_signal_trampoline(address.0)) == Some(false)
    }

    /// As [`ModuleSymbols::unwind`], by call frame information only; `None`
    /// if it has none for this address.
    pub(crate) fn unwind_cfi(
        &self,
        pc: CodeAddr,
        bias: u64,
        registers: &FrameRegisters,
        memory: Memory<'_>,
    ) -> Option<Result<CallerFrame, UnwindEnd>> {
        guarded(|| self.cfi().unwind(pc, bias, registers, memory))
    }
}
