//! Finding a caller without call frame information.

use super::expression::word;
use super::registers::number;
use super::{CallerFrame, FrameRegisters, Memory, Method, UnwindEnd};
use crate::symbols::address::CodeAddr;

/// Largest frame believed, in bytes: twice the usual limit of a stack.
const MAX_FRAME: u64 = 16 << 20;

/// What the C library puts behind a signal handler's return address:
/// `mov $15,%rax; syscall` (rt_sigreturn).
const SIGRETURN: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

/// Offset of the registers in the kernel's `struct ucontext`: uc_flags,
/// uc_link and uc_stack come first (arch/x86 asm-generic/ucontext.h).
const UCONTEXT_REGISTERS: u64 = 40;

/// DWARF numbers in the order of the kernel's `struct sigcontext_64`:
/// r8–r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
const SIGCONTEXT: [u16; 17] = [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16];

/// The caller of a frame whose code says nothing about frames. `is_code`
/// tells whether an address can be returned to.
pub(super) fn unwind(
    pc: CodeAddr,
    registers: &FrameRegisters,
    memory: Memory<'_>,
    is_code: &mut dyn FnMut(u64) -> bool,
) -> Result<CallerFrame, UnwindEnd> {
    if let Some(interrupted) = signal_frame(pc, registers, memory)? {
        return Ok(interrupted);
    }
    if let Some(skipped) = stack_above_return_address(pc, memory) {
        return return_address_at_top(registers, skipped, memory);
    }
    let chained = frame_pointer(pc, registers, memory);
    let plausible = |caller: &CallerFrame, is_code: &mut dyn FnMut(u64) -> bool| {
        // The outermost frame's saved return address may be 0.
        caller.pc.value() == 0 || is_code(caller.pc.value())
    };
    match chained {
        Ok(caller) if plausible(&caller, is_code) => Ok(caller),
        // A leaf function without frame: rbp is its caller's, and right
        // after the call the return address is on top.
        chained => match return_address_at_top(registers, 0, memory) {
            Ok(top) if matches!(pc, CodeAddr::Pc(_)) && is_code(top.pc.value()) => Ok(top),
            _ => chained,
        },
    }
}

/// The caller whose return address lies `skipped` bytes above the stack
/// pointer; 8 if rbp was just pushed.
pub(super) fn return_address_at_top(
    registers: &FrameRegisters,
    skipped: u64,
    memory: Memory<'_>,
) -> Result<CallerFrame, UnwindEnd> {
    let rsp = registers.rsp().ok_or(UnwindEnd::RegisterUnknown(number::RSP))?;
    let place = rsp.wrapping_add(skipped);
    let return_address = word(place, memory)?;
    let mut caller = registers.preserved();
    if skipped == 8 {
        caller.set(number::RBP, word(rsp, memory).ok());
    }
    Ok(called_from(return_address, place.wrapping_add(8), caller, Method::ReturnAddressAtTop))
}

fn called_from(
    return_address: u64,
    cfa: u64,
    mut caller: FrameRegisters,
    method: Method,
) -> CallerFrame {
    caller.set(number::RSP, Some(cfa));
    caller.set(number::RIP, Some(return_address));
    let pc = CodeAddr::Return(return_address);
    CallerFrame { pc, registers: caller, cfa, method, resumes: false }
}

/// At the first instructions of a prologue, or at `ret`: how many bytes lie
/// above the return address. `None` elsewhere.
fn stack_above_return_address(pc: CodeAddr, memory: Memory<'_>) -> Option<u64> {
    let CodeAddr::Pc(pc) = pc else { return None };
    let here = code::<4>(pc, memory);
    let before = code::<1>(pc.wrapping_sub(1), memory);
    match here {
        // ret, ret n, rep ret.
        Some([0xc3 | 0xc2, ..] | [0xf3, 0xc3, ..]) => Some(0),
        // A stub of the procedure linkage table: jmp *slot(%rip).
        Some([0xff, 0x25, ..] | [0xf2, 0xff, 0x25, _]) => Some(0),
        // endbr64; push %rbp.
        Some([0xf3, 0x0f, 0x1e, 0xfa] | [0x55, 0x48, 0x89, 0xe5] | [0x55, 0x48, 0x8b, 0xec]) => {
            Some(0)
        }
        // mov %rsp,%rbp behind push %rbp.
        Some([0x48, 0x89, 0xe5, _] | [0x48, 0x8b, 0xec, _]) if before == Some([0x55]) => Some(8),
        _ => None,
    }
}

fn code<const N: usize>(address: u64, memory: Memory<'_>) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    memory(address, &mut bytes).then_some(bytes)
}

/// By the chain of frame pointers: saved rbp at rbp, return address above.
fn frame_pointer(
    pc: CodeAddr,
    registers: &FrameRegisters,
    memory: Memory<'_>,
) -> Result<CallerFrame, UnwindEnd> {
    let rsp = registers.rsp().ok_or(UnwindEnd::RegisterUnknown(number::RSP))?;
    let rbp = registers.rbp().ok_or(UnwindEnd::NoMethod(pc.value()))?;
    let depth = rbp.wrapping_sub(rsp);
    // Below the stack pointer, far above it, or unaligned: not a frame.
    if depth > MAX_FRAME || !rbp.is_multiple_of(8) {
        return Err(UnwindEnd::NoMethod(pc.value()));
    }
    let return_address = word(rbp.wrapping_add(8), memory)?;
    let mut caller = registers.preserved();
    // Other preserved registers may have been saved anywhere.
    for number in [number::RBX, 12, 13, 14, 15] {
        caller.set(number, None);
    }
    caller.set(number::RBP, Some(word(rbp, memory)?));
    Ok(called_from(return_address, rbp.wrapping_add(16), caller, Method::FramePointer))
}

/// Whether an address can be a return address: behind a call, or of a trampoline to rt_sigreturn.
/// True where that is not known.
pub(super) fn is_behind_call(address: u64, memory: Memory<'_>) -> bool {
    const LONGEST: usize = 7;
    let before = code::<LONGEST>(address.wrapping_sub(LONGEST as u64), &mut *memory);
    let Some(before) = before else { return true };
    // call rel32; call of a register or of memory (ff /2), with 0, 1 or 4 bytes of displacement
    // and with or without a SIB byte.
    let indirect = |length: usize| match before.get(LONGEST - length..) {
        Some([0xff, modrm, ..]) => modrm >> 3 & 7 == 2,
        _ => false,
    };
    let direct = before.get(LONGEST - 5) == Some(&0xe8);
    direct || (2..=LONGEST).any(indirect) || code(address, memory) == Some(SIGRETURN)
}

/// The registers the kernel saved, if `pc` is a trampoline to rt_sigreturn.
pub(super) fn signal_frame(
    pc: CodeAddr,
    registers: &FrameRegisters,
    memory: Memory<'_>,
) -> Result<Option<CallerFrame>, UnwindEnd> {
    if code(pc.value(), memory) != Some(SIGRETURN) {
        return Ok(None);
    }
    let cfa = registers.rsp().ok_or(UnwindEnd::RegisterUnknown(number::RSP))?;
    let mut interrupted = FrameRegisters::default();
    let saved = (cfa.wrapping_add(UCONTEXT_REGISTERS)..).step_by(8);
    for (register, address) in SIGCONTEXT.into_iter().zip(saved) {
        interrupted.set(register, Some(word(address, memory)?));
    }
    let pc = CodeAddr::Pc(interrupted.rip().unwrap_or_default());
    let method = Method::SignalFrame;
    Ok(Some(CallerFrame { pc, registers: interrupted, cfa, method, resumes: false }))
}
