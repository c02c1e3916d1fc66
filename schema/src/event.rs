//! Events: what the instruction stream does not explain.

use crate::registers::RegisterPatch;
use crate::space::MappingChange;

/// Bytes of a `siginfo_t` (`SI_MAX_SIZE`, asm-generic/siginfo.h).
pub const SIGINFO_BYTES: usize = 128;

/// Something that happened at a tracepoint beyond its delta. What it changed
/// shows in the state after the tracepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The tracepoint it belongs to.
    pub tracepoint: u64,
    /// Thread id.
    pub thread: u32,
    /// Registers it changed, beyond the instruction's effects.
    pub registers: RegisterPatch,
    /// Bytes it wrote: (address, bytes).
    pub memory: Vec<(u64, Vec<u8>)>,
    /// Mapping changes, in order; applied before `memory`.
    pub mappings: Vec<MappingChange>,
    /// What it was.
    pub kind: EventKind,
}

impl Event {
    /// An event that changes nothing yet.
    pub fn new(tracepoint: u64, thread: u32, kind: EventKind) -> Self {
        Self {
            tracepoint,
            thread,
            registers: RegisterPatch::default(),
            memory: Vec::new(),
            mappings: Vec::new(),
            kind,
        }
    }
}

/// What an event was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A system call.
    Syscall(Syscall),
    /// A signal that was delivered or ignored.
    Signal(Signal),
    /// The process replaced itself; the next state is the new program's first.
    Exec(Box<ProcessStart>),
    /// The process ended, or the recording did.
    Exit(Exit),
    /// A module was mapped for the first time: its index.
    ModuleLoad(u32),
    /// An audit found a difference to the process, and mended it.
    External {
        /// Where and what.
        detail: String,
        /// Bytes that differed.
        bytes: u64,
    },
    /// An instruction whose effects are only known afterwards.
    Opaque,
    /// The kernel changed mappings by itself: the stack grew.
    Mapping,
    /// A stretch that was deliberately not traced.
    Gap(String),
    /// A thread began: its id.
    ThreadStart(u32),
    /// Something the reader should know, such as why the recording ends early.
    Notice(String),
}

/// One system call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Syscall {
    /// Number in the x86-64 table.
    pub number: u64,
    /// rdi rsi rdx r10 r8 r9.
    pub arguments: [u64; 6],
    /// rax afterwards; negative errno on failure.
    pub result: i64,
    /// Whether the table of kernel-written arguments knew what it writes.
    pub known: bool,
    /// Whether the kernel rewound the program to run it again.
    pub restarted: bool,
    /// Whether it came back at all.
    pub finished: bool,
}

/// One signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Number, 1–64.
    pub number: u32,
    /// The raw `siginfo_t`; at most [`SIGINFO_BYTES`].
    pub info: Vec<u8>,
    /// Whether the tracepoint's instruction raised it, and so did not complete.
    pub fault: bool,
    /// What became of it.
    pub disposition: Disposition,
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing happened.
    Ignored,
    /// The next state is the handler's first instruction.
    Handled,
    /// The process died of it.
    Fatal,
    /// The process stopped, and was continued later.
    Stopped,
}

/// How a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The program exited with this status.
    Status(i32),
    /// A signal killed it.
    Signal(u32),
    /// The recording ended before the program.
    Unknown,
}

/// A process at its state 0, just after exec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessStart {
    /// Pid while recording.
    pub process: u32,
    /// Its parent's pid.
    pub parent: u32,
    /// Path of the executable.
    pub executable: Vec<u8>,
    /// argv.
    pub arguments: Vec<Vec<u8>>,
    /// environ.
    pub environment: Vec<Vec<u8>>,
    /// The auxiliary vector, raw.
    pub auxv: Vec<u8>,
    /// personality(2).
    pub personality: u64,
    /// Addresses a restore sets.
    pub layout: Layout,
}

/// Addresses of the kernel's `mm_struct` (prctl(2), PR_SET_MM_MAP).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Program text.
    pub start_code: u64,
    /// End of program text.
    pub end_code: u64,
    /// Initialised data.
    pub start_data: u64,
    /// End of initialised data.
    pub end_data: u64,
    /// Heap start.
    pub start_brk: u64,
    /// Stack start.
    pub start_stack: u64,
    /// argv strings.
    pub arg_start: u64,
    /// End of argv strings.
    pub arg_end: u64,
    /// Environment strings.
    pub env_start: u64,
    /// End of environment strings.
    pub env_end: u64,
    /// Where new mappings are placed, downwards.
    pub mmap_base: u64,
}
