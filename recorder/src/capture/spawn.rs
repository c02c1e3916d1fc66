//! fork, vfork, clone and clone3: what a new thread or process shares.

use super::ReadMemory;

/// What a thread asked for when it made another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spawn {
    /// CLONE_* bits.
    pub flags: u64,
    /// The child's CLONE_CHILD_CLEARTID address.
    pub child_tid: u64,
}

impl Spawn {
    /// From a system call's number and arguments; `None` if it makes nothing, or
    /// its arguments cannot be read.
    pub fn of(number: u64, arguments: &[u64; 6], memory: &ReadMemory) -> Option<Self> {
        match i64::try_from(number).ok()? {
            libc::SYS_fork => Some(Self::default()),
            libc::SYS_vfork => {
                Some(Self { flags: bits(libc::CLONE_VM | libc::CLONE_VFORK), child_tid: 0 })
            }
            // x86-64 order: flags, stack, parent_tid, child_tid, tls (clone(2)).
            libc::SYS_clone => Some(Self { flags: arguments[0], child_tid: arguments[3] }),
            libc::SYS_clone3 => Self::from_arguments(arguments[0], memory),
            _ => None,
        }
    }

    /// From a `struct clone_args` (linux/sched.h): flags, pidfd, child_tid …
    fn from_arguments(address: u64, memory: &ReadMemory) -> Option<Self> {
        let mut start = [0; 24];
        memory(address, &mut start).then_some(())?;
        let [flags, _, child_tid] = bytemuck::cast::<_, [u64; 3]>(start);
        Some(Self { flags, child_tid })
    }

    /// Whether this CLONE_* bit is set.
    pub fn has(self, flag: i32) -> bool {
        self.flags & bits(flag) != 0
    }
}

/// A CLONE_* constant as libc's clone takes it.
fn bits(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}
