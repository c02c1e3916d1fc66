//! /proc/PID/status: signal masks and a few facts, in one read (proc_pid_status(5)).

use super::error::{self, CaptureError, number};

/// umask(2) taken for kernels before 4.7, which do not show it.
const USUAL_UMASK: u32 = 0o022;

/// One thread as its status file shows it; masks have bit n−1 for signal n.
/// A field the kernel does not show is 0, `umask` 022, `state` `?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// State letter: `R`, `S`, `D`, `T` (stopped), `t` (traced), `Z`, `X` …
    pub state: u8,
    /// Thread group: the process.
    pub process: u32,
    /// Parent process.
    pub parent: u32,
    /// Who traces it, 0 if nobody.
    pub tracer: u32,
    /// Threads of the process.
    pub threads: u32,
    /// umask(2).
    pub umask: u32,
    /// Pending for this thread.
    pub pending: u64,
    /// Pending for the process.
    pub shared_pending: u64,
    /// Blocked.
    pub blocked: u64,
    /// Ignored.
    pub ignored: u64,
    /// Caught.
    pub caught: u64,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            state: b'?',
            process: 0,
            parent: 0,
            tracer: 0,
            threads: 0,
            umask: USUAL_UMASK,
            pending: 0,
            shared_pending: 0,
            blocked: 0,
            ignored: 0,
            caught: 0,
        }
    }
}

/// The status of a process's main thread.
///
/// # Errors
/// When the process is gone or its file hidden.
pub fn status(pid: u32) -> Result<Status, CaptureError> {
    Ok(parse(&error::read(&format!("/proc/{pid}/status"))?))
}

/// The status of one thread.
///
/// # Errors
/// When the thread is gone or its file hidden.
pub fn thread_status(pid: u32, tid: u32) -> Result<Status, CaptureError> {
    Ok(parse(&error::read(&format!("/proc/{pid}/task/{tid}/status"))?))
}

fn parse(text: &[u8]) -> Status {
    let mut status = Status::default();
    for line in error::lines(text) {
        if let Some(colon) = line.iter().position(|b| *b == b':') {
            let (key, value) = line.split_at(colon);
            status.set(key, value.get(1..).unwrap_or_default().trim_ascii());
        }
    }
    status
}

impl Status {
    fn set(&mut self, key: &[u8], value: &[u8]) {
        let count = |radix| number(value, radix).and_then(|n| u32::try_from(n).ok());
        let mask = || number(value, 16).unwrap_or(0);
        match key {
            b"State" => self.state = value.first().copied().unwrap_or(b'?'),
            b"Tgid" => self.process = count(10).unwrap_or(0),
            b"PPid" => self.parent = count(10).unwrap_or(0),
            b"TracerPid" => self.tracer = count(10).unwrap_or(0),
            b"Threads" => self.threads = count(10).unwrap_or(0),
            b"Umask" => self.umask = count(8).unwrap_or(USUAL_UMASK),
            b"SigPnd" => self.pending = mask(),
            b"ShdPnd" => self.shared_pending = mask(),
            b"SigBlk" => self.blocked = mask(),
            b"SigIgn" => self.ignored = mask(),
            b"SigCgt" => self.caught = mask(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_knows_and_forgives_the_rest() {
        let text = b"Name:\tT:x\nUmask:\t0027\nState:\tt (tracing stop)\nTgid:\t12\nPPid:\t7\n\
            TracerPid:\t9\nThreads:\t3\nSigPnd:\t0000000000000001\nShdPnd:\t0000000000000200\n\
            SigBlk:\t8000000000000000\nSigIgn:\tzz\nSigCgt:\t00000000000004f0\nnonsense\n";
        let status = parse(text);
        assert_eq!((status.state, status.process, status.parent), (b't', 12, 7));
        assert_eq!((status.tracer, status.threads, status.umask), (9, 3, 0o27));
        assert_eq!((status.pending, status.shared_pending), (1, 0x200));
        assert_eq!((status.blocked, status.ignored, status.caught), (1 << 63, 0, 0x4f0));
        assert_eq!(parse(b""), Status::default());
    }

    #[test]
    fn reads_its_own_process_and_not_a_missing_one() {
        let own = status(std::process::id()).unwrap();
        assert_eq!(own.process, std::process::id());
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(matches!(status(u32::MAX), Err(CaptureError::Gone(_))));
    }
}
