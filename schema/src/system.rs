//! What the kernel keeps for a process and no register or page shows. A restore
//! needs it; the explorer shows it.

/// Kernel-side state at a chunk's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemState {
    /// Working directory.
    pub working_directory: Vec<u8>,
    /// Root directory.
    pub root: Vec<u8>,
    /// umask(2).
    pub umask: u32,
    /// Program break; 0 while it is not known.
    pub brk: u64,
    /// Resource limits.
    pub limits: Vec<Limit>,
    /// Open descriptors, by number.
    pub descriptors: Vec<Descriptor>,
    /// /proc/PID/timers.
    pub timers: Vec<u8>,
    /// Signals, process-wide.
    pub signals: SignalState,
    /// Each thread's.
    pub threads: Vec<ThreadState>,
}

/// One resource limit (getrlimit(2)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// RLIMIT_*.
    pub resource: u32,
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// One open descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// What /proc/PID/fd/N links to.
    pub target: Vec<u8>,
    /// O_* bits, O_CLOEXEC included.
    pub flags: u32,
    /// File offset.
    pub offset: u64,
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
    /// File size, bytes.
    pub size: u64,
    /// Modification time, nanoseconds since the epoch.
    pub modified: i64,
    /// The lowest descriptor of the same open file description (kcmp(2)); itself
    /// when it is alone, −1 when not known.
    pub shared_with: i32,
    /// The rest of fdinfo: eventfd, timerfd, epoll, inotify.
    pub detail: Vec<u8>,
}

/// Signal state of a process; masks have bit n−1 for signal n.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalState {
    /// Pending for the process.
    pub pending: u64,
    /// Ignored.
    pub ignored: u64,
    /// Caught.
    pub caught: u64,
    /// Handlers, as rt_sigaction(2) set them since exec.
    pub actions: Vec<Action>,
}

/// The kernel's sigaction of one signal (asm/signal.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// Signal number.
    pub signal: u32,
    /// Handler, SIG_DFL 0 or SIG_IGN 1.
    pub handler: u64,
    /// SA_*.
    pub flags: u64,
    /// SA_RESTORER's address.
    pub restorer: u64,
    /// Blocked while it runs.
    pub mask: u64,
}

/// What the kernel keeps for one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadState {
    /// Its id.
    pub thread: u32,
    /// Pending for it alone.
    pub pending: u64,
    /// Blocked.
    pub blocked: u64,
    /// siginfo_t of the pending signals, 128 bytes each; process-wide ones first.
    pub queued: Vec<u8>,
    /// How many of them are process-wide.
    pub queued_shared: u32,
    /// set_tid_address(2).
    pub tid_address: u64,
    /// set_robust_list(2): head.
    pub robust_list: u64,
    /// set_robust_list(2): length.
    pub robust_length: u64,
    /// rseq(2): area, 0 if none.
    pub rseq: u64,
    /// rseq(2): length.
    pub rseq_length: u32,
    /// rseq(2): signature.
    pub rseq_signature: u32,
    /// sigaltstack(2): ss_sp.
    pub alternate_stack: u64,
    /// sigaltstack(2): ss_size.
    pub alternate_size: u64,
    /// sigaltstack(2): ss_flags.
    pub alternate_flags: u32,
}
