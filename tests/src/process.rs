//! Child processes with a time limit: input fed, output collected, the whole group killed when
//! the time is up. Only processes started here are ever signalled.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a child may run unless a test says otherwise.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Does something while no other thread starts a child. One that begins while a program is being
/// written inherits the open file, and as long as it has it that program cannot be executed
/// (execve(2), ETXTBSY).
pub fn apart_from_starts<T>(work: impl FnOnce() -> T) -> T {
    static STARTING: Mutex<()> = Mutex::new(());
    let _guard = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    work()
}

/// What a child left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// Everything it wrote to standard output.
    pub stdout: Vec<u8>,
    /// Everything it wrote to standard error.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub status: ExitStatus,
}

impl Output {
    /// Standard output as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The status as a shell gives it: the exit code, or 128 and the killing signal.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }
}

/// A child that runs in a process group of its own.
pub struct Running {
    child: Child,
    stdout: Collector,
    stderr: Collector,
    deadline: Instant,
}

impl Running {
    /// Starts the command with `input` on its standard input.
    pub fn start(mut command: Command, input: &[u8], limit: Duration) -> Running {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        let mut child = match apart_from_starts(|| command.spawn()) {
            Ok(child) => child,
            Err(error) => panic!("failed to start {command:?}: {error}"),
        };
        feed(child.stdin.take().expect("a pipe"), input.to_vec());
        let stdout = Collector::start(child.stdout.take().expect("a pipe"));
        let stderr = Collector::start(child.stderr.take().expect("a pipe"));
        Running { child, stdout, stderr, deadline: Instant::now() + limit }
    }

    /// The child's process id, which is its group's id too.
    pub fn id(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id")
    }

    /// Waits until standard output contains `text`.
    pub fn wait_for_output(&mut self, text: &str) {
        while !contains(&self.stdout.bytes(), text.as_bytes()) {
            let ended = self.child.try_wait().expect("failed to wait").is_some();
            assert!(!ended, "ended before it said {text:?}: {}", self.said());
            self.pause(&format!("waiting for {text:?}"));
        }
    }

    /// Waits until `condition` holds.
    pub fn wait_until(&mut self, what: &str, mut condition: impl FnMut() -> bool) {
        while !condition() {
            self.pause(what);
        }
    }

    /// Sends a signal to the whole group, as a terminal does.
    pub fn signal_group(&self, signal: i32) {
        // SAFETY: kill only takes numbers; the group was made by `start` and is not reaped yet.
        unsafe { libc::kill(-self.id(), signal) };
    }

    /// Sends a signal to the child alone.
    pub fn signal(&self, signal: i32) {
        // SAFETY: kill only takes numbers; the child is ours and is not reaped yet.
        unsafe { libc::kill(self.id(), signal) };
    }

    /// Sends a signal to the one process that the child has started (proc_pid_stat(5)).
    pub fn signal_grandchild(&self, signal: i32) {
        let entries = std::fs::read_dir("/proc").expect("/proc");
        let ids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
        let parent = |id: &i32| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let fields = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse::<i32>();
            fields.ok()
        };
        let found: Vec<i32> = ids.filter(|id| parent(id) == Some(self.id())).collect();
        assert_eq!(found.len(), 1, "one process of the child's");
        // SAFETY: kill only takes numbers; the process is one that our child started.
        unsafe { libc::kill(found[0], signal) };
    }

    /// Waits for the end, and for both pipes to close.
    pub fn finish(mut self) -> Output {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("failed to wait") {
                break status;
            }
            self.pause("waiting for the end");
        };
        while !(self.stdout.closed() && self.stderr.closed()) {
            self.pause("waiting for the output to close");
        }
        Output { stdout: self.stdout.bytes(), stderr: self.stderr.bytes(), status }
    }

    fn pause(&mut self, what: &str) {
        if Instant::now() > self.deadline {
            self.signal_group(libc::SIGKILL);
            let _ = self.child.wait();
            panic!("time is up, {what}: {}", self.said());
        }
        std::thread::sleep(Duration::from_millis(2));
    }

    fn said(&self) -> String {
        let show =
            |bytes: Vec<u8>| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
        format!("stdout {:?}, stderr {:?}", show(self.stdout.bytes()), show(self.stderr.bytes()))
    }
}

/// Runs a command to its end.
pub fn run(command: Command, input: &[u8], limit: Duration) -> Output {
    Running::start(command, input, limit).finish()
}

fn feed(mut pipe: impl Write + Send + 'static, input: Vec<u8>) {
    // A child that does not read its input closes the pipe: not an error here.
    std::thread::spawn(move || {
        let _ = pipe.write_all(&input);
    });
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Reads a pipe on a thread of its own.
struct Collector {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: std::thread::JoinHandle<()>,
}

impl Collector {
    fn start(mut pipe: impl Read + Send + 'static) -> Collector {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                shared.lock().expect("no panic holds it").extend_from_slice(&buffer[..length]);
            }
        });
        Collector { bytes, thread }
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().expect("no panic holds it").clone()
    }

    fn closed(&self) -> bool {
        self.thread.is_finished()
    }
}
