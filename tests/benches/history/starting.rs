//! From starting the explorer to its first answer, and to its longest list, with an index at hand.

use crate::questions::{LEAST_ROWS, ROWS};
use rdb_explorer::timeline::Timeline;
use rdb_tests::binaries::binaries;
use rdb_tests::measure::report::{Bar, Report};
use rdb_tests::measure::statistics::median;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Starts, of which the median counts.
const STARTS: usize = 5;

/// Most milliseconds.
const MOST: f64 = 200.0;

/// Measures starts.
pub fn measure(name: &str, trace: &Path, index: &Path, report: &mut Report) {
    assert!(index.is_file(), "an index was built before");
    let times = |question: &str| {
        let one = |_| milliseconds(trace, question);
        median(&(0..STARTS).map(one).collect::<Vec<f64>>())
    };
    report.add(name, "open to first answer, ms", times("where"), Bar::AtMost(MOST));
    report.note(name, "open to an indexed answer, ms", times("executions -c 1 once"));
    // Shorter histories have no such list: a write of the counter takes some 33 instructions.
    if Timeline::open(trace).expect("a trace").end() as usize > 50 * ROWS {
        let list = |rows| times(&format!("mod list -w future -c {rows} counter"));
        let seconds = (list(ROWS) - list(1)) / 1e3;
        let what = "mod list printed, rows/s";
        report.add(name, what, ROWS as f64 / seconds, Bar::AtLeast(LEAST_ROWS));
    }
}

fn milliseconds(trace: &Path, question: &str) -> f64 {
    let mut command = Command::new(&binaries().explore);
    command.arg(trace).args(["-c", question]);
    let begun = Instant::now();
    let output = command.output().expect("failed to start rdb-explore");
    let taken = begun.elapsed().as_secs_f64() * 1e3;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    taken
}
