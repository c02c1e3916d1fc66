//! The architectural register state of one x86-64 thread.

use bytemuck::{Pod, Zeroable};

/// Number of vector registers a [`Registers`] holds (ZMM0–ZMM31).
pub const VECTORS: usize = 32;

/// Bytes of one vector register at its widest (ZMM).
pub const VECTOR_BYTES: usize = 64;

/// The status flags: CF, PF, AF, ZF, SF, OF (Intel SDM vol. 1, 3.4.3.1).
pub const STATUS_FLAGS: u64 = 0x8d5;

/// Trap flag: what a single-stepping tracer sets, and the program must not see.
pub const TRAP_FLAG: u64 = 1 << 8;

/// Resume flag: the CPU's, not the program's; never recorded.
pub const RESUME_FLAG: u64 = 1 << 16;

/// x87 state in the layout of FXSAVE's legacy region (Intel SDM vol. 1, 10.5.1).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct X87 {
    /// Control word.
    pub control: u16,
    /// Status word; TOP is bits 11–13.
    pub status: u16,
    /// Abridged tag word, one bit a physical register, 1 = not empty.
    pub tag: u8,
    /// Always zero.
    pub reserved: u8,
    /// Last opcode.
    pub opcode: u16,
    /// Last instruction pointer.
    pub instruction: u64,
    /// Last data pointer.
    pub data: u64,
    /// ST(0)–ST(7), relative to TOP; ten bytes each, the rest zero.
    pub st: [[u8; 16]; 8],
}

/// Every register a program can see, as it stands between two instructions.
///
/// This is also the canonical byte layout of keyframes and register patches:
/// little-endian, fields in declaration order, no padding.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Registers {
    /// rax rcx rdx rbx rsp rbp rsi rdi r8 … r15: the hardware's numbering.
    pub gpr: [u64; 16],
    /// Address of the next instruction.
    pub rip: u64,
    /// RFLAGS without RF.
    pub rflags: u64,
    /// Base of the FS segment.
    pub fs_base: u64,
    /// Base of the GS segment.
    pub gs_base: u64,
    /// Selectors of cs, ss, ds, es, fs, gs; the last two are padding, zero.
    pub selectors: [u16; 8],
    /// AVX-512 mask registers k0–k7.
    pub mask: [u64; 8],
    /// x87 (and, aliased to it, MMX) state.
    pub x87: X87,
    /// SSE control and status.
    pub mxcsr: u32,
    /// Protection-key rights.
    pub pkru: u32,
    /// ZMM0–ZMM31; XMM and YMM are their low parts.
    pub vector: [[u8; VECTOR_BYTES]; VECTORS],
}

/// Bytes of a [`Registers`] in its canonical layout.
pub const REGISTERS_BYTES: usize = size_of::<Registers>();

impl Default for Registers {
    fn default() -> Self {
        Self::zeroed()
    }
}

impl Registers {
    /// The canonical bytes.
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    /// The stack pointer.
    pub fn rsp(&self) -> u64 {
        self.gpr[Gpr::RSP.index()]
    }

    /// The registers from their canonical bytes; `None` if the length differs.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytemuck::try_pod_read_unaligned(bytes).ok()
    }
}

/// A general-purpose register by hardware number, always below 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gpr(u8);

impl Gpr {
    /// rax.
    pub const RAX: Self = Self(0);
    /// rcx.
    pub const RCX: Self = Self(1);
    /// rdx.
    pub const RDX: Self = Self(2);
    /// rbx.
    pub const RBX: Self = Self(3);
    /// rsp.
    pub const RSP: Self = Self(4);
    /// rbp.
    pub const RBP: Self = Self(5);
    /// rsi.
    pub const RSI: Self = Self(6);
    /// rdi.
    pub const RDI: Self = Self(7);
    /// r8.
    pub const R8: Self = Self(8);
    /// r9.
    pub const R9: Self = Self(9);
    /// r10.
    pub const R10: Self = Self(10);
    /// r11.
    pub const R11: Self = Self(11);
    /// r14.
    pub const R14: Self = Self(14);
    /// r15.
    pub const R15: Self = Self(15);

    /// The 64-bit names, by number.
    pub const NAMES: [&'static str; 16] = [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15",
    ];

    /// The register with this hardware number, if there is one.
    pub fn new(number: u8) -> Option<Self> {
        (number < 16).then_some(Self(number))
    }

    /// Its index in [`Registers::gpr`].
    pub fn index(self) -> usize {
        usize::from(self.0 & 15)
    }

    /// Its hardware number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Its 64-bit name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }
}

/// A change of registers as ranges of the canonical layout: (offset, new bytes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterPatch(pub Vec<(u16, Vec<u8>)>);

impl RegisterPatch {
    /// What turns `before` into `after`, in 8-byte granules.
    pub fn between(before: &Registers, after: &Registers) -> Self {
        let mut ranges: Vec<(u16, Vec<u8>)> = Vec::new();
        // As it is after most syscalls.
        if before == after {
            return Self(ranges);
        }
        let old = before.as_bytes().chunks(8);
        for (granule, (old, new)) in old.zip(after.as_bytes().chunks(8)).enumerate() {
            if old == new {
                continue;
            }
            let offset = granule * 8;
            match ranges.last_mut() {
                Some((start, bytes)) if usize::from(*start) + bytes.len() == offset => {
                    bytes.extend_from_slice(new);
                }
                _ => ranges.push((offset as u16, new.to_vec())),
            }
        }
        Self(ranges)
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies the change; ranges outside the layout are ignored.
    pub fn apply(&self, registers: &mut Registers) {
        let bytes = bytemuck::bytes_of_mut(registers);
        for (offset, new) in &self.0 {
            let start = usize::from(*offset);
            if let Some(range) = bytes.get_mut(start..start.saturating_add(new.len())) {
                range.copy_from_slice(new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_turns_before_into_after() {
        let mut before = Registers::default();
        let mut after = before;
        after.gpr[3] = 7;
        after.gpr[4] = 8;
        after.vector[31][63] = 1;
        let patch = RegisterPatch::between(&before, &after);
        assert_eq!(patch.0.len(), 2);
        patch.apply(&mut before);
        assert!(before == after);
    }
}
