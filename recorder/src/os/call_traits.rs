//! What is known of syscalls by their number alone. What is not listed may do anything.

/// Leaves every open descriptor what it is, but for close(2)'s own. (New ones that it
/// gives out are not known yet.)
pub const KEEPS_FILES: u8 = 1;

/// Has nothing to do with RLIMIT_STACK, unless it touches a stack below its end.
pub const FREE_OF_STACK: u8 = 2;

/// Reads from the file behind its first argument.
pub const READS: u8 = 4;

/// Writes to it.
pub const WRITES: u8 = 8;

/// Its second argument is a command.
pub const COMMANDED: u8 = 16;

/// All that rdb must know of it can be learned at its exit, as long as its descriptor is
/// an ordinary file's and its command known. If it fails with EFAULT, it has done
/// nothing. Takes no mask of signals and no timeout.
pub const LATE: u8 = 32;

/// Its result is all that rdb must know of it: it writes no memory, and changes no mapping,
/// thread or signal mask. (A signal that it raises has a stop of its own.) Of one with
/// commands, only some are so.
pub const QUIET: u8 = 64;

/// A system call like any other here.
const PLAIN: u8 = KEEPS_FILES | FREE_OF_STACK | LATE;

/// One that is quiet, too.
const QUIET_CALL: u8 = PLAIN | QUIET;

const TRAITS: [(i64, u8); 72] = [
    (libc::SYS_access, QUIET_CALL),
    (libc::SYS_brk, KEEPS_FILES),
    (libc::SYS_chdir, PLAIN),
    (libc::SYS_chmod, QUIET_CALL),
    (libc::SYS_clock_getres, PLAIN),
    (libc::SYS_clock_gettime, PLAIN),
    (libc::SYS_clock_nanosleep, KEEPS_FILES),
    (libc::SYS_close, PLAIN),
    (libc::SYS_dup, PLAIN),
    (libc::SYS_epoll_wait, KEEPS_FILES),
    (libc::SYS_faccessat, QUIET_CALL),
    (libc::SYS_faccessat2, QUIET_CALL),
    (libc::SYS_fchmod, QUIET_CALL),
    (libc::SYS_fchown, QUIET_CALL),
    (libc::SYS_fcntl, QUIET_CALL | COMMANDED),
    (libc::SYS_fdatasync, QUIET_CALL),
    (libc::SYS_fstat, PLAIN),
    (libc::SYS_fsync, QUIET_CALL),
    (libc::SYS_ftruncate, KEEPS_FILES),
    (libc::SYS_futex, KEEPS_FILES | FREE_OF_STACK),
    (libc::SYS_getcwd, PLAIN),
    (libc::SYS_getdents64, PLAIN | READS),
    (libc::SYS_getegid, QUIET_CALL),
    (libc::SYS_geteuid, QUIET_CALL),
    (libc::SYS_getgid, QUIET_CALL),
    (libc::SYS_getpgid, QUIET_CALL),
    (libc::SYS_getpgrp, QUIET_CALL),
    (libc::SYS_getpid, QUIET_CALL),
    (libc::SYS_getppid, QUIET_CALL),
    (libc::SYS_getrandom, KEEPS_FILES),
    (libc::SYS_getrusage, PLAIN),
    (libc::SYS_gettid, QUIET_CALL),
    (libc::SYS_gettimeofday, PLAIN),
    (libc::SYS_getuid, QUIET_CALL),
    (libc::SYS_lseek, QUIET_CALL),
    (libc::SYS_lstat, PLAIN),
    (libc::SYS_madvise, KEEPS_FILES),
    (libc::SYS_mkdir, QUIET_CALL),
    (libc::SYS_mmap, KEEPS_FILES),
    (libc::SYS_mprotect, KEEPS_FILES),
    (libc::SYS_mremap, KEEPS_FILES),
    (libc::SYS_munmap, KEEPS_FILES),
    (libc::SYS_nanosleep, KEEPS_FILES),
    (libc::SYS_newfstatat, PLAIN),
    (libc::SYS_open, PLAIN),
    (libc::SYS_openat, PLAIN),
    (libc::SYS_poll, KEEPS_FILES),
    (libc::SYS_pread64, PLAIN | READS),
    (libc::SYS_pwrite64, QUIET_CALL | WRITES),
    (libc::SYS_read, PLAIN | READS),
    (libc::SYS_readlink, PLAIN),
    (libc::SYS_readlinkat, PLAIN),
    (libc::SYS_readv, KEEPS_FILES),
    (libc::SYS_rename, QUIET_CALL),
    (libc::SYS_rmdir, QUIET_CALL),
    (libc::SYS_rt_sigaction, KEEPS_FILES),
    (libc::SYS_rt_sigprocmask, KEEPS_FILES),
    (libc::SYS_sched_yield, QUIET_CALL),
    (libc::SYS_stat, PLAIN),
    (libc::SYS_statfs, PLAIN),
    (libc::SYS_statx, PLAIN),
    (libc::SYS_symlink, QUIET_CALL),
    (libc::SYS_sysinfo, PLAIN),
    (libc::SYS_time, PLAIN),
    (libc::SYS_times, PLAIN),
    (libc::SYS_umask, QUIET_CALL),
    (libc::SYS_uname, PLAIN),
    (libc::SYS_unlink, QUIET_CALL),
    (libc::SYS_unlinkat, QUIET_CALL),
    (libc::SYS_utimensat, QUIET_CALL),
    (libc::SYS_write, QUIET_CALL | WRITES),
    (libc::SYS_writev, KEEPS_FILES),
];

/// Numbers are below this (asm/unistd_64.h).
const NUMBERS: usize = 512;

/// The same by number.
const BY_NUMBER: [u8; NUMBERS] = {
    let mut table = [0; NUMBERS];
    let mut index = 0;
    while index < TRAITS.len() {
        table[TRAITS[index].0 as usize] = TRAITS[index].1;
        index += 1;
    }
    table
};

/// What is known of the call of this number.
pub fn traits(number: u64) -> u8 {
    usize::try_from(number).ok().and_then(|n| BY_NUMBER.get(n)).copied().unwrap_or(0)
}

/// The calls that have all of `wanted`, with their traits.
pub fn having(wanted: u8) -> impl Iterator<Item = (u64, u8)> {
    let listed = TRAITS.iter().filter(move |(_, traits)| traits & wanted == wanted);
    listed.map(|(number, traits)| (number.cast_unsigned(), *traits))
}
