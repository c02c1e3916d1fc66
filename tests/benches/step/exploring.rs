//! `rdb-explore` as a user meets it: from its start to the first answer, and its memory.

use crate::jumps;
use crate::workload::Workload;
use rdb_tests::binaries::binaries;
use rdb_tests::explorer::Explorer;
use rdb_tests::measure::report::{Bar, Report};
use rdb_tests::measure::sampler::Sampler;
use rdb_tests::measure::statistics::median;
use rdb_tests::process::{LIMIT, Running};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Starts of the explorer, of which the median counts.
const STARTS: usize = 7;

/// Jumps of the session whose memory is measured.
const JUMPS: u64 = 100;

/// Measures the explorer on a trace.
pub fn measure(workload: &Workload, trace: &Path, report: &mut Report) {
    let name = workload.name;
    let megabytes = std::fs::metadata(trace).expect("a trace").len() as f64 / 1e6;
    let starts: Vec<f64> = (0..STARTS).map(|_| first_answer(trace)).collect();
    report.note(name, "trace, MB with modules", megabytes);
    let most = Bar::AtMost(100.0 + megabytes);
    report.add(name, "first answer, process start included, ms", median(&starts), most);
    jumps::run(name, trace, report);
    report.note(name, "explorer's peak memory, MB", peak_memory(trace));
}

/// Milliseconds from starting the explorer to its answer.
fn first_answer(trace: &Path) -> f64 {
    let mut command = Command::new(&binaries().explore);
    command.arg(trace).args(["-c", "where"]);
    let begun = Instant::now();
    let output = command.output().expect("failed to start rdb-explore");
    let taken = begun.elapsed().as_secs_f64() * 1e3;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    taken
}

/// MB resident at most in a session that looks around all over the history.
fn peak_memory(trace: &Path) -> f64 {
    let end = Explorer::new(trace).last(&["where"]).end();
    let script = tempfile::NamedTempFile::new().expect("failed to create a script");
    let line = |n: u64| format!("jump {}\nx/8xg $rsp\nbacktrace\n", end * (n * 37 % JUMPS) / JUMPS);
    let lines: String = (0..JUMPS).map(line).collect();
    std::fs::write(script.path(), lines).expect("failed to write a script");
    let mut command = Command::new(&binaries().explore);
    command.arg(trace).arg("-x").arg(script.path());
    let running = Running::start(command, b"", LIMIT);
    let sampler = Sampler::start(running.id(), Duration::from_millis(2));
    running.finish();
    sampler.finish().peak / 1024.0
}
