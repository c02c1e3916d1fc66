//! Logging x87 and MMX state, and the pointer to the last x87 instruction.
//!
//! The CPU keeps the address of the last x87 instruction that is no control
//! instruction, with its opcode (Intel SDM vol. 1, 8.1.8). After a copy in the
//! cache that is the copy's address. The log and whatever the program can look
//! with must show the program's: the context holds which address of the cache
//! stands for which of the program's, and the tracee's register is put right
//! wherever it leaves the cache. Instructions that show it do not run there.

use super::block::Writer;
use super::emitter::{Emitted, SCRATCH, absolute, at, log_place};
use super::layout::{IMAGE, slot};
use super::{Home, Translate};
use crate::engine::Flow;
use crate::tracee::Stopped;
use iced_x86::{Code, Instruction, MemoryOperand, Mnemonic, OpKind, Register};
use std::arch::x86_64::__cpuid;
use std::sync::LazyLock;

/// Places in FXSAVE's image (Intel SDM vol. 1, 10.5.1).
mod image {
    /// The status word, and in its low byte's top bit the error summary.
    pub const STATUS: usize = 2;
    /// The last opcode.
    pub const OPCODE: usize = 6;
    /// The last instruction pointer.
    pub const INSTRUCTION: usize = 8;
    /// The last data pointer.
    pub const DATA: usize = 16;
    /// ST(0); the image has MXCSR before it, the row does not.
    pub const ST: usize = 32;
    /// XMM0.
    pub const XMM: usize = 160;
}

/// Where the row has ST(0).
const ROW_ST: usize = 24;

/// Whether the CPU saves the pointers at all times: AMD's did only with an
/// exception pending, before CPUID.80000008H:EBX.XSaveErPtr (AMD64 APM vol. 3).
static SAVES_POINTERS: LazyLock<bool> = LazyLock::new(|| {
    const INTEL: [u32; 3] = [0x756e_6547, 0x4965_6e69, 0x6c65_746e];
    let vendor = __cpuid(0);
    let extended = 0x8000_0008;
    [vendor.ebx, vendor.edx, vendor.ecx] == INTEL
        || __cpuid(0x8000_0000).eax >= extended && __cpuid(extended).ebx & 1 << 2 != 0
});

/// Whether the state an x87 or MMX instruction leaves can be logged: it does not
/// store the pointers itself.
pub fn is_loggable(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    *SAVES_POINTERS && !matches!(mnemonic, M::Fnstenv | M::Fstenv | M::Fnsave | M::Fsave)
}

/// What the CPU keeps of an x87 instruction's bytes: the low bits of the first
/// behind the prefixes, and the second.
pub fn opcode(bytes: &[u8]) -> u16 {
    let Some(first) = bytes.iter().position(|byte| (0xd8..=0xdf).contains(byte)) else { return 0 };
    let second = bytes.get(first + 1).copied().unwrap_or_default();
    u16::from(bytes[first] & 7) << 8 | u16::from(second)
}

impl Writer {
    /// Logs the state after the instruction whose copy is at `copied`.
    pub(super) fn x87(&mut self, place: usize, instruction: &Instruction) -> Emitted {
        let image = |offset: usize| absolute(self.emitter.layout.context(IMAGE + offset));
        let (whole, pointer) = (image(0), image(image::INSTRUCTION));
        self.emitter.put(&Instruction::with1(Code::Fxsave64_m512byte, whole)?)?;
        self.emitter.save(slot::RCX, Register::RCX)?;
        self.emitter.load(SCRATCH, pointer)?;
        let beyond = -(self.copied.address as i64);
        self.emitter.lea(Register::RCX, at(SCRATCH, beyond, None))?;
        let own = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        self.emitter.restore(Register::RCX, slot::X87_BEYOND)?;
        let sum = MemoryOperand::with_base_index(SCRATCH, Register::RCX);
        self.emitter.lea(Register::RCX, sum)?;
        let known = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        let other = self.emitter.branch_ahead(Code::Jmp_rel8_64)?;
        self.emitter.land(own)?;
        self.note_pointer(instruction, beyond)?;
        self.emitter.land(known)?;
        self.emitter.restore(SCRATCH, slot::X87_POINTER)?;
        self.emitter.store(pointer, SCRATCH)?;
        self.emitter.land(other)?;
        self.emitter.restore(Register::RCX, slot::RCX)?;
        self.copy_image(place)
    }

    /// The CPU's pointer is the copy's address: from now on that stands for the
    /// instruction's.
    fn note_pointer(&mut self, instruction: &Instruction, beyond: i64) -> Emitted {
        let context = self.emitter.context(slot::X87_BEYOND);
        let beyond = i32::try_from(beyond).map_err(|_| super::emitter::Unencodable)?;
        self.emitter.put(&Instruction::with2(Code::Mov_rm64_imm32, context, beyond)?)?;
        self.emitter.constant(SCRATCH, instruction.ip())?;
        self.emitter.save(slot::X87_POINTER, SCRATCH)?;
        let encoded_otherwise = instruction.op_kinds().any(|kind| kind == OpKind::Memory);
        if encoded_otherwise { self.mend_opcode() } else { Ok(()) }
    }

    /// The instruction may have raised an unmasked exception: then the CPU has
    /// kept its copy's opcode, and gets the program's.
    fn mend_opcode(&mut self) -> Emitted {
        let image = |offset: usize| absolute(self.emitter.layout.context(IMAGE + offset));
        let (whole, status) = (image(0), image(image::STATUS));
        let (opcode, pointer) = (image(image::OPCODE), image(image::INSTRUCTION));
        let raised = Instruction::with2(Code::Movsx_r32_rm8, Register::ECX, status)?;
        self.emitter.put(&raised)?;
        self.emitter.save(slot::X87_RAISED, Register::RCX)?;
        let sign = self.emitter.context(slot::X87_RAISED + 3);
        self.emitter.put(&Instruction::with2(Code::Movzx_r32_rm8, Register::ECX, sign)?)?;
        let none = self.emitter.branch_ahead(Code::Jrcxz_rel8_64)?;
        let kept = u32::from(self.copied.opcode);
        self.emitter.put(&Instruction::with2(Code::Mov_rm16_imm16, opcode, kept)?)?;
        self.emitter.store(pointer, SCRATCH)?;
        self.emitter.put(&Instruction::with1(Code::Fxrstor64_m512byte, whole)?)?;
        self.emitter.land(none)
    }

    /// Copies the image into the row, by way of XMM0, which the image has too.
    fn copy_image(&mut self, place: usize) -> Emitted {
        let layout = self.emitter.layout;
        let image = |offset: usize| absolute(layout.context(IMAGE + offset));
        let load = |from| Instruction::with2(Code::Movups_xmm_xmmm128, Register::XMM0, image(from));
        let pieces = (0..8).map(|i| (image::ST + 16 * i, ROW_ST + 16 * i));
        for (from, to) in std::iter::once((0, 0)).chain(pieces) {
            self.emitter.put(&load(from)?)?;
            let to = log_place(place + to);
            self.emitter.put(&Instruction::with2(Code::Movups_xmmm128_xmm, to, Register::XMM0)?)?;
        }
        self.emitter.put(&load(image::XMM)?)?;
        self.emitter.load(SCRATCH, image(image::DATA))?;
        self.emitter.log(place + image::DATA, SCRATCH)
    }
}

impl Home {
    /// The address of the cache that the CPU's pointer may have, and the
    /// program's that it stands for.
    fn x87_pointer(&self, stopped: &Stopped) -> Option<(u64, u64)> {
        let beyond = self.kept(stopped, slot::X87_BEYOND);
        let pointer = self.kept(stopped, slot::X87_POINTER);
        (beyond != 0).then_some((beyond.wrapping_neg(), pointer))
    }
}

impl Translate {
    /// Gives the tracee the program's pointer to the last x87 instruction.
    pub(super) fn mend_x87(&mut self, stopped: &Stopped) -> Flow<()> {
        let Some(home) = &mut self.home else { return Ok(()) };
        let Some((copy, pointer)) = home.x87_pointer(stopped) else { return Ok(()) };
        stopped.replace_x87_pointer(copy, pointer)?;
        home.keep(slot::X87_BEYOND, 0);
        home.keep(slot::X87_POINTER, 0);
        Ok(())
    }
}
