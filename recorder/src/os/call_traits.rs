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

/// A system call like any other here.
const PLAIN: u8 = KEEPS_FILES | FREE_OF_STACK | LATE;

const TRAITS: [(i64, u8); 72] = [
    (libc::SYS_access, PLAIN),
    (libc::SYS_brk, KEEPS_FILES),
    (libc::SYS_chdir, PLAIN),
    (libc::SYS_chmod, PLAIN),
    (libc::SYS_clock_getres, PLAIN),
    (libc::SYS_clock_gettime, PLAIN),
    (libc::SYS_clock_nanosleep, KEEPS_FILES),
    (libc::SYS_close, PLAIN),
    (libc::SYS_dup, PLAIN),
    (libc::SYS_epoll_wait, KEEPS_FILES),
    (libc::SYS_faccessat, PLAIN),
    (libc::SYS_faccessat2, PLAIN),
    (libc::SYS_fchmod, PLAIN),
    (libc::SYS_fchown, PLAIN),
    (libc::SYS_fcntl, PLAIN | COMMANDED),
    (libc::SYS_fdatasync, PLAIN),
    (libc::SYS_fstat, PLAIN),
    (libc::SYS_fsync, PLAIN),
    (libc::SYS_ftruncate, KEEPS_FILES),
    (libc::SYS_futex, KEEPS_FILES | FREE_OF_STACK),
    (libc::SYS_getcwd, PLAIN),
    (libc::SYS_getdents64, PLAIN | READS),
    (libc::SYS_getegid, PLAIN),
    (libc::SYS_geteuid, PLAIN),
    (libc::SYS_getgid, PLAIN),
    (libc::SYS_getpgid, PLAIN),
    (libc::SYS_getpgrp, PLAIN),
    (libc::SYS_getpid, PLAIN),
    (libc::SYS_getppid, PLAIN),
    (libc::SYS_getrandom, KEEPS_FILES),
    (libc::SYS_getrusage, PLAIN),
    (libc::SYS_gettid, PLAIN),
    (libc::SYS_gettimeofday, PLAIN),
    (libc::SYS_getuid, PLAIN),
    (libc::SYS_lseek, PLAIN),
    (libc::SYS_lstat, PLAIN),
    (libc::SYS_madvise, KEEPS_FILES),
    (libc::SYS_mkdir, PLAIN),
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
    (libc::SYS_pwrite64, PLAIN | WRITES),
    (libc::SYS_read, PLAIN | READS),
    (libc::SYS_readlink, PLAIN),
    (libc::SYS_readlinkat, PLAIN),
    (libc::SYS_readv, KEEPS_FILES),
    (libc::SYS_rename, PLAIN),
    (libc::SYS_rmdir, PLAIN),
    (libc::SYS_rt_sigaction, KEEPS_FILES),
    (libc::SYS_rt_sigprocmask, KEEPS_FILES),
    (libc::SYS_sched_yield, PLAIN),
    (libc::SYS_stat, PLAIN),
    (libc::SYS_statfs, PLAIN),
    (libc::SYS_statx, PLAIN),
    (libc::SYS_symlink, PLAIN),
    (libc::SYS_sysinfo, PLAIN),
    (libc::SYS_time, PLAIN),
    (libc::SYS_times, PLAIN),
    (libc::SYS_umask, PLAIN),
    (libc::SYS_uname, PLAIN),
    (libc::SYS_unlink, PLAIN),
    (libc::SYS_unlinkat, PLAIN),
    (libc::SYS_utimensat, PLAIN),
    (libc::SYS_write, PLAIN | WRITES),
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
