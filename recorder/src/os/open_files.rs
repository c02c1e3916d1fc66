//! What the program's descriptors are, as far as the effects of syscalls depend on
//! it: remembered from one syscall to the next, as long as none can have changed it.

use super::Identity;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a descriptor is.
#[derive(Clone, Debug, Default)]
pub struct OpenFile {
    /// Device and inode.
    pub identity: Option<Identity>,
    /// Its path, if that is in /proc.
    pub in_proc: Option<PathBuf>,
}

/// Calls that leave every open descriptor what it is; all others count as if they
/// did not. (The new ones that some of them give out are not known yet.)
const KEEPING: [i64; 44] = [
    libc::SYS_access,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_dup,
    libc::SYS_epoll_wait,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getdents64,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_lseek,
    libc::SYS_lstat,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_poll,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readlink,
    libc::SYS_readv,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_stat,
    libc::SYS_statx,
    libc::SYS_unlink,
    libc::SYS_write,
    libc::SYS_writev,
];

/// The descriptors that were asked for.
#[derive(Default)]
pub struct OpenFiles {
    known: HashMap<i32, OpenFile>,
    /// Somebody else may change them at any time.
    shared: bool,
}

impl OpenFiles {
    /// What the process's descriptor is; nothing is known of one that is not open.
    pub fn get(&mut self, pid: libc::pid_t, descriptor: i32) -> OpenFile {
        if let Some(known) = self.known.get(&descriptor) {
            return known.clone();
        }
        let link = PathBuf::from(format!("/proc/{pid}/fd/{descriptor}"));
        let found = look(&link);
        if found.identity.is_some() && !self.shared {
            self.known.insert(descriptor, found.clone());
        }
        found
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.known.clear();
    }

    /// At a syscall's entry, of which the descriptors are looked up by now: forgets
    /// what may not be right behind it.
    pub fn follow(&mut self, number: u64, arguments: &[u64; 6]) {
        let number = i64::try_from(number).unwrap_or(-1);
        // io_uring may close on its own; a clone may share the table (CLONE_FILES).
        self.shared |=
            [libc::SYS_io_uring_setup, libc::SYS_clone, libc::SYS_clone3].contains(&number);
        match number {
            libc::SYS_close => drop(self.known.remove(&(arguments[0] as i32))),
            _ if KEEPING.contains(&number) => {}
            _ => self.known.clear(),
        }
    }
}

fn look(link: &Path) -> OpenFile {
    let target = std::fs::read_link(link).ok();
    let metadata = std::fs::metadata(link).ok();
    OpenFile {
        identity: metadata.map(|file| (file.dev(), file.ino())),
        in_proc: target.filter(|target| target.starts_with("/proc")),
    }
}
