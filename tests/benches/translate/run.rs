//! One run of a program, recorded or not: how long it took from start to end, and what it left.

use rdb_tests::closing::Closing;
use rdb_tests::guest::Guest;
use rdb_tests::measure::frames::{chunk_bytes, frames};
use rdb_tests::measure::sampler::Sampler;
use rdb_tests::sandbox::fix_addresses;
use rdb_tests::timings::Timings;
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long a run may take.
const LIMIT: Duration = Duration::from_secs(600);

/// How often the recorder's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A finished run.
pub struct Run {
    /// From the process's start to its end.
    pub seconds: f64,
    /// What it wrote to standard output.
    pub output: Vec<u8>,
    /// What it wrote to standard error.
    pub said: String,
    /// Whether it ended with status 0.
    pub succeeded: bool,
    /// The process's peak memory in MB, as far as it was seen.
    pub peak: f64,
}

/// A run of the recorder.
pub struct Recorded {
    /// The run.
    pub run: Run,
    /// The recorder's closing line.
    pub closing: Closing,
    /// Where its time went.
    pub timings: Timings,
    /// Bytes of chunks, blocks and events.
    pub chunk_bytes: u64,
}

/// Runs a program unrecorded.
pub fn native(guest: &Guest) -> Run {
    let mut command = guest.surroundings(Command::new(&guest.program));
    command.args(&guest.args);
    fix_addresses(&mut command);
    run(command)
}

/// Records a program, with further options.
pub fn recorded(guest: &Guest, options: &[&str]) -> Recorded {
    let all = [&["--timings"], options].concat();
    let run = run(guest.record_command(&all));
    let (closing, timings) = (Closing::parse(&run.said), Timings::parse(&run.said));
    let (Some(closing), Some(timings)) = (closing, timings) else {
        panic!("{} was not recorded: {}", guest.program.display(), run.said);
    };
    Recorded { closing, timings, chunk_bytes: chunk_bytes(&frames(&guest.trace())), run }
}

/// Runs a command. Output goes to files: reading pipes would take a core's time.
fn run(mut command: Command) -> Run {
    let folder = tempfile::tempdir().expect("failed to create a folder");
    let [output, said] = ["output", "said"].map(|name| folder.path().join(name));
    let create = |path| File::create(path).expect("failed to create a file");
    command.stdin(Stdio::null()).stdout(create(&output)).stderr(create(&said));
    let begun = Instant::now();
    let child =
        command.spawn().unwrap_or_else(|error| panic!("failed to run {command:?}: {error}"));
    let sampler = Sampler::start(child.id().cast_signed(), LOOK_EVERY);
    let succeeded = wait(child);
    let seconds = begun.elapsed().as_secs_f64();
    let read = |path| std::fs::read(path).expect("a readable file");
    Run {
        seconds,
        output: read(&output),
        said: String::from_utf8_lossy(&read(&said)).into_owned(),
        succeeded,
        peak: sampler.finish().peak / 1024.0,
    }
}

/// Waits for a child, which is killed when its time is up; whether it succeeded.
fn wait(mut child: Child) -> bool {
    let (ended, end) = mpsc::channel::<()>();
    let id = child.id().cast_signed();
    let watch = std::thread::spawn(move || {
        let late = end.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
        if late {
            // SAFETY: kill only takes numbers; the child is reaped after the channel is closed
            // or, with this thread waiting, not at all.
            unsafe { libc::kill(id, libc::SIGKILL) };
        }
        late
    });
    let status = child.wait().expect("failed to wait");
    drop(ended);
    assert!(!watch.join().expect("the watch failed"), "time is up");
    status.success()
}
