//! Questions over a whole history, at growing lengths: what an index costs, and what it gives.
//! Prints a table of figures and bars; each length is a program of its own to record.
//!
//! `cargo bench -p rdb-tests --bench history -- [--long] [--json] [MILLIONS…]`
//!
//! `… -- [--json] --jumps TRACE…` measures random jumps alone, in traces at hand: of two builds
//! of the benchmark in turns, on the same one.
//!
//! A failure of the benchmark itself panics with a message, which is the report.

mod building;
mod questions;
mod starting;

use rdb_explorer::timeline::Timeline;
use rdb_tests::guest::Guest;
use rdb_tests::measure::programs::{PAGES, build};
use rdb_tests::measure::report::Report;
use std::path::Path;

/// Lengths in millions of instructions; with `--long`, the last as well.
const LENGTHS: [u64; 3] = [10, 100, 1000];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    if has("--jumps") {
        let traces = arguments.iter().filter(|argument| !argument.starts_with("--"));
        return jumps(traces.map(Path::new), Report::new(has("--json")));
    }
    let mut lengths: Vec<u64> = arguments.iter().filter_map(|text| text.parse().ok()).collect();
    if lengths.is_empty() {
        lengths = LENGTHS[..if has("--long") { 3 } else { 2 }].to_vec();
    }
    let mut report = Report::new(has("--json"));
    lengths.iter().for_each(|millions| measure(*millions, &mut report));
    report.finish();
}

fn measure(millions: u64, report: &mut Report) {
    let mut guest = Guest::system("", &[&millions.to_string()]);
    guest.program = build(PAGES, guest.directory());
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
    let name = format!("{millions} M");
    let index = index_of(&recording.trace);
    building::measure(&name, &recording.trace, &index, report);
    starting::measure(&name, &recording.trace, &index, report);
    let timeline = Timeline::open(&recording.trace).expect("a trace");
    questions::measure(&name, timeline, report);
}

fn jumps<'a>(traces: impl Iterator<Item = &'a Path>, mut report: Report) {
    for trace in traces {
        let name = trace.file_stem().unwrap_or_default().to_string_lossy();
        let timeline = Timeline::open(trace).expect("a trace");
        questions::measure_jumps(&name, timeline, &mut report);
    }
    report.finish();
}

/// Where the index of a trace is kept.
fn index_of(trace: &Path) -> std::path::PathBuf {
    trace.with_added_extension("index")
}
