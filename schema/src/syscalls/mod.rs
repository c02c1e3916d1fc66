//! What every x86-64 Linux system call is called, takes, and writes.
//!
//! One table ([`SYSCALLS`], one line a call) drives both sides: the recorder
//! asks [`outputs`] which bytes the kernel may have written into the calling
//! process, the explorer asks [`describe`] how a call reads to a person.
//! Everything here is data and pure functions; user memory is reached through
//! [`Memory`], so that a live process, a trace and a test share one path.
//!
//! # What no call's arguments tell
//!
//! Some calls register memory that the kernel writes *later*, outside the call:
//!
//! * `rseq`: the registered area (`cpu_id_start`, `cpu_id`, `rseq_cs`, …) is
//!   rewritten at any return to user space after preemption or migration;
//! * `set_tid_address` and `clone` with `CLONE_CHILD_CLEARTID`: the word is
//!   zeroed when the thread exits; `CLONE_CHILD_SETTID`: written when the
//!   child first runs;
//! * `set_robust_list`: futex words of locks still held are marked when the
//!   thread exits;
//! * `mmap` of io_uring, AIO, `perf_event`, packet and `AF_XDP` rings: written
//!   whenever the kernel has something to say;
//! * memory registered with a `userfaultfd`.
//!
//! A `write` to a descriptor of `/proc/self/mem` writes memory that the
//! arguments of `write` do not show (the file offset is the address).
//! Mapping changes (`mmap`, `munmap`, `mremap`, `brk`, `madvise`, `shmat`,
//! `execve`, …) are not writes: whoever tracks mappings handles them.

mod behind;
mod collect;
mod commands;
mod describe;
pub mod errno;
pub mod flags;
mod ioctl;
mod kinds;
mod layouts;
mod outputs;
pub mod signals;
mod sockets;
mod structs;
mod table;
mod text;

pub use behind::addresses_behind;
pub use describe::{Argument, DEFAULT_LIMIT, Description, describe, describe_limited};
pub use ioctl::request_name;
pub use kinds::{Count, Field, Format, Kind, Layout, Nested, Parameter, Syscall, Tail};
pub use outputs::outputs;
pub use table::SYSCALLS;

/// A system call that has returned, or was interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Number, as in `rax` on entry (`asm/unistd_64.h`).
    pub number: u64,
    /// Arguments: `rdi rsi rdx r10 r8 r9` on entry.
    pub args: [u64; 6],
    /// What the kernel left in `rax`: −1…−4095 is a negated errno; a tracer
    /// also sees −512…−516, the kernel's "restart me" codes.
    pub result: i64,
}

impl Call {
    /// Argument `index`, zero where there is none.
    pub fn arg(&self, index: usize) -> u64 {
        self.args.get(index).copied().unwrap_or(0)
    }

    /// The errno, if the call failed.
    pub fn error(&self) -> Option<u32> {
        match self.result {
            -4095..=-1 => u32::try_from(-self.result).ok(),
            _ => None,
        }
    }
}

/// User memory of the calling process at some moment.
pub trait Memory {
    /// Fills `buffer` from `address`; false, with `buffer` unspecified, unless
    /// every byte is readable.
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool;
}

impl<F: Fn(u64, &mut [u8]) -> bool> Memory for F {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        self(address, buffer)
    }
}

/// A range of user memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written {
    /// First byte.
    pub address: u64,
    /// Number of bytes, never 0.
    pub length: u64,
}

impl Written {
    /// One past the last byte.
    pub fn end(&self) -> u64 {
        self.address.saturating_add(self.length)
    }
}

/// The memory a call may have written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// A superset of the bytes written, ascending, disjoint. Parts may be
    /// unmapped (the kernel stopped there): take what is readable.
    pub ranges: Vec<Written>,
    /// False where the ranges may be incomplete: compare all writable memory.
    pub known: bool,
}

/// The table's line for a number.
pub fn syscall(number: u64) -> Option<&'static Syscall> {
    let index = SYSCALLS.binary_search_by_key(&number, |call| u64::from(call.number)).ok()?;
    SYSCALLS.get(index)
}

/// The name of a number, as in `asm/unistd_64.h` without `__NR_`.
pub fn name(number: u64) -> Option<&'static str> {
    syscall(number).map(|call| call.name)
}

/// The number of a name.
pub fn number_by_name(name: &str) -> Option<u64> {
    SYSCALLS.iter().find(|call| call.name == name).map(|call| u64::from(call.number))
}
#[cfg(test)]
mod fake;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
