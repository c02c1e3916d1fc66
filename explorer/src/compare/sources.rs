//! What differs between two runs of the same program, however it is recorded.

use iced_x86::{Instruction, Mnemonic};
use rdb_schema::syscalls::name;
use serde::Serialize;

/// A source of values that differ from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The sixteen bytes that the kernel gives a new program (getauxval(3)).
    AtRandom,
    /// Process and thread ids.
    Ids,
    /// Clocks, timers and what they count.
    Time,
    /// Random numbers of kernel or CPU.
    Random,
    /// Which CPU runs the thread.
    Cpu,
    /// Times, numbers and places of files and what the system counts.
    System,
    /// The x87 pointers of a processor on which switches of tasks lose them.
    X87Pointers,
}

impl Source {
    /// A few words about it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::AtRandom => "the random bytes at AT_RANDOM",
            Self::Ids => "process ids",
            Self::Time => "time",
            Self::Random => "random numbers",
            Self::Cpu => "the CPU's number",
            Self::System => "what the system says of files and resources",
            Self::X87Pointers => {
                "x87 pointers, which AMD's processors lose when tasks are switched"
            }
        }
    }

    /// Of what an instruction asks the CPU.
    pub fn of_instruction(instruction: &Instruction) -> Option<Self> {
        match instruction.mnemonic() {
            Mnemonic::Rdtsc | Mnemonic::Rdtscp | Mnemonic::Rdpmc | Mnemonic::Rdpru => {
                Some(Self::Time)
            }
            Mnemonic::Rdrand | Mnemonic::Rdseed => Some(Self::Random),
            Mnemonic::Cpuid | Mnemonic::Rdpid => Some(Self::Cpu),
            _ => None,
        }
    }

    /// Of what a system call tells.
    pub fn of_syscall(number: u64) -> Option<Self> {
        Some(match name(number)? {
            "getpid" | "gettid" | "getppid" | "getpgid" | "getpgrp" | "getsid" | "setsid"
            | "set_tid_address" | "fork" | "vfork" | "clone" | "clone3" | "wait4" | "waitid"
            | "rt_sigtimedwait" | "pidfd_open" => Self::Ids,
            "time" | "gettimeofday" | "clock_gettime" | "times" | "nanosleep"
            | "clock_nanosleep" | "select" | "pselect6" | "ppoll" | "setitimer" | "getitimer"
            | "timer_gettime" | "timer_settime" | "timerfd_gettime" | "alarm" | "adjtimex"
            | "clock_adjtime" => Self::Time,
            "getrandom" => Self::Random,
            "getcpu" => Self::Cpu,
            "stat" | "fstat" | "lstat" | "newfstatat" | "statx" | "statfs" | "fstatfs"
            | "getdents" | "getdents64" | "getrusage" | "sysinfo" | "mincore" => Self::System,
            _ => return None,
        })
    }
}
