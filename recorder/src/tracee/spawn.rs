//! Starting a program under ptrace.

use super::sys::{self, Fork};
use super::{Gone, Outcome, Resume, Running, Stop, Stopped};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

/// A program to start.
pub struct Launch {
    /// Path that execve(2) takes.
    pub path: CString,
    /// argv.
    pub arguments: Vec<CString>,
    /// Whether SIGPIPE was ignored when the recorder started; Rust's runtime
    /// ignores it, the program must find what it would have found.
    pub ignore_sigpipe: bool,
}

/// Why a program did not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Not enough processes, files or memory.
    #[error("failed to start a process: {0}")]
    Spawn(#[from] io::Error),
    /// The kernel forbids tracing.
    #[error("failed to trace the program: {0}")]
    Ptrace(io::Error),
    /// execve(2) failed.
    #[error("failed to execute the program: {0}")]
    Exec(io::Error),
    /// Somebody killed it before it began.
    #[error("the program was killed before it began")]
    Killed,
}

impl From<Gone> for LaunchError {
    fn from(_: Gone) -> Self {
        Self::Killed
    }
}

/// Starts `launch` with address-space randomisation off, and stops it before its
/// first instruction. Call it before any thread is started.
///
/// # Errors
/// [`LaunchError`].
pub fn launch(launch: &Launch) -> Result<Stopped, LaunchError> {
    let (go_read, go_write) = pipe()?;
    let (failure_read, failure_write) = pipe()?;
    // SAFETY: this process has one thread (documented above).
    let pid = match unsafe { sys::fork() }? {
        Fork::Child => {
            drop((go_write, failure_read));
            child(launch, go_read, failure_write)
        }
        Fork::Parent(pid) => pid,
    };
    drop((go_read, failure_write));
    // Without its tracer the program would run into the next trap: it ends with it.
    let options = libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_TRACEEXIT
        | libc::PTRACE_O_EXITKILL;
    if let Err(error) = sys::seize(pid, options) {
        let _ = sys::kill(pid, libc::SIGKILL);
        let _ = sys::wait(pid);
        return Err(LaunchError::Ptrace(error));
    }
    File::from(go_write).write_all(b"g")?;
    to_first_instruction(Running { pid }, failure_read)
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    Ok((read, write))
}

/// In the child: waits to be seized, then becomes the program. Only
/// async-signal-safe calls.
fn child(launch: &Launch, go: OwnedFd, failure: OwnedFd) -> ! {
    let mut byte = [0];
    let seized = nix::unistd::read(go.as_fd(), &mut byte) == Ok(1);
    let error =
        if seized { become_program(launch) } else { io::Error::from_raw_os_error(libc::EPERM) };
    let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
    let _ = nix::unistd::write(failure.as_fd(), &errno.to_le_bytes());
    sys::exit_now(127)
}

fn become_program(launch: &Launch) -> io::Error {
    if let Err(error) = sys::add_personality(libc::ADDR_NO_RANDOMIZE) {
        return error;
    }
    sys::set_disposition(libc::SIGPIPE, launch.ignore_sigpipe);
    let path: &CStr = &launch.path;
    sys::exec(path, &launch.arguments)
}

fn to_first_instruction(running: Running, failure: OwnedFd) -> Result<Stopped, LaunchError> {
    let mut running = running;
    let mut exec_seen = false;
    loop {
        let (stopped, stop) = match running.wait()? {
            Outcome::Stopped(stopped, stop) => (stopped, stop),
            Outcome::Exited(_) | Outcome::Killed(_) => return Err(exec_failure(failure)),
        };
        running = match stop {
            Stop::Exec => {
                exec_seen = true;
                stopped.resume(Resume::Syscall, 0)?
            }
            // The exit from execve itself: the program's first instruction is next.
            Stop::Syscall if exec_seen => return Ok(stopped),
            Stop::Group(signal) if signal != libc::SIGTRAP => stopped.resume(Resume::Listen, 0)?,
            Stop::Signal(signal) => stopped.resume(Resume::Continue, signal)?,
            _ => stopped.resume(Resume::Continue, 0)?,
        };
    }
}

fn exec_failure(failure: OwnedFd) -> LaunchError {
    let mut errno = [0; 4];
    match File::from(failure).read_exact(&mut errno) {
        Ok(()) => LaunchError::Exec(io::Error::from_raw_os_error(i32::from_le_bytes(errno))),
        Err(_) => LaunchError::Killed,
    }
}
