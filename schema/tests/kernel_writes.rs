//! The kernel as outside truth: real calls into an arena full of canaries;
//! whatever byte changed must be among the outputs.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;

use rdb_schema::syscalls::{Call, describe, number_by_name, outputs};

/// Bytes of the arena; an inaccessible page follows.
const SIZE: usize = 0x10000;
const PAGE: usize = 4096;

struct Arena {
    base: *mut u8,
    canary: u8,
}

impl Arena {
    fn new(canary: u8) -> Self {
        let (prot, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a fresh anonymous mapping overlaps nothing.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), SIZE + PAGE, prot, flags, -1, 0) }
            .cast::<u8>();
        assert!(!base.is_null() && base as isize != -1);
        // SAFETY: the last page of the mapping just made; nothing points into it.
        let guarded = unsafe { libc::mprotect(base.add(SIZE).cast(), PAGE, libc::PROT_NONE) };
        assert_eq!(guarded, 0);
        let arena = Self { base, canary };
        arena.reset();
        arena
    }

    fn reset(&self) {
        // SAFETY: SIZE bytes from the base are mapped and ours alone.
        unsafe { self.base.write_bytes(self.canary, SIZE) };
    }

    fn at(&self, offset: usize) -> u64 {
        self.base as u64 + offset as u64
    }

    fn put(&self, offset: usize, bytes: &[u8]) -> u64 {
        assert!(offset + bytes.len() <= SIZE);
        // SAFETY: checked to lie within the arena.
        unsafe { self.base.add(offset).copy_from(bytes.as_ptr(), bytes.len()) };
        self.at(offset)
    }

    fn words(&self, offset: usize, words: &[u64]) -> u64 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(offset, &bytes)
    }

    fn snapshot(&self) -> Vec<u8> {
        // SAFETY: SIZE bytes from the base are mapped; no reference outlives this.
        unsafe { std::slice::from_raw_parts(self.base, SIZE) }.to_vec()
    }

    /// Makes the call and checks every byte of the arena that it changed.
    fn run(&self, name: &str, args: &[u64]) -> i64 {
        let number = number_by_name(name).unwrap_or(u64::MAX);
        assert_ne!(number, u64::MAX, "no call is named {name}");
        let mut all = [0u64; 6];
        all[..args.len()].copy_from_slice(args);
        let before = self.snapshot();
        // SAFETY: pointers among the arguments lead into the arena, or are
        // NULL; no call made here changes mappings or signal handling.
        let result =
            unsafe { libc::syscall(number as i64, all[0], all[1], all[2], all[3], all[4], all[5]) };
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        let result = if result == -1 { -i64::from(errno) } else { result };
        let after = self.snapshot();
        self.check(name, &Call { number, args: all, result }, &before, &after);
        result
    }

    fn check(&self, name: &str, call: &Call, before: &[u8], after: &[u8]) {
        let reader = |image: &[u8]| {
            let (base, image) = (self.base as u64, image.to_vec());
            move |address: u64, buffer: &mut [u8]| {
                let start = address.wrapping_sub(base) as usize;
                let source = start.checked_add(buffer.len()).and_then(|end| image.get(start..end));
                source.map(|source| buffer.copy_from_slice(source)).is_some()
            }
        };
        let (old, new) = (reader(before), reader(after));
        println!("{}", describe(call, &old, &new));
        let outputs = outputs(call, &new);
        assert!(outputs.known, "{name}: not known");
        for (offset, _) in before.iter().zip(after).enumerate().filter(|(_, (a, b))| a != b) {
            let at = self.at(offset);
            let covered = outputs.ranges.iter().any(|r| r.address <= at && at < r.end());
            assert!(covered, "{name}: byte {offset:#x} changed, not in {:x?}", outputs.ranges);
        }
    }

    /// A call that must succeed; a fresh arena for the next.
    fn good(&self, name: &str, args: &[u64]) -> i64 {
        let result = self.run(name, args);
        assert!(result >= 0, "{name}: {result}");
        self.reset();
        result
    }

    /// A call that this machine may refuse; its writes are checked anyway.
    fn maybe(&self, name: &str, args: &[u64]) {
        let result = self.run(name, args);
        if result < 0 {
            println!("  {name} refused here: errno {}", -result);
        }
        self.reset();
    }
}

/// Twice, so that a byte equal to one canary shows against the other.
fn with_arenas(test: impl Fn(&Arena)) {
    for canary in [0xa5, 0x5a] {
        test(&Arena::new(canary));
    }
}

fn fd(object: &impl AsRawFd) -> u64 {
    object.as_raw_fd() as u64
}

fn file(content: &[u8]) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(content)?;
    Ok(file)
}

const CWD: u64 = libc::AT_FDCWD as u64;

#[test]
fn files() {
    with_arenas(|a| {
        let f = file(&[7; 5000]).unwrap();
        let (n, f2) = (fd(&f), file(b"").unwrap());
        a.good("lseek", &[n, 0, 0]);
        a.good("read", &[n, a.at(64), 100]);
        a.good("pread64", &[n, a.at(64), 0x4000, 4990]);
        a.good("pread64", &[n, a.at(64), 100, 9000]);
        for (name, extra) in [("readv", &[][..]), ("preadv", &[0, 0]), ("preadv2", &[0, 0, 0])] {
            let iov = a.words(0, &[a.at(256), 10, a.at(512), 0, a.at(1024), 0x2000]);
            a.good(name, &[&[n, iov, 3], extra].concat());
        }
        // The buffer runs into the guard page.
        a.maybe("pread64", &[n, a.at(SIZE - 50), 100, 0]);
        a.good("fstat", &[n, a.at(64)]);
        a.good("fstatfs", &[n, a.at(64)]);
        for name in ["stat", "lstat", "statfs"] {
            let path = a.put(0, b"/tmp\0");
            a.good(name, &[path, a.at(64)]);
        }
        let path = a.put(0, b"/tmp\0");
        a.good("newfstatat", &[CWD, path, a.at(64), 0]);
        let path = a.put(0, b"/tmp\0");
        a.good("statx", &[CWD, path, 0, 0xfff, a.at(64)]);
        let offset = a.words(0, &[10]);
        a.good("sendfile", &[fd(&f2), n, offset, 100]);
        let (from, to) = (a.words(0, &[10]), a.words(64, &[20]));
        a.maybe("copy_file_range", &[n, from, fd(&f2), to, 100, 0]);
        let lock = a.words(0, &[0, 0, 0, 0]);
        a.good("fcntl", &[n, 5, lock]);
        let range = a.words(0, &[0, 0]);
        a.maybe("cachestat", &[n, range, a.at(64), 0]);
        a.maybe("ioctl", &[n, 0x8008_6601, a.at(64)]);
        a.maybe("ioctl", &[n, 0x541b, a.at(64)]);
        a.maybe("file_getattr", &[n, a.put(0, b"\0"), a.at(64), 24, 0x1000]);
    });
}

#[test]
fn directories_and_names() {
    with_arenas(|a| {
        let dir = File::open("/").unwrap();
        a.good("getdents64", &[fd(&dir), a.at(64), 0x400]);
        for name in ["getdents", "getdents64"] {
            a.good("lseek", &[fd(&dir), 0, 0]);
            a.good(name, &[fd(&dir), a.at(SIZE - 100), 0x400]);
        }
        a.good("getcwd", &[a.at(64), 0x400]);
        a.maybe("getcwd", &[a.at(64), 1]);
        let path = a.put(0, b"/proc/self/exe\0");
        a.good("readlink", &[path, a.at(64), 0x400]);
        let path = a.put(0, b"/proc/self/exe\0");
        a.good("readlinkat", &[CWD, path, a.at(64), 5]);
        let (path, name) = (a.put(0, b"/tmp\0"), a.put(16, b"user.none\0"));
        a.maybe("getxattr", &[path, name, a.at(64), 100]);
        let path = a.put(0, b"/tmp\0");
        a.maybe("listxattr", &[path, a.at(64), 100]);
        let (path, handle) = (a.put(0, b"/tmp\0"), a.put(64, &[128, 0, 0, 0]));
        a.maybe("name_to_handle_at", &[CWD, path, handle, a.at(256), 0]);
        let (path, handle) = (a.put(0, b"/tmp\0"), a.put(64, &[0, 0, 0, 0]));
        a.maybe("name_to_handle_at", &[CWD, path, handle, a.at(256), 0]);
        let request = a.words(0, &[24, u64::MAX, 0]);
        a.maybe("listmount", &[request, a.at(64), 8, 0]);
    });
}

#[test]
fn waiting() {
    with_arenas(|a| {
        let mut ends = [0 as RawFd; 2];
        let pair = a.run("pipe2", &[a.at(0), 0]);
        assert_eq!(pair, 0);
        for (end, bytes) in ends.iter_mut().zip(a.snapshot().chunks(4)) {
            *end = RawFd::from_le_bytes(bytes.try_into().unwrap());
        }
        let [r, w] = ends.map(|end| end as u64);
        a.good("write", &[w, a.at(0), 100]);
        let polled = a.words(0, &[r | 1 << 32, w | 5 << 32]);
        a.good("poll", &[polled, 2, 0]);
        let (polled, time) = (a.words(0, &[r | 1 << 32]), a.words(64, &[1, 5]));
        a.good("ppoll", &[polled, 1, time, 0, 8]);
        let (set, time) = (a.words(0, &[1 << r, 0]), a.words(64, &[1, 5]));
        a.good("select", &[r + 1, set, 0, 0, time]);
        let (set, time) = (a.words(0, &[1 << r, 0]), a.words(64, &[1, 5]));
        a.good("pselect6", &[r + 1, set, 0, 0, time, 0]);
        let epoll = a.good("epoll_create1", &[0]) as u64;
        let event = a.words(0, &[1, 2]);
        a.good("epoll_ctl", &[epoll, 1, r, event]);
        a.good("epoll_wait", &[epoll, a.at(64), 10, 0]);
        a.good("epoll_pwait", &[epoll, a.at(64), 10, 0, 0, 8]);
        a.good("ioctl", &[r, 0x541b, a.at(64)]);
        let iov = a.words(0, &[a.at(256), 10]);
        a.good("vmsplice", &[r, iov, 1, 0]);
        a.good("read", &[r, a.at(SIZE - 64), 64]);
        a.maybe("read", &[r, a.at(SIZE - 8), 64]);
        for end in [epoll, r, w] {
            a.good("close", &[end]);
        }
        a.good("pipe", &[a.at(0)]);
        let time = a.words(0, &[0, 1]);
        a.good("nanosleep", &[time, a.at(64)]);
        let (set, time) = (a.words(0, &[1 << 40]), a.words(16, &[0, 1]));
        a.maybe("rt_sigtimedwait", &[set, a.at(64), time, 8]);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        a.good("waitid", &[1, child.id().into(), a.at(64), 0x0100_0004, a.at(512)]);
        a.good("wait4", &[child.id().into(), a.at(64), 0, a.at(512)]);
        a.maybe("wait4", &[child.id().into(), a.at(64), 0, a.at(512)]);
        // Reaped above; this only lets go of the handle.
        let _ = child.wait();
    });
}

#[test]
fn sockets() {
    with_arenas(|a| {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        let send = || client.send(b"some words").unwrap();
        let n = fd(&server);
        for length in [16, 5] {
            send();
            let socklen = a.words(0, &[length]);
            a.good("recvfrom", &[n, a.at(64), 100, 0, a.at(256), socklen]);
        }
        send();
        a.good("recvfrom", &[n, a.at(64), 4, libc::MSG_TRUNC as u64]);
        send();
        let iov = a.words(0x100, &[a.at(0x400), 3, a.at(0x500), 100]);
        let header = a.words(0, &[a.at(0x200), 128, iov, 2, a.at(0x300), 64, 0]);
        a.good("recvmsg", &[n, header, 0]);
        send();
        send();
        for i in 0..3 {
            let iov = a.words(0x100 + 16 * i, &[a.at(0x400 + 64 * i), 60]);
            a.words(64 * i, &[a.at(0x200 + 32 * i), 32, iov, 1, 0, 0, 0, 0]);
        }
        a.good("recvmmsg", &[n, a.at(0), 3, libc::MSG_DONTWAIT as u64, 0]);
        for i in 0..2 {
            let iov = a.words(0x100 + 16 * i, &[a.at(0x400), 10]);
            a.words(64 * i, &[0, 0, iov, 1, 0, 0, 0, 0]);
        }
        a.good("sendmmsg", &[fd(&client), a.at(0), 2, 0]);
        for name in ["getsockname", "getpeername"] {
            let socklen = a.words(0, &[64]);
            a.good(name, &[fd(&client), a.at(64), socklen]);
        }
        for (level, option) in [(1, 4), (1, 13), (1, 55)] {
            let length = a.words(0, &[64]);
            a.good("getsockopt", &[n, level, option, a.at(64), length]);
        }
        a.good("ioctl", &[n, 0x541b, a.at(64)]);
        let conf = a.words(0, &[400, a.at(0x100)]);
        a.good("ioctl", &[n, 0x8912, conf]);
        let name = a.put(0, b"lo\0");
        a.good("ioctl", &[n, 0x8913, name]);
        a.good("socketpair", &[1, 1, 0, a.at(64)]);
    });
}

#[test]
fn connections() {
    with_arenas(|a| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let length = a.words(0, &[16]);
        a.good("accept4", &[fd(&listener), a.at(64), length, 0]);
        let length = a.words(0, &[300]);
        a.good("getsockopt", &[fd(&stream), 6, 11, a.at(64), length]);
        let length = a.words(0, &[16]);
        a.good("getsockopt", &[fd(&stream), 6, 13, a.at(64), length]);
        // Control data: the sender's credentials.
        let (left, right) = UnixDatagram::pair().unwrap();
        let on = a.put(0, &[1, 0, 0, 0]);
        a.good("setsockopt", &[fd(&right), 1, libc::SO_PASSCRED as u64, on, 4]);
        left.send(b"hello").unwrap();
        let iov = a.words(0x100, &[a.at(0x400), 100]);
        let header = a.words(0, &[a.at(0x200), 128, iov, 1, a.at(0x300), 64, 0]);
        a.good("recvmsg", &[fd(&right), header, 0]);
        let length = a.words(0, &[12]);
        a.good("getsockopt", &[fd(&right), 1, 17, a.at(64), length]);
    });
}

#[test]
fn process_and_clocks() {
    with_arenas(|a| {
        for (name, args) in [
            ("uname", &[][..]),
            ("sysinfo", &[]),
            ("times", &[]),
            ("time", &[]),
            ("rt_sigpending", &[8]),
            ("adjtimex", &[]),
        ] {
            a.words(64, &[0; 32]);
            a.maybe(name, &[&[a.at(64)], args].concat());
        }
        for name in ["getitimer", "getrlimit", "getrusage", "clock_gettime", "clock_getres"] {
            a.good(name, &[1, a.at(64)]);
        }
        let timer = a.words(0, &[0, 0, 1000, 0]);
        a.good("setitimer", &[1, timer, a.at(64)]);
        a.good("gettimeofday", &[a.at(64), a.at(128)]);
        a.good("getgroups", &[64, a.at(64)]);
        a.good("getgroups", &[0, a.at(64)]);
        a.good("getresuid", &[a.at(0), a.at(64), a.at(128)]);
        a.good("prlimit64", &[0, 7, 0, a.at(64)]);
        a.good("getrandom", &[a.at(64), 33, 0]);
        a.good("getcpu", &[a.at(0), a.at(64), 0]);
        a.good("sched_getaffinity", &[0, 256, a.at(64)]);
        a.good("sched_getattr", &[0, a.at(64), 48, 0]);
        a.good("sched_getparam", &[0, a.at(64)]);
        a.maybe("sched_rr_get_interval", &[0, a.at(64)]);
        let attr = a.words(0, &[500, 0, 0]);
        a.maybe("sched_setattr", &[0, attr, 0]);
        a.good("rt_sigaction", &[10, 0, a.at(64), 8]);
        a.good("rt_sigprocmask", &[0, 0, a.at(64), 8]);
        a.good("sigaltstack", &[0, a.at(64)]);
        a.good("prctl", &[16, a.at(64)]);
        a.good("prctl", &[37, a.at(64)]);
        a.good("prctl", &[40, a.at(64)]);
        a.maybe("prctl", &[0x4155_5856, a.at(64), 100, 0, 0]);
        a.good("arch_prctl", &[0x1003, a.at(64)]);
        a.maybe("arch_prctl", &[0x1022, a.at(64)]);
        a.good("get_robust_list", &[0, a.at(0), a.at(64)]);
        let header = a.words(0, &[0x2008_0522]);
        a.good("capget", &[header, a.at(64)]);
        let header = a.words(0, &[0]);
        a.maybe("capget", &[header, a.at(64)]);
        a.maybe("lsm_list_modules", &[a.at(64), a.words(0, &[200]), 0]);
        a.good("timer_create", &[1, 0, a.at(64)]);
        let timer = a.good("timerfd_create", &[1, 0]) as u64;
        let value = a.words(0, &[0, 0, 1000, 0]);
        a.good("timerfd_settime", &[timer, 0, value, a.at(64)]);
        a.good("timerfd_gettime", &[timer, a.at(64)]);
    });
}

#[test]
fn memory_and_messages() {
    with_arenas(|a| {
        a.good("mincore", &[a.at(0), SIZE as u64, a.at(64)]);
        a.maybe("mincore", &[a.at(0), (SIZE + 64 * PAGE) as u64, a.at(64)]);
        a.maybe("get_mempolicy", &[a.at(0), a.at(64), 1024, 0, 0]);
        let pages = a.words(0, &[a.at(0), a.at(PAGE)]);
        a.maybe("move_pages", &[0, 2, pages, 0, a.at(64), 0]);
        let pid = std::process::id().into();
        for name in ["process_vm_readv", "process_vm_writev"] {
            let local = a.words(0, &[a.at(0x200), 10, a.at(0x300), 20]);
            let remote = a.words(64, &[a.at(0x400), 5, a.at(0x500), 100]);
            a.put(0x400, &[1; 200]);
            a.put(0x200, &[2; 10]);
            a.maybe(name, &[pid, local, 2, remote, 2, 0]);
        }
        let words = (a.put(0, &[0; 4]), a.put(64, &[0; 4]));
        // Add 1 to the second word.
        a.good("futex", &[words.0, 0x85, 1, 1, words.1, 1 << 28 | 1 << 12]);
        let word = a.put(0, &[0; 4]);
        a.good("futex", &[word, 6 | 0x80, 0, 0, 0, 0]);
        let queue = a.good("msgget", &[0, 0o600]) as u64;
        let message = a.words(0, &[1, 2, 3]);
        a.good("msgsnd", &[queue, message, 13, 0]);
        a.good("msgctl", &[queue, 2, a.at(64)]);
        a.good("msgctl", &[0, 3, a.at(64)]);
        a.good("msgrcv", &[queue, a.at(64), 100, 0, 0]);
        a.good("msgctl", &[queue, 0, 0]);
        let segment = a.good("shmget", &[0, 4096, 0o600]) as u64;
        for command in [2, 3, 14] {
            a.good("shmctl", &[segment, command, a.at(64)]);
        }
        a.good("shmctl", &[segment, 0, 0]);
        let semaphore = a.good("semget", &[0, 2, 0o600]) as u64;
        for command in [2, 3, 19] {
            a.good("semctl", &[semaphore, 0, command, a.at(64)]);
        }
        a.good("semctl", &[semaphore, 0, 0, 0]);
    });
}

#[test]
fn terminals() {
    with_arenas(|a| {
        let Ok(terminal) = File::options().read(true).write(true).open("/dev/ptmx") else {
            println!("skipped: no /dev/ptmx here");
            return;
        };
        for request in [0x5401, 0x5413, 0x5405, 0x802c_542a, 0x8004_5430, 0x8004_5439, 0x5424] {
            a.maybe("ioctl", &[fd(&terminal), request, a.at(64)]);
        }
    });
}
