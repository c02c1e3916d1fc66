//! Whether an instruction may have another outcome in the other recording:
//! because it asks for what differs from run to run, or because an input
//! differs already.

use super::differing::Differing;
use super::sources::Source;
use iced_x86::{
    CpuidFeature, Decoder, DecoderOptions, Instruction, InstructionInfo, InstructionInfoFactory,
    OpAccess, Register, UsedMemory,
};
use rdb_schema::event::{Event, EventKind};
use rdb_schema::registers::Registers;
use rdb_schema::space::{AddressSpace, Base};
use rdb_schema::syscalls::name;

/// Bytes that an instruction of unknown extent may read (fxrstor, xrstor).
const LARGEST: u64 = 4096;

/// The legacy page of gettimeofday, time and getcpu, each of which is one
/// instruction to a program (arch/x86/entry/vsyscall).
const VSYSCALL: std::ops::Range<u64> = 0xffff_ffff_ff60_0000..0xffff_ffff_ff60_1000;

/// Most bytes of a signal frame that are looked at.
const FRAME: u64 = 1 << 14;

/// Where an instruction stands before it runs.
pub struct Scene<'a> {
    /// Its bytes.
    pub code: &'a [u8],
    /// Registers in this recording.
    pub left: &'a Registers,
    /// Registers in the other.
    pub right: &'a Registers,
    /// Memory that differs.
    pub differing: &'a Differing,
    /// Mappings.
    pub space: &'a AddressSpace,
    /// Its events.
    pub events: &'a [Event],
    /// Whether switches of tasks may have changed the x87 pointers.
    pub loses_pointers: bool,
}

/// Why outcomes may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It asks for something that differs from run to run.
    Source(Source),
    /// What it read differs already.
    Inputs,
}

impl Scene<'_> {
    /// The instruction.
    pub fn instruction(&self) -> Instruction {
        let mut decoder = Decoder::with_ip(64, self.code, self.left.rip, DecoderOptions::NONE);
        decoder.decode()
    }

    /// Why the outcomes may differ, if they may.
    pub fn explain(&self) -> Option<Why> {
        if VSYSCALL.contains(&self.left.rip) {
            return Some(Why::Source(Source::Time));
        }
        let instruction = self.instruction();
        let of_event = self.events.iter().find_map(|event| self.of_event(&event.kind));
        let source = of_event.or_else(|| Source::of_instruction(&instruction).map(Why::Source));
        let lost = self.loses_pointers && saves(&instruction);
        let inputs = source.or_else(|| self.inputs(&instruction));
        inputs.or(lost.then_some(Why::Source(Source::X87Pointers)))
    }

    fn of_event(&self, kind: &EventKind) -> Option<Why> {
        match kind {
            EventKind::Syscall(call) => match Source::of_syscall(call.number) {
                Some(source) => Some(Why::Source(source)),
                None => self.syscall_inputs(call.number).then_some(Why::Inputs),
            },
            EventKind::Signal(signal) => {
                // The frame holds all registers, and siginfo the sender.
                let code = signal.info.get(8..12).and_then(|bytes| bytes.try_into().ok());
                let sent = code.is_some_and(|code| i32::from_le_bytes(code) <= 0);
                if sent || signal.number == libc::SIGCHLD.cast_unsigned() {
                    return Some(Why::Source(Source::Ids));
                }
                (self.left != self.right).then_some(Why::Inputs)
            }
            _ => None,
        }
    }

    /// Whether the arguments' registers differ, which the instruction does not
    /// name, or the frame from which registers return.
    fn syscall_inputs(&self, number: u64) -> bool {
        let argument = |i: &usize| self.left.gpr.get(*i) != self.right.gpr.get(*i);
        [7, 6, 2, 10, 8, 9].iter().any(argument)
            || (name(number) == Some("rt_sigreturn") && self.differing.any(self.left.rsp(), FRAME))
    }

    /// Whether some of what it stored may be what was there before: the kernel's
    /// writes, saved state and masked stores are recorded in whole stretches.
    pub fn stores_stretches(&self) -> bool {
        let instruction = self.instruction();
        let masked = ["Maskmov", "Vmaskmov", "Vpmaskmov"];
        !self.events.is_empty()
            || saves(&instruction)
            || instruction.has_op_mask()
            || masked.iter().any(|known| named(&instruction, known))
    }

    fn inputs(&self, instruction: &Instruction) -> Option<Why> {
        let mut factory = InstructionInfoFactory::new();
        let info = factory.info(instruction);
        let registers = info.used_registers().iter();
        let read = registers.filter(|used| reads(used.access())).map(|used| used.register());
        if self.reads_differ(instruction, info) || read.into_iter().any(|r| self.differs(r)) {
            return Some(Why::Inputs);
        }
        let mut unreadable = false;
        for used in info.used_memory().iter().filter(|used| reads(used.access())) {
            let Some((address, bytes)) = self.extent(instruction, used) else { continue };
            if self.differing.any(address, bytes) {
                return Some(Why::Inputs);
            }
            unreadable |= self.space.find(address).is_some_and(|m| m.base == Base::Unreadable);
        }
        // The kernel's time page, mostly.
        unreadable.then_some(Why::Source(Source::Time))
    }

    /// Inputs that instruction information leaves out or gives as too little.
    fn reads_differ(&self, instruction: &Instruction, info: &InstructionInfo) -> bool {
        let (l, r) = (self.left, self.right);
        let stack = instruction.cpuid_features().iter().any(is_stack) || saves(instruction);
        let scattered = info.used_memory().iter().any(|used| used.vsib_size() != 0);
        let vectors = info.used_registers().iter().any(|r| r.register().is_vector_register());
        (stack && l.x87 != r.x87)
            || (instruction.rflags_read() != 0 && l.rflags != r.rflags)
            || (vectors && l.mxcsr != r.mxcsr)
            || (saves(instruction) && (l.vector, l.mask, l.mxcsr) != (r.vector, r.mask, r.mxcsr))
            || (scattered && !self.differing.is_empty())
    }

    fn differs(&self, register: Register) -> bool {
        let (l, r) = (self.left, self.right);
        let full = register.full_register();
        let number = full.number();
        match full {
            _ if full.is_gpr() => l.gpr.get(number) != r.gpr.get(number),
            _ if full.is_zmm() => l.vector.get(number) != r.vector.get(number),
            _ if full.is_k() => l.mask.get(number) != r.mask.get(number),
            _ if full.is_st() || full.is_mm() => l.x87 != r.x87,
            Register::FS => l.fs_base != r.fs_base,
            Register::GS => l.gs_base != r.gs_base,
            _ => false,
        }
    }

    /// The first byte and length of a memory operand.
    fn extent(&self, instruction: &Instruction, used: &UsedMemory) -> Option<(u64, u64)> {
        let at = self.left;
        let address = used.virtual_address(0, |register, _, _| match register {
            Register::FS => Some(at.fs_base),
            Register::GS => Some(at.gs_base),
            _ if register.is_segment_register() => Some(0),
            _ => {
                let value = *at.gpr.get(register.full_register().number())?;
                Some(if register.is_gpr32() { value & 0xffff_ffff } else { value })
            }
        })?;
        let size = match used.memory_size().size() as u64 {
            0 => LARGEST,
            size => size,
        };
        if !(instruction.has_rep_prefix() || instruction.has_repne_prefix()) {
            return Some((address, size));
        }
        let bytes = at.gpr.get(1).copied().unwrap_or(0).saturating_mul(size);
        let backwards = at.rflags >> 10 & 1 == 1;
        let start = if backwards { address.saturating_sub(bytes) } else { address };
        Some((start, bytes.saturating_add(size)))
    }

    /// Whether the instruction sets general register `number` whatever was in it.
    pub fn overwrites(&self, number: usize) -> bool {
        let instruction = self.instruction();
        let mut factory = InstructionInfoFactory::new();
        factory.info(&instruction).used_registers().iter().any(|used| {
            let register = used.register();
            used.access() == OpAccess::Write
                && (register.is_gpr64() || register.is_gpr32())
                && register.full_register().number() == number
        })
    }
}

fn reads(access: OpAccess) -> bool {
    !matches!(access, OpAccess::None | OpAccess::Write | OpAccess::NoMemAccess)
}

/// Whether instructions of an extension work on the x87 stack or its aliases.
fn is_stack(feature: &CpuidFeature) -> bool {
    use CpuidFeature as F;
    matches!(feature, F::FPU | F::FPU287 | F::FPU387 | F::MMX)
}

/// Whether it stores whole register files.
fn saves(instruction: &Instruction) -> bool {
    ["Fxsave", "Xsave", "Fnsave", "Fnstenv"].iter().any(|known| named(instruction, known))
}

fn named(instruction: &Instruction, prefix: &str) -> bool {
    format!("{:?}", instruction.mnemonic()).starts_with(prefix)
}
