//! Building the index: time, size, memory.

use rdb_explorer::timeline::Timeline;
use rdb_tests::binaries::binaries;
use rdb_tests::measure::report::{Bar, Report};
use rdb_tests::measure::sampler::Sampler;
use rdb_tests::measure::statistics::median;
use rdb_tests::process::{LIMIT, Running};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Most seconds for a thousand million tracepoints; of shorter histories, other costs than
/// the index's are a part that counts.
const MOST_SECONDS: f64 = 15.0;

/// Builds for each figure, of which the median counts.
const BUILDS: usize = 3;

/// Tracepoints of such a history at least.
const LONG: f64 = 0.9e9;

/// Most bytes a tracepoint.
const MOST_BYTES: f64 = 0.4;

/// Most MB of the explorer.
const MOST_MEMORY: f64 = 1024.0;

/// Measures a start of the explorer that has to build an index.
pub fn measure(name: &str, trace: &Path, index: &Path, report: &mut Report) {
    let tracepoints = Timeline::open(trace).expect("a trace").end() as f64;
    report.note(name, "tracepoints, millions", tracepoints / 1e6);
    // Once without, so that the trace is in the page cache.
    let idle = run(trace, "where");
    let builds = |question| {
        std::array::from_fn::<_, BUILDS, _>(|_| {
            // The first time, there may be none.
            let _ = std::fs::remove_file(index);
            let built = run(trace, question);
            ((built.0 - idle.0).max(0.0), built.1)
        })
    };
    let asked = builds("last counter");
    let seconds = median(&asked.map(|(seconds, _)| seconds));
    let most = MOST_SECONDS * tracepoints / 1e9;
    let most = if tracepoints < LONG { Bar::None } else { Bar::AtMost(most) };
    report.add(name, "index, s", seconds, most);
    report.note(name, "index, ns a tracepoint", seconds * 1e9 / tracepoints);
    let bytes = std::fs::metadata(index).expect("an index").len() as f64;
    report.add(name, "index, bytes a tracepoint", bytes / tracepoints, Bar::AtMost(MOST_BYTES));
    let memory = builds("print counter");
    let seconds = median(&memory.map(|(seconds, _)| seconds));
    report.add(name, "index, first asked about memory, s", seconds, most);
    let peak = asked.iter().chain(&memory).map(|(_, peak)| *peak).fold(0.0, f64::max);
    report.add(name, "explorer's peak memory, MB", peak, Bar::AtMost(MOST_MEMORY));
}

/// Seconds and MB of an explorer that answers one question.
fn run(trace: &Path, question: &str) -> (f64, f64) {
    let mut command = Command::new(&binaries().explore);
    // At the end, so that what memory holds depends on all of history.
    command.arg(trace).args(["-c", "rend", "-c", question]);
    let begun = Instant::now();
    let running = Running::start(command, b"", LIMIT);
    let sampler = Sampler::start(running.id(), Duration::from_millis(2));
    running.finish();
    let seconds = begun.elapsed().as_secs_f64();
    (seconds, sampler.finish().peak / 1024.0)
}
