//! What the recorder maps into the tracee, and where.
//!
//! Everything lies in one region in the lowest 2 GiB of the address space, where
//! position-independent programs have nothing: code anywhere can then reach the
//! context and the table by absolute 32-bit addresses. The program's own data
//! are reached through a scratch register where they are farther than 2 GiB.

use std::ops::Range;

/// Bytes of the context: spilled registers and scratch areas.
pub const CONTEXT_BYTES: usize = 0x1000;

/// Where in the context x87 state is saved before it is logged.
pub const IMAGE: usize = 0x400;

/// Entries of the table of indirect branch targets: one for each value of an
/// address's low 16 bits.
pub const TABLE_ENTRIES: usize = 1 << 16;

/// Where the table starts.
pub const TABLE: usize = CONTEXT_BYTES;

/// Tables of bytes, each with one for every value of 16 bits, of which few are not zero. By
/// a syscall's number: how it may be made in the cache (see [`super::judge`]).
pub const CALLS: usize = TABLE + TABLE_ENTRIES * 8;

/// By a descriptor: not zero where that is an ordinary file's.
pub const DESCRIPTORS: usize = CALLS + (1 << 16);

/// By a command of fcntl(2): the same.
pub const COMMANDS: usize = DESCRIPTORS + (1 << 16);

/// Where the log ring starts.
pub const RING: usize = 0x10_0000;

/// Bytes of the ring: it should stay in the second-level cache until it is
/// absorbed.
pub const RING_BYTES: usize = 0x8_0000;

/// Bytes of the inaccessible guard behind the ring: longer than any record.
pub const GUARD_BYTES: usize = 0x1_0000;

/// Where the code cache starts.
pub const CACHE: usize = 0x20_0000;

/// Bytes of the code cache.
pub const CACHE_BYTES: usize = 0x600_0000;

/// Bytes of everything.
pub const REGION_BYTES: usize = CACHE + CACHE_BYTES;

const _: () = assert!(COMMANDS + (1 << 16) <= RING);
const _: () = assert!(RING + RING_BYTES + GUARD_BYTES <= CACHE);

/// Where to try to put the region: below what MAP_32BIT uses
/// (arch/x86/kernel/sys_x86_64.c), above where programs that are not
/// position-independent begin.
pub const CANDIDATES: [u64; 4] = [0x3800_0000, 0x2000_0000, 0x7000_0000, 0x1000_0000];

/// 8-byte slots of the context, by offset.
pub mod slot {
    /// rcx, while it is borrowed, and before a syscall.
    pub const RCX: usize = 0;
    /// r11 before a syscall.
    pub const R11: usize = 8;
    /// The program's r14.
    pub const R14: usize = 16;
    /// The program's r15.
    pub const R15: usize = 24;
    /// rax at a syscall.
    pub const NUMBER: usize = 32;
    /// Address of a store whose value is read back.
    pub const ADDRESS: usize = 40;
    /// What the substitute registers held.
    pub const SUBSTITUTE: [usize; 2] = [48, 56];
    /// rcx, rsi and rdi before a repeated string instruction.
    pub const STRING: [usize; 3] = [64, 72, 80];
    /// What stood where an indirect call pushes its return address.
    pub const BELOW: usize = 88;
    /// Address of the copy that executed an x87 instruction last, negated; zero:
    /// none did since the program entered the cache.
    pub const X87_BEYOND: usize = 96;
    /// The program address of that instruction.
    pub const X87_POINTER: usize = 104;
    /// A copy of the x87 status.
    pub const X87_RAISED: usize = 112;
    /// rsi and rdi while bytes are copied into the log.
    pub const BORROWED: [usize; 2] = [120, 128];
    /// The length of a bulk record.
    pub const BULK_LENGTH: usize = 136;
    /// Where the `syscall` of the way stands that was taken last; zero when the recorder
    /// has seen to that call.
    pub const CALL: usize = 144;
    /// A value whose parts are looked at.
    pub const PARTS: usize = 152;
    /// Not zero: some syscalls may be made without asking.
    pub const TRUSTED: usize = 160;
    /// A struct sigaction of the kernel's, 32 bytes.
    pub const ACTION: usize = 256;
    /// A vector register, while it is borrowed: 64 bytes.
    pub const VECTOR: usize = 320;
    /// A siginfo_t, 128 bytes.
    pub const INFO: usize = 384;
}

/// The region at its place in the tracee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where it starts; below 2 GiB − [`REGION_BYTES`].
    pub base: u64,
}

impl Layout {
    /// Address of a context slot.
    pub fn context(self, slot: usize) -> u64 {
        self.base + slot as u64
    }

    /// Address of the table.
    pub fn table(self) -> u64 {
        self.base + TABLE as u64
    }

    /// Where the log starts.
    pub fn ring(self) -> u64 {
        self.base + RING as u64
    }

    /// The guard behind the ring.
    pub fn guard(self) -> Range<u64> {
        let start = self.ring() + RING_BYTES as u64;
        start..start + GUARD_BYTES as u64
    }

    /// The code cache.
    pub fn cache(self) -> Range<u64> {
        let start = self.base + CACHE as u64;
        start..start + CACHE_BYTES as u64
    }

    /// All of it.
    pub fn all(self) -> Range<u64> {
        self.base..self.base + REGION_BYTES as u64
    }
}
