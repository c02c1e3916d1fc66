//! Arguments whose meaning another argument decides.
//!
//! A command that is not listed is [`Kind::Opaque`]: it may write anything.

use super::Call;
use super::flags;
use super::kinds::Count;
use super::kinds::Kind::{self, *};
use super::layouts as l;

/// Argument `index` as the `int` or `unsigned int` the kernel takes it for.
fn command(call: &Call, index: usize) -> u64 {
    call.arg(index) & 0xffff_ffff
}

/// The mode of `open`, there only if a file may be created.
pub(super) fn open_mode(call: &Call) -> Kind {
    creation_mode(call.arg(1))
}

/// The mode of `openat`.
pub(super) fn openat_mode(call: &Call) -> Kind {
    creation_mode(call.arg(2))
}

fn creation_mode(flags: u64) -> Kind {
    if flags & 0x40 != 0 || flags & 0x41_0000 == 0x41_0000 { Octal } else { Hex }
}

/// `fcntl`'s third argument (fcntl(2), `linux/fcntl.h`).
pub(super) fn fcntl(call: &Call) -> Kind {
    match command(call, 1) {
        0 | 1030 | 1027 => Fd,
        4 => Flags(flags::OPEN),
        5 | 36 => InOutStruct(l::FLOCK),
        6 | 7 | 37 | 38 | 1029 => InStruct(l::FLOCK),
        10 => Signal,
        15 => InStruct(l::OWNER),
        16 => OutStruct(l::OWNER),
        17 => OutStruct(l::UID_PAIR),
        1035 | 1037 => OutStruct(l::U64),
        1036 | 1038 => InStruct(l::U64),
        1 | 2 | 3 | 8 | 9 | 11 | 1024..=1026 | 1028 | 1031..=1034 => Long,
        1039 => InOutStruct(l::U64),
        1040 => InStruct(l::U64),
        _ => Opaque,
    }
}

/// `prctl`'s second argument (prctl(2), `linux/prctl.h`).
pub(super) fn prctl(call: &Call) -> Kind {
    match command(call, 0) {
        1 => Signal,
        2 | 5 | 9 | 11 | 19 | 25 | 37 => OutStruct(l::INT),
        15 => Path,
        16 => OutStruct(l::COMMAND_NAME),
        40 => OutStruct(l::POINTER),
        0x4155_5856 => Out(Count::Arg(2)),
        other if flags::value_name(other, flags::PRCTL).is_some() => Long,
        _ => Opaque,
    }
}

/// `prctl`'s third argument: `PR_SET_MM_MAP_SIZE` writes a size through it.
pub(super) fn prctl_third(call: &Call) -> Kind {
    match (command(call, 0), call.arg(1)) {
        (35, 15) => OutStruct(l::U32),
        _ => Hex,
    }
}

/// `prctl`'s fifth argument: `PR_SCHED_CORE_GET` writes a cookie through it.
pub(super) fn prctl_fifth(call: &Call) -> Kind {
    match (command(call, 0), call.arg(1)) {
        (62, 0) => OutStruct(l::U64),
        _ => Hex,
    }
}

/// `arch_prctl`'s second argument (`arch/x86/include/uapi/asm/prctl.h`).
pub(super) fn arch_prctl(call: &Call) -> Kind {
    match command(call, 0) {
        0x1003 | 0x1004 | 0x1021 | 0x1022 | 0x1024 | 0x4001 | 0x4003 | 0x5005 => OutStruct(l::U64),
        // The never-merged CET_STATUS: three words.
        0x3001 => Out(Count::Fixed(24)),
        other if flags::value_name(other, flags::ARCH_PRCTL).is_some() => Hex,
        _ => Opaque,
    }
}

/// `semctl`'s fourth argument; how much `GETALL` writes only the kernel knows.
pub(super) fn semctl(call: &Call) -> Kind {
    match command(call, 2) {
        2 | 18 | 20 => OutStruct(l::SEMID),
        3 | 19 => OutStruct(l::SEMINFO),
        1 => InStruct(l::SEMID),
        17 => Pointer,
        0 | 11 | 12 | 14 | 15 | 16 => Int,
        _ => Opaque,
    }
}

/// `shmctl`'s third argument.
pub(super) fn shmctl(call: &Call) -> Kind {
    match command(call, 1) {
        2 | 13 | 15 => OutStruct(l::SHMID),
        3 => OutStruct(l::SHMINFO),
        14 => OutStruct(l::SHM_USED),
        1 => InStruct(l::SHMID),
        0 | 11 | 12 => Pointer,
        _ => Opaque,
    }
}

/// `msgctl`'s third argument.
pub(super) fn msgctl(call: &Call) -> Kind {
    match command(call, 1) {
        2 | 11 | 13 => OutStruct(l::MSQID),
        3 | 12 => OutStruct(l::MSGINFO),
        1 => InStruct(l::MSQID),
        0 => Pointer,
        _ => Opaque,
    }
}

/// `keyctl`'s third argument.
pub(super) fn keyctl(call: &Call) -> Kind {
    match command(call, 0) {
        6 | 11 | 17 => Out(Count::Result(3)),
        31 => Hex,
        2 | 12 => In(Count::Arg(3)),
        10 => Path,
        other if flags::value_name(other, flags::KEYCTL).is_some() => Hex,
        _ => Opaque,
    }
}

/// `keyctl`'s second argument.
pub(super) fn keyctl_second(call: &Call) -> Kind {
    match command(call, 0) {
        31 => Out(Count::Arg(2)),
        1 => Path,
        _ => Int,
    }
}

/// `seccomp`'s third argument.
pub(super) fn seccomp(call: &Call) -> Kind {
    match command(call, 0) {
        0 => Pointer,
        1 => InStruct(l::SOCK_FILTER),
        2 => InStruct(l::U32),
        3 => OutStruct(l::NOTIF_SIZES),
        _ => Opaque,
    }
}

/// `syslog`'s buffer: written by the three reads.
pub(super) fn syslog(call: &Call) -> Kind {
    match command(call, 0) {
        2..=4 => Out(Count::Result(2)),
        0..=10 => Pointer,
        _ => Opaque,
    }
}

/// `modify_ldt`'s buffer: functions 0 and 2 read, 1 and 0x11 write the table.
pub(super) fn modify_ldt(call: &Call) -> Kind {
    match command(call, 0) {
        0 | 2 => Out(Count::Result(2)),
        1 | 0x11 => InStruct(l::USER_DESC),
        _ => Opaque,
    }
}

/// `sysfs`'s third argument: option 2 writes a file system's name, whose
/// length nothing bounds but custom (the longest is well under this).
pub(super) fn sysfs(call: &Call) -> Kind {
    if command(call, 0) == 2 { Out(Count::Fixed(256)) } else { Pointer }
}

/// `sysfs`'s second argument: option 1 takes a name.
pub(super) fn sysfs_second(call: &Call) -> Kind {
    if command(call, 0) == 1 { Path } else { Int }
}

/// A futex word: priority inheritance operations write it.
pub(super) fn futex_word(call: &Call) -> Kind {
    futex_written(call, &[6, 7, 8, 11, 12, 13])
}

/// The second futex word: also written by `FUTEX_WAKE_OP`.
pub(super) fn futex_second(call: &Call) -> Kind {
    match command(call, 1) & 0x7f {
        3 | 4 => Pointer,
        5 | 11 | 12 => InOutStruct(l::U32),
        _ => Hex,
    }
}

fn futex_written(call: &Call, operations: &[u64]) -> Kind {
    let written = operations.contains(&(command(call, 1) & 0x7f));
    if written { InOutStruct(l::U32) } else { InStruct(l::U32) }
}

/// `futex`'s fourth argument: a timeout, or a second count.
pub(super) fn futex_timeout(call: &Call) -> Kind {
    match command(call, 1) & 0x7f {
        0 | 6 | 9 | 11 | 13 => InStruct(l::TIMESPEC),
        _ => Hex,
    }
}

/// Names of socket options, by level.
pub(super) fn socket_option(call: &Call) -> Kind {
    match command(call, 1) {
        1 => Names(flags::SO),
        6 => Names(flags::TCP),
        _ => Int,
    }
}

/// `getsockopt`'s value; `TCP_ZEROCOPY_RECEIVE` maps pages and fills buffers.
pub(super) fn getsockopt(call: &Call) -> Kind {
    match (command(call, 1), command(call, 2)) {
        (6, 35) => Opaque,
        _ => Out(Count::At(4)),
    }
}

/// `setsockopt`'s value; netfilter's table replacement (64) returns counters
/// through a pointer inside it.
pub(super) fn setsockopt(call: &Call) -> Kind {
    match (command(call, 1), command(call, 2)) {
        (0 | 41 | 255, 64) => Opaque,
        _ => In(Count::Arg(4)),
    }
}

/// `clone`'s third argument: the parent's copy of the thread id, or a pidfd.
pub(super) fn clone_parent(call: &Call) -> Kind {
    if call.arg(0) & 0x10_1000 != 0 { OutStruct(l::INT) } else { Hex }
}

/// `clone`'s fourth argument: written in the child, which may share memory.
pub(super) fn clone_child(call: &Call) -> Kind {
    if call.arg(0) & 0x0100_0000 != 0 { OutStruct(l::INT) } else { Hex }
}

/// `ptrace`'s third argument: two requests keep a structure or buffer there.
pub(super) fn ptrace_address(call: &Call) -> Kind {
    match command(call, 0) {
        30 => OutStruct(l::U64),
        0x4204 | 0x4205 => Hex,
        0x4209 => InStruct(l::PEEK_SIGINFO),
        _ => Hex,
    }
}

/// `ptrace`'s fourth argument, as the system call takes it (the C library's
/// `PTRACE_PEEK*` wrappers pass a pointer here).
pub(super) fn ptrace_data(call: &Call) -> Kind {
    match command(call, 0) {
        1..=3 => OutStruct(l::LONG),
        7 | 9 | 17 | 24 | 31..=33 => Signal,
        12 => OutStruct(l::USER_REGS),
        13 => InStruct(l::USER_REGS),
        14 => OutStruct(l::USER_FPREGS),
        15 => InStruct(l::USER_FPREGS),
        25 => OutStruct(l::USER_DESC),
        26 => InStruct(l::USER_DESC),
        0x4201 => OutStruct(l::U64),
        0x4202 => OutStruct(l::SIGINFO),
        0x4203 => InStruct(l::SIGINFO),
        0x4204 => Nested(l::REGSET),
        0x4205 => InStruct(l::IOVEC),
        0x4209 => OutArray(l::SIGINFO, peeked_signals(call)),
        0x420a | 0x420d | 0x420e | 0x420f | 0x4211 => Out(Count::Arg(2)),
        0x420b | 0x4210 | 0x4212 => In(Count::Arg(2)),
        // Instructions of 8 bytes; a program has at most 4096.
        0x420c => {
            OutArray(l::U64, if call.arg(3) == 0 { Count::Fixed(0) } else { Count::Fixed(4096) })
        }
        other if flags::value_name(other, flags::PTRACE).is_some() => Hex,
        _ => Opaque,
    }
}

/// `PTRACE_PEEKSIGINFO` returns how many it copied; a failure in the middle
/// of the first leaves at most one.
fn peeked_signals(call: &Call) -> Count {
    Count::Fixed(u32::try_from(call.result).unwrap_or(0).min(4096).saturating_add(1))
}

/// What `quotactl` may write: no structure of any command is larger.
pub(super) fn quota(_: &Call) -> Kind {
    Out(Count::Fixed(256))
}

/// `mmap`'s descriptor, a placeholder for anonymous memory.
pub(super) fn map_fd(call: &Call) -> Kind {
    if call.arg(3) & 0x20 != 0 { Int } else { Fd }
}
