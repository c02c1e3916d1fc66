use super::fake::Fake;
use super::*;

fn call(name: &str, args: &[u64], result: i64) -> Call {
    let mut all = [0; 6];
    all[..args.len()].copy_from_slice(args);
    Call { number: number_by_name(name).unwrap(), args: all, result }
}

fn written(call: &Call, memory: &Fake) -> Vec<(u64, u64)> {
    let outputs = outputs(call, memory);
    assert!(outputs.known, "{call:?}");
    outputs.ranges.iter().map(|range| (range.address, range.length)).collect()
}

/// Memory where all of 0x1000..0x5000 is readable.
fn memory() -> Fake {
    let fake = Fake::default();
    fake.put(0x1000, &[0; 0x4000]);
    fake
}

#[test]
fn numbers_ascend_and_match_the_kernel_header() {
    assert!(SYSCALLS.windows(2).all(|pair| pair[0].number < pair[1].number));
    assert!(SYSCALLS.iter().all(|line| line.parameters.len() <= 6));
    let paths = ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"];
    let Some(header) = paths.iter().find_map(|path| std::fs::read_to_string(path).ok()) else {
        eprintln!("skipped: no asm/unistd_64.h on this machine");
        return;
    };
    for line in header.lines().filter_map(|line| line.strip_prefix("#define __NR_")) {
        let (header_name, number) = line.split_once(' ').unwrap();
        assert_eq!(name(number.parse().unwrap()), Some(header_name));
        assert_eq!(number_by_name(header_name), number.parse().ok());
    }
}

#[test]
fn a_read_writes_its_result() {
    let fake = memory();
    assert_eq!(written(&call("read", &[3, 0x1000, 100], 7), &fake), [(0x1000, 7)]);
    assert_eq!(written(&call("read", &[3, 0x1000, 100], 0), &fake), []);
    assert_eq!(written(&call("read", &[3, 0x1000, 100], -4), &fake), []);
    assert_eq!(written(&call("read", &[3, 0x1000, 100], -512), &fake), []);
    assert_eq!(written(&call("read", &[3, 0x1000, 100], -14), &fake), [(0x1000, 100)]);
    // The buffer runs out of mapped memory: a fault may have cut the result short.
    assert_eq!(written(&call("read", &[3, 0x4ff0, 100], 7), &fake), [(0x4ff0, 100)]);
}

#[test]
fn a_peer_larger_than_the_buffer_stays_within() {
    let fake = memory();
    assert_eq!(
        written(&call("recvfrom", &[3, 0x1000, 10, 0x20, 0, 0], 900), &fake),
        [(0x1000, 10)]
    );
}

#[test]
fn vectors_fill_in_order() {
    let fake = memory();
    fake.words(0x1000, &[0x2000, 8, 0x3000, 8, 0x4000, 8]);
    assert_eq!(written(&call("readv", &[3, 0x1000, 3], 12), &fake), [(0x2000, 8), (0x3000, 4)]);
}

#[test]
fn a_vector_that_overwrites_itself_is_unknown() {
    let fake = memory();
    fake.words(0x1000, &[0x1008, 8]);
    assert!(!outputs(&call("readv", &[3, 0x1000, 1], 8), &fake).known);
}

#[test]
fn a_received_message_updates_its_header() {
    let fake = memory();
    fake.words(0x1000, &[0x2000, 16, 0x1100, 1, 0x3000, 24, 0]);
    fake.words(0x1100, &[0x4000, 64]);
    let expected = [(0x1008, 4), (0x1028, 12), (0x2000, 16), (0x3000, 24), (0x4000, 5)];
    assert_eq!(written(&call("recvmsg", &[3, 0x1000, 0], 5), &fake), expected);
    let failed = written(&call("recvmsg", &[3, 0x1000, 0], -14), &fake);
    assert!(failed.contains(&(0x4000, 64)));
}

#[test]
fn many_messages_have_their_own_lengths() {
    let fake = memory();
    for (at, buffer) in [(0x1000, 0x2000), (0x1040, 0x3000)] {
        fake.words(at, &[0, 0, at + 0x100, 1, 0, 0, 0, 6]);
        fake.words(at + 0x100, &[buffer, 64]);
    }
    let ranges = written(&call("recvmmsg", &[3, 0x1000, 2, 0, 0], 2), &fake);
    assert!(ranges.contains(&(0x2000, 6)) && ranges.contains(&(0x3000, 6)));
    let sent = written(&call("sendmmsg", &[3, 0x1000, 2, 0], 2), &fake);
    assert_eq!(sent, [(0x1038, 4), (0x1078, 4)]);
}

#[test]
fn failed_calls_write_their_small_outputs() {
    let fake = memory();
    for result in [0, -4, -516] {
        assert_eq!(written(&call("nanosleep", &[0x1000, 0x2000], result), &fake), [(0x2000, 16)]);
        assert_eq!(written(&call("poll", &[0x1000, 3, 0], result), &fake), [(0x1000, 24)]);
    }
    let select = call("select", &[65, 0x1000, 0, 0x2000, 0x3000], 1);
    assert_eq!(written(&select, &fake), [(0x1000, 16), (0x2000, 16), (0x3000, 16)]);
}

#[test]
fn commands_decide() {
    let fake = memory();
    assert_eq!(written(&call("fcntl", &[3, 5, 0x1000], 0), &fake), [(0x1000, 32)]);
    assert_eq!(written(&call("fcntl", &[3, 3], 0), &fake), []);
    assert_eq!(written(&call("ioctl", &[0, 0x5413, 0x1000], 0), &fake), [(0x1000, 8)]);
    assert_eq!(written(&call("prctl", &[16, 0x1000], 0), &fake), [(0x1000, 16)]);
    assert_eq!(written(&call("arch_prctl", &[0x1002, 0x1000], 0), &fake), []);
    assert_eq!(written(&call("futex", &[0x1000, 0x85, 1, 1, 0x2000, 0], 1), &fake), [(0x2000, 4)]);
    assert_eq!(written(&call("getgroups", &[0, 0x1000], 5), &fake), []);
    assert_eq!(written(&call("getgroups", &[9, 0x1000], 5), &fake), [(0x1000, 20)]);
    assert_eq!(written(&call("mincore", &[0, 4097, 0x1000], 0), &fake), [(0x1000, 2)]);
    assert_eq!(written(&call("msgrcv", &[1, 0x1000, 100], 3), &fake), [(0x1000, 11)]);
    // A nested buffer: `ifc_len` 40 at 0x2000.
    fake.words(0x1000, &[40, 0x2000]);
    let ranges = written(&call("ioctl", &[0, 0x8912, 0x1000], 0), &fake);
    assert_eq!(ranges, [(0x1000, 16), (0x2000, 40)]);
}

#[test]
fn a_clone_hands_out_ids() {
    let fake = memory();
    fake.words(0x1000, &[0x0110_1000, 0x2000, 0x3000, 0x4000, 0, 0, 0, 0]);
    let ranges = written(&call("clone3", &[0x1000, 88], 7), &fake);
    assert_eq!(ranges, [(0x2000, 4), (0x3000, 4), (0x4000, 4)]);
}

#[test]
fn what_nobody_can_tell_is_unknown() {
    let fake = memory();
    for (name, args, result) in [
        ("io_uring_enter", [3, 1, 1, 0], 1),
        ("ioctl", [3, 0xc030_6440, 0x1000, 0], 0),
        ("bpf", [1, 0x1000, 64, 0], 0),
        ("getsockopt", [3, 6, 35, 0x1000], 0),
        ("semctl", [1, 0, 13, 0x1000], 0),
    ] {
        assert!(!outputs(&call(name, &args, result), &fake).known, "{name}");
    }
    assert!(!outputs(&Call { number: 999, ..Call::default() }, &fake).known);
    // Refused before anything looked at the argument.
    assert!(outputs(&call("ioctl", &[3, 0xc030_6440, 0x1000], -25), &fake).known);
}

#[test]
fn calls_read_like_strace() {
    let fake = memory();
    fake.put(0x1000, b"/etc/passwd\0");
    let open = call("openat", &[-100i64 as u64, 0x1000, 0x80000, 0], -2);
    assert_eq!(
        describe(&open, &fake, &fake).to_string(),
        "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC, 0x0) = \
         -1 ENOENT (No such file or directory)"
    );
    let write = call("write", &[1, 0x1000, 40], 40);
    assert_eq!(
        describe_limited(&write, &fake, &fake, 4).to_string(),
        "write(1, \"/etc\"..., 40) = 40"
    );
    let nothing = Call { number: 999, args: [0, 1, 2, 3, 4, 5], result: -38 };
    let text = describe(&nothing, &fake, &fake).to_string();
    assert_eq!(
        text,
        "syscall_999(NULL, 0x1, 0x2, 0x3, 0x4, 0x5) = -1 ENOSYS (Function not implemented)"
    );
}

#[test]
fn structures_show_what_changed() {
    let (before, after) = (memory(), memory());
    before.put(0x1000, &[0b11]);
    after.put(0x1000, &[0b10]);
    let select = call("select", &[2, 0x1000, 0, 0, 0], 1);
    assert_eq!(
        describe(&select, &before, &after).to_string(),
        "select(2, [0 1] => [1], NULL, NULL, NULL) = 1"
    );
    after.words(0x2000, &[3, 500]);
    let clock = call("clock_gettime", &[1, 0x2000], 0);
    assert_eq!(
        describe(&clock, &before, &after).to_string(),
        "clock_gettime(CLOCK_MONOTONIC, {tv_sec=3, tv_nsec=500}) = 0"
    );
    let wait = call("wait4", &[-1i64 as u64, 0x2000, 1, 0], -512);
    assert!(describe(&wait, &before, &after).result.starts_with("? ERESTARTSYS"));
}
