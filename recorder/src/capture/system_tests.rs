use super::*;
use crate::capture::process_start;
use nix::sys::{ptrace, signal, wait};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command};

/// `sleep` with an environment and a folder of its own, traced and stopped.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        let mut command = Command::new("/bin/sleep");
        command.arg("1000").env_clear().env("A", "1=2").env("EMPTY", "").current_dir("/usr");
        let child = command.spawn().unwrap();
        let sleeper = Self(child);
        ptrace::seize(sleeper.pid(), ptrace::Options::empty()).unwrap();
        ptrace::interrupt(sleeper.pid()).unwrap();
        wait::waitpid(sleeper.pid(), None).unwrap();
        sleeper
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id() as i32)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stopped_child_shows_its_start() {
    let child = Sleeper::start();
    let start = process_start(child.0.id()).unwrap();
    assert_eq!((start.process, start.parent), (child.0.id(), std::process::id()));
    assert_eq!(start.arguments, [&b"/bin/sleep"[..], b"1000"]);
    assert_eq!(start.environment, [&b"A=1=2"[..], b"EMPTY="]);
    let executable = std::fs::canonicalize("/bin/sleep").unwrap();
    assert_eq!(start.executable, executable.as_os_str().as_encoded_bytes());
    assert_eq!(start.auxv.len() % 16, 0);
    let layout = start.layout;
    let space = crate::capture::mappings(child.0.id()).unwrap();
    let at = |address| space.iter().find(|m| m.contains(address)).unwrap();
    assert_eq!(at(layout.start_code).inode, std::fs::metadata(executable).unwrap().ino());
    assert_eq!(at(layout.start_stack).name, b"[stack]");
    assert!(layout.arg_start < layout.arg_end && layout.env_start < layout.env_end);
    assert!(space.iter().any(|m| m.end == layout.mmap_base && m.end < layout.start_stack));
    assert!(layout.start_brk >= layout.end_data);
}

#[test]
fn queued_signals_come_with_their_senders() {
    let child = Sleeper::start();
    signal::kill(child.pid(), signal::Signal::SIGUSR1).unwrap();
    // SAFETY: a signal to a child of this test.
    unsafe { libc::syscall(libc::SYS_tgkill, child.pid().as_raw(), child.pid().as_raw(), 12) };
    let state = system_state(child.0.id(), child.0.id(), &Tracked::default());
    assert_eq!(state.signals.pending, 1 << 9);
    let thread = &state.threads[0];
    assert_eq!((thread.pending, thread.queued_shared), (1 << 11, 1));
    let numbers: Vec<u8> = thread.queued.chunks(SIGINFO_BYTES).map(|info| info[0]).collect();
    assert_eq!(numbers, [10, 12]);
    let sender = u32::from_le_bytes(thread.queued[16..20].try_into().unwrap());
    assert_eq!(sender, std::process::id());
}

#[test]
fn a_stopped_child_shows_its_state() {
    let child = Sleeper::start();
    let state = system_state(child.0.id(), child.0.id(), &Tracked::new(child.0.id(), 0x1000));
    assert_eq!(
        (state.working_directory.as_slice(), state.root.as_slice()),
        (&b"/usr"[..], &b"/"[..])
    );
    assert_eq!((state.brk, state.limits.len(), state.threads.len()), (0x1000, 16, 1));
    assert!(state.descriptors.iter().any(|d| d.number == 2));
}

#[test]
fn descriptors_agree_with_the_kernel() {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, b"0123456789").unwrap();
    file.seek(SeekFrom::Start(7)).unwrap();
    let copy = file.try_clone().unwrap();
    let other = File::open("/dev/null").unwrap();
    let all = descriptors(std::process::id());
    let of = |fd: RawFd| all.iter().find(|d| d.number == fd).unwrap();
    let (described, metadata) = (of(file.as_raw_fd()), file.metadata().unwrap());
    assert_eq!((described.offset, described.size), (7, 10));
    assert_eq!((described.device, described.inode), (metadata.dev(), metadata.ino()));
    assert_eq!(described.modified, metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec());
    // SAFETY: asks for flags only.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    assert_eq!(described.flags, (flags | libc::O_CLOEXEC) as u32);
    assert_eq!(of(other.as_raw_fd()).target, b"/dev/null");
    if kernel::compare_files(std::process::id(), 0, 0).is_some() {
        let lowest = file.as_raw_fd().min(copy.as_raw_fd());
        assert_eq!(of(file.as_raw_fd()).shared_with, lowest);
        assert_eq!(of(copy.as_raw_fd()).shared_with, lowest);
        assert_eq!(of(other.as_raw_fd()).shared_with, other.as_raw_fd());
    } else {
        assert!(all.iter().all(|d| d.shared_with == -1));
    }
}

#[test]
fn a_process_that_is_gone_leaves_only_what_was_tracked() {
    let state = system_state(u32::MAX, u32::MAX, &Tracked::new(1, 0x7000));
    assert!(state.descriptors.is_empty() && state.limits.is_empty());
    assert_eq!((state.brk, state.umask), (0x7000, 0o022));
    assert!(process_start(u32::MAX).is_err());
}

#[test]
fn the_masks_correct_what_was_tracked() {
    let status = Status { process: 1, ignored: 1 << 1, caught: 1 << 2, ..Status::default() };
    let handler =
        |signal| checked(Action { signal, handler: 0x4000, ..Action::default() }, &status).handler;
    assert_eq!([handler(1), handler(2), handler(3), handler(64)], [0, 1, 0x4000, 0]);
}
