//! Structures of system calls: sizes and the fields a person asks for first
//! (`include/uapi/linux`, `asm-generic`; x86-64 layout).

use super::flags;
use super::kinds::{Field, Format, Layout, Nested, Tail};
use Format::{Flags, Hex, Names, Octal, Signal, Signed, Sigset, Text, Unsigned};

/// `NAME: "tag", size { offset width format field, … }`.
macro_rules! layouts {
    ($($table:ident: $tag:literal, $size:literal {
        $($offset:literal $width:literal $format:expr => $field:literal),*
    })*) => {
        $(pub(super) static $table: &Layout = &Layout {
            name: $tag,
            size: $size,
            fields: &[$(Field { offset: $offset, width: $width, format: $format, name: $field }),*],
        };)*
    };
}

layouts! {
    BYTE: "char", 1 { 0 1 Unsigned => "" }
    INT: "int", 4 { 0 4 Signed => "" }
    U32: "u32", 4 { 0 4 Unsigned => "" }
    U64: "u64", 8 { 0 8 Unsigned => "" }
    LONG: "long", 8 { 0 8 Signed => "" }
    POINTER: "void *", 8 { 0 8 Hex => "" }
    SHORT: "short", 2 { 0 2 Unsigned => "" }
    FD_PAIR: "int[2]", 8 { 0 4 Signed => "", 4 4 Signed => "" }
    STAT: "stat", 144 { 24 4 Octal => "st_mode", 48 8 Signed => "st_size" }
    STATX: "statx", 256 { 0 4 Flags(flags::STATX) => "stx_mask", 28 2 Octal => "stx_mode", 40 8 Unsigned => "stx_size" }
    STATFS: "statfs", 120 { 0 8 Hex => "f_type", 8 8 Signed => "f_bsize", 16 8 Unsigned => "f_blocks", 24 8 Unsigned => "f_bfree" }
    USTAT: "ustat", 32 { 0 4 Signed => "f_tfree", 8 8 Unsigned => "f_tinode" }
    TIMESPEC: "timespec", 16 { 0 8 Signed => "tv_sec", 8 8 Signed => "tv_nsec" }
    TIMESPEC_PAIR: "timespec[2]", 32 { 0 8 Signed => "tv_sec", 8 8 Signed => "tv_nsec", 16 8 Signed => "tv_sec", 24 8 Signed => "tv_nsec" }
    TIMEVAL: "timeval", 16 { 0 8 Signed => "tv_sec", 8 8 Signed => "tv_usec" }
    TIMEVAL_PAIR: "timeval[2]", 32 { 0 8 Signed => "tv_sec", 8 8 Signed => "tv_usec", 16 8 Signed => "tv_sec", 24 8 Signed => "tv_usec" }
    TIMEZONE: "timezone", 8 { 0 4 Signed => "tz_minuteswest", 4 4 Signed => "tz_dsttime" }
    UTIMBUF: "utimbuf", 16 { 0 8 Signed => "actime", 8 8 Signed => "modtime" }
    ITIMERVAL: "itimerval", 32 { 0 8 Signed => "it_interval.tv_sec", 8 8 Signed => "it_interval.tv_usec", 16 8 Signed => "it_value.tv_sec", 24 8 Signed => "it_value.tv_usec" }
    ITIMERSPEC: "itimerspec", 32 { 0 8 Signed => "it_interval.tv_sec", 8 8 Signed => "it_interval.tv_nsec", 16 8 Signed => "it_value.tv_sec", 24 8 Signed => "it_value.tv_nsec" }
    TIMEX: "timex", 208 { 0 4 Hex => "modes", 8 8 Signed => "offset", 16 8 Signed => "freq" }
    TMS: "tms", 32 { 0 8 Signed => "tms_utime", 8 8 Signed => "tms_stime", 16 8 Signed => "tms_cutime", 24 8 Signed => "tms_cstime" }
    RLIMIT: "rlimit", 16 { 0 8 Unsigned => "rlim_cur", 8 8 Unsigned => "rlim_max" }
    RUSAGE: "rusage", 144 { 0 8 Signed => "ru_utime.tv_sec", 8 8 Signed => "ru_utime.tv_usec", 16 8 Signed => "ru_stime.tv_sec", 24 8 Signed => "ru_stime.tv_usec", 32 8 Signed => "ru_maxrss" }
    SYSINFO: "sysinfo", 112 { 0 8 Signed => "uptime", 32 8 Unsigned => "totalram", 40 8 Unsigned => "freeram", 80 2 Unsigned => "procs" }
    UTSNAME: "new_utsname", 390 { 0 65 Text => "sysname", 65 65 Text => "nodename", 130 65 Text => "release", 260 65 Text => "machine" }
    SIGACTION: "kernel_sigaction", 32 { 0 8 Hex => "sa_handler", 24 8 Sigset => "sa_mask", 8 8 Flags(flags::SIGACTION) => "sa_flags", 16 8 Hex => "sa_restorer" }
    SIGALTSTACK: "sigaltstack", 24 { 0 8 Hex => "ss_sp", 8 4 Flags(flags::SIGALTSTACK) => "ss_flags", 16 8 Unsigned => "ss_size" }
    SIGINFO: "siginfo", 128 { 0 4 Signal => "si_signo", 4 4 Signed => "si_errno", 8 4 Signed => "si_code" }
    SIGSET_ARGUMENT: "sigset_argument", 16 { 0 8 Hex => "ss", 8 8 Unsigned => "ss_len" }
    SIGEVENT: "sigevent", 64 { 0 8 Hex => "sigev_value", 8 4 Signal => "sigev_signo", 12 4 Names(flags::SIGEV) => "sigev_notify" }
    ROBUST_LIST: "robust_list_head", 24 { 0 8 Hex => "next", 8 8 Signed => "futex_offset", 16 8 Hex => "pending" }
    EPOLL_EVENT: "epoll_event", 12 { 0 4 Flags(flags::EPOLL_EVENTS) => "events", 4 8 Hex => "data" }
    POLLFD: "pollfd", 8 { 0 4 Signed => "fd", 4 2 Flags(flags::POLL_EVENTS) => "events", 6 2 Flags(flags::POLL_EVENTS) => "revents" }
    FLOCK: "flock", 32 { 0 2 Names(flags::LOCK) => "l_type", 2 2 Names(flags::WHENCE) => "l_whence", 8 8 Signed => "l_start", 16 8 Signed => "l_len", 24 4 Signed => "l_pid" }
    OWNER: "f_owner_ex", 8 { 0 4 Signed => "type", 4 4 Signed => "pid" }
    UID_PAIR: "uid_t[2]", 8 { 0 4 Unsigned => "", 4 4 Unsigned => "" }
    COMMAND_NAME: "char[16]", 16 { 0 16 Text => "" }
    SCHED_PARAM: "sched_param", 4 { 0 4 Signed => "sched_priority" }
    SCHED_ATTR: "sched_attr", 48 { 0 4 Unsigned => "size", 4 4 Names(flags::SCHED) => "sched_policy", 8 8 Hex => "sched_flags", 16 4 Signed => "sched_nice", 20 4 Unsigned => "sched_priority" }
    CAP_HEADER: "__user_cap_header_struct", 8 { 0 4 Hex => "version", 4 4 Signed => "pid" }
    CAP_DATA: "__user_cap_data_struct[2]", 24 { 0 4 Hex => "effective", 4 4 Hex => "permitted", 8 4 Hex => "inheritable" }
    USER_DESC: "user_desc", 16 { 0 4 Unsigned => "entry_number", 4 4 Hex => "base_addr", 8 4 Hex => "limit" }
    OPEN_HOW: "open_how", 24 { 0 8 Flags(flags::OPEN) => "flags", 8 8 Octal => "mode", 16 8 Hex => "resolve" }
    MQ_ATTR: "mq_attr", 64 { 0 8 Hex => "mq_flags", 8 8 Signed => "mq_maxmsg", 16 8 Signed => "mq_msgsize", 24 8 Signed => "mq_curmsgs" }
    SEMBUF: "sembuf", 6 { 0 2 Unsigned => "sem_num", 2 2 Signed => "sem_op", 4 2 Hex => "sem_flg" }
    SEMID: "semid64_ds", 104 { 20 4 Octal => "sem_perm.mode", 80 8 Unsigned => "sem_nsems" }
    SEMINFO: "seminfo", 40 { 4 4 Signed => "semmni", 8 4 Signed => "semmns", 16 4 Signed => "semmsl" }
    SHMID: "shmid64_ds", 112 { 20 4 Octal => "shm_perm.mode", 48 8 Unsigned => "shm_segsz", 88 8 Unsigned => "shm_nattch" }
    SHMINFO: "shminfo64", 72 { 0 8 Unsigned => "shmmax", 16 8 Unsigned => "shmmni" }
    SHM_USED: "shm_info", 48 { 0 4 Signed => "used_ids", 8 8 Unsigned => "shm_tot" }
    MSQID: "msqid64_ds", 120 { 20 4 Octal => "msg_perm.mode", 80 8 Unsigned => "msg_qnum", 88 8 Unsigned => "msg_qbytes" }
    MSGINFO: "msginfo", 32 { 8 4 Signed => "msgmax", 12 4 Signed => "msgmnb", 16 4 Signed => "msgmni" }
    CACHESTAT_RANGE: "cachestat_range", 16 { 0 8 Unsigned => "off", 8 8 Unsigned => "len" }
    CACHESTAT: "cachestat", 40 { 0 8 Unsigned => "nr_cache", 8 8 Unsigned => "nr_dirty", 16 8 Unsigned => "nr_writeback" }
    IO_EVENT: "io_event", 32 { 0 8 Hex => "data", 8 8 Hex => "obj", 16 8 Signed => "res", 24 8 Signed => "res2" }
    FILE_HANDLE: "file_handle", 136 { 0 4 Unsigned => "handle_bytes", 4 4 Signed => "handle_type" }
    PERF_ATTR: "perf_event_attr", 8 { 0 4 Unsigned => "type", 4 4 Unsigned => "size" }
    MOUNT_ATTR: "mount_attr", 32 { 0 8 Hex => "attr_set", 8 8 Hex => "attr_clr", 16 8 Hex => "propagation", 24 8 Signed => "userns_fd" }
    MOUNT_REQUEST: "mnt_id_req", 24 { 0 4 Unsigned => "size", 8 8 Hex => "mnt_id", 16 8 Hex => "param" }
    WAITV: "futex_waitv", 24 { 0 8 Unsigned => "val", 8 8 Hex => "uaddr", 16 4 Flags(flags::FUTEX2) => "flags" }
    USER_REGS: "user_regs_struct", 216 { 80 8 Hex => "rax", 128 8 Hex => "rip", 152 8 Hex => "rsp" }
    USER_FPREGS: "user_fpregs_struct", 512 { 0 2 Hex => "cwd", 24 4 Hex => "mxcsr" }
    PEEK_SIGINFO: "ptrace_peeksiginfo_args", 16 { 0 8 Unsigned => "off", 8 4 Hex => "flags", 12 4 Signed => "nr" }
    NOTIF_SIZES: "seccomp_notif_sizes", 6 { 0 2 Unsigned => "seccomp_notif", 2 2 Unsigned => "seccomp_notif_resp", 4 2 Unsigned => "seccomp_data" }
    SOCK_FILTER: "sock_fprog", 16 { 0 2 Unsigned => "len", 8 8 Hex => "filter" }
    IOVEC: "iovec", 16 { 0 8 Hex => "iov_base", 8 8 Unsigned => "iov_len" }
    XATTR_ARGS: "xattr_args", 16 { 0 8 Hex => "value", 8 4 Unsigned => "size", 12 4 Flags(flags::XATTR) => "flags" }
    TERMIOS: "termios", 36 { 0 4 Hex => "c_iflag", 4 4 Hex => "c_oflag", 8 4 Hex => "c_cflag", 12 4 Hex => "c_lflag" }
    TERMIOS2: "termios2", 44 { 0 4 Hex => "c_iflag", 4 4 Hex => "c_oflag", 8 4 Hex => "c_cflag", 12 4 Hex => "c_lflag", 36 4 Unsigned => "c_ispeed" }
    TERMIO: "termio", 18 { 0 2 Hex => "c_iflag", 2 2 Hex => "c_oflag", 4 2 Hex => "c_cflag", 6 2 Hex => "c_lflag" }
    WINSIZE: "winsize", 8 { 0 2 Unsigned => "ws_row", 2 2 Unsigned => "ws_col", 4 2 Unsigned => "ws_xpixel", 6 2 Unsigned => "ws_ypixel" }
    IFREQ: "ifreq", 40 { 0 16 Text => "ifr_name" }
}

/// `struct ifconf`: `int ifc_len; char *ifc_buf`.
pub(super) static IFCONF: &Nested = &Nested { size: 16, pointer: 8, length: 0, width: 4 };

/// An `iovec` read and updated through a pointer (`PTRACE_GETREGSET`).
pub(super) static REGSET: &Nested = &Nested { size: 16, pointer: 0, length: 8, width: 8 };

/// `struct xattr_args`: `u64 value; u32 size; u32 flags`.
pub(super) static XATTR_VALUE: &Nested = &Nested { size: 16, pointer: 0, length: 8, width: 4 };

/// `struct fiemap` and its extents (`linux/fiemap.h`).
pub(super) static FIEMAP: &Tail = &Tail { header: 32, count: 24, width: 4, element: 56 };

/// `struct file_dedupe_range` and its targets (`linux/fs.h`).
pub(super) static DEDUPE: &Tail = &Tail { header: 24, count: 16, width: 2, element: 32 };
