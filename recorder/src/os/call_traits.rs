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

/// Its result is all that rdb must know of it: it writes no memory, changes no mapping, and
/// leaves signals and threads alone. Of one with commands, only some are so.
pub const QUIET: u8 = 64;

/// A system call like any other here.
const PLAIN: u8 = KEEPS_FILES | FREE_OF_STACK | LATE;

/// One that is quiet besides.
const SILENT: u8 = PLAIN | QUIET;

const TRAITS: [(i64, u8); 72] = [
    (libc::SYS_access, SILENT),
    (libc::SYS_brk, KEEPS_FILES),
    (libc::SYS_chdir, PLAIN),
    (libc::SYS_chmod, SILENT),
    (libc::SYS_clock_getres, PLAIN),
    (libc::SYS_clock_gettime, PLAIN),
    (libc::SYS_clock_nanosleep, KEEPS_FILES),
    (libc::SYS_close, PLAIN),
    (libc::SYS_dup, PLAIN),
    (libc::SYS_epoll_wait, KEEPS_FILES),
    (libc::SYS_faccessat, SILENT),
    (libc::SYS_faccessat2, SILENT),
    (libc::SYS_fchmod, SILENT),
    (libc::SYS_fchown, SILENT),
    (libc::SYS_fcntl, SILENT | COMMANDED),
    (libc::SYS_fdatasync, SILENT),
    (libc::SYS_fstat, PLAIN),
    (libc::SYS_fsync, SILENT),
    (libc::SYS_ftruncate, KEEPS_FILES),
    (libc::SYS_futex, KEEPS_FILES | FREE_OF_STACK),
    (libc::SYS_getcwd, PLAIN),
    (libc::SYS_getdents64, PLAIN | READS),
    (libc::SYS_getegid, SILENT),
    (libc::SYS_geteuid, SILENT),
    (libc::SYS_getgid, SILENT),
    (libc::SYS_getpgid, SILENT),
    (libc::SYS_getpgrp, SILENT),
    (libc::SYS_getpid, SILENT),
    (libc::SYS_getppid, SILENT),
    (libc::SYS_getrandom, KEEPS_FILES),
    (libc::SYS_getrusage, PLAIN),
    (libc::SYS_gettid, SILENT),
    (libc::SYS_gettimeofday, PLAIN),
    (libc::SYS_getuid, SILENT),
    (libc::SYS_lseek, SILENT),
    (libc::SYS_lstat, PLAIN),
    (libc::SYS_madvise, KEEPS_FILES),
    (libc::SYS_mkdir, SILENT),
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
    (libc::SYS_pwrite64, SILENT | WRITES),
    (libc::SYS_read, PLAIN | READS),
    (libc::SYS_readlink, PLAIN),
    (libc::SYS_readlinkat, PLAIN),
    (libc::SYS_readv, KEEPS_FILES),
    (libc::SYS_rename, SILENT),
    (libc::SYS_rmdir, SILENT),
    (libc::SYS_rt_sigaction, KEEPS_FILES),
    (libc::SYS_rt_sigprocmask, KEEPS_FILES),
    (libc::SYS_sched_yield, SILENT),
    (libc::SYS_stat, PLAIN),
    (libc::SYS_statfs, PLAIN),
    (libc::SYS_statx, PLAIN),
    (libc::SYS_symlink, SILENT),
    (libc::SYS_sysinfo, PLAIN),
    (libc::SYS_time, PLAIN),
    (libc::SYS_times, PLAIN),
    (libc::SYS_umask, SILENT),
    (libc::SYS_uname, PLAIN),
    (libc::SYS_unlink, SILENT),
    (libc::SYS_unlinkat, SILENT),
    (libc::SYS_utimensat, SILENT),
    (libc::SYS_write, SILENT | WRITES),
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
