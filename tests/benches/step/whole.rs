//! Whole recordings with an audit: behaviour as unrecorded, nothing unexplained, size, memory.

use crate::options::Options;
use crate::workload::Workload;
use rdb_tests::closing::Closing;
use rdb_tests::measure::report::{Bar, Report};
use rdb_tests::measure::sampler::Sampler;
use rdb_tests::process::{Output, Running};
use std::path::PathBuf;
use std::time::Duration;

/// How long a recording may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Most bytes per instruction beyond the modules.
const MOST_BYTES: f64 = 2.0;

/// Records a workload and gives its trace, which the next recording of it replaces.
pub fn measure(workload: &Workload, options: &Options, report: &mut Report) -> Option<PathBuf> {
    let (name, guest) = (workload.name, &workload.guest);
    let limit = workload.stop_after.to_string();
    let command = guest.record_command(&["--audit", "--stop-after", &limit]);
    let running = Running::start(command, &guest.stdin, LIMIT);
    let sampler = Sampler::start(running.id(), Duration::from_millis(50));
    let recorded = running.finish();
    let seen = sampler.finish();
    let Some(closing) = Closing::parse(&recorded.stderr_text()) else {
        eprintln!("{name}: not recorded: {}", recorded.stderr_text());
        report.add(name, "recordings that failed", 1.0, Bar::AtMost(0.0));
        return None;
    };
    let unexplained = closing.unexplained.map_or(f64::INFINITY, |bytes| bytes as f64);
    let differences = differences(&recorded, &guest.unrecorded());
    report.note(name, "instructions recorded, thousands", closing.instructions as f64 / 1e3);
    report.add(name, "differences from the unrecorded run", differences, Bar::AtMost(0.0));
    report.add(name, "bytes unexplained by the audit", unexplained, Bar::AtMost(0.0));
    let short = options.quick && closing.instructions < 1_000_000;
    let size = if short { Bar::None } else { Bar::AtMost(MOST_BYTES) };
    report.add(name, "bytes per instruction beyond modules", closing.bytes_each, size);
    report.note(name, "recorder's peak memory, MB", seen.peak / 1024.0);
    Some(guest.trace())
}

/// How many of output, errors and exit status differ.
fn differences(recorded: &Output, unrecorded: &Output) -> f64 {
    let errors = recorded.stderr_text();
    let own = |line: &&str| line.starts_with("rdb-record: ");
    let errors: String = errors.split_inclusive('\n').filter(|line| !own(line)).collect();
    let same = [
        recorded.stdout == unrecorded.stdout,
        errors == unrecorded.stderr_text(),
        recorded.code() == unrecorded.code(),
    ];
    same.iter().filter(|same| !**same).count() as f64
}
