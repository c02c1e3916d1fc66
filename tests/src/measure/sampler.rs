//! Watches a process while it runs: memory and processor time, from /proc.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What was seen last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Peak resident memory, KiB (VmHWM).
    pub peak: f64,
    /// Seconds that the first thread spent in user mode and in the kernel.
    pub first: (f64, f64),
    /// The same of all threads together.
    pub all: (f64, f64),
}

/// A thread that looks every so often.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Sampler {
    /// Watches process `pid`.
    pub fn start(pid: i32, every: Duration) -> Sampler {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !flag.load(Ordering::Relaxed) {
                seen = look(pid).unwrap_or(seen);
                std::thread::sleep(every);
            }
            seen
        });
        Sampler { stop, thread }
    }

    /// What it saw.
    pub fn finish(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the sampler failed")
    }
}

fn look(pid: i32) -> Option<Seen> {
    let process = Path::new("/proc").join(pid.to_string());
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak = line.trim().trim_end_matches(" kB").parse().ok()?;
    let first = times(&process.join("task").join(pid.to_string()).join("stat"))?;
    Some(Seen { peak, first, all: times(&process.join("stat"))? })
}

/// Fields 14 and 15 of a stat file (proc_pid_stat(5)), in seconds.
fn times(path: &Path) -> Option<(f64, f64)> {
    let text = std::fs::read_to_string(path).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    // SAFETY: sysconf takes a number.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    let mut next = || Some(fields.next()?.parse::<f64>().ok()? / ticks);
    Some((next()?, next()?))
}

/// Seconds of processor time of all children waited for so far: user mode and kernel.
pub fn children() -> (f64, f64) {
    // SAFETY: an all-zero rusage is valid, and getrusage fills the one it is given.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (seconds(usage.ru_utime), seconds(usage.ru_stime))
}
