//! Instructions a second, recorder and bare tracer in turn over the same stretch of a program,
//! and where the recorder's time goes.

use crate::bare;
use crate::options::Options;
use crate::workload::Workload;
use rdb_tests::closing::Closing;
use rdb_tests::measure::report::{Bar, Report};
use rdb_tests::measure::sampler::{Sampler, children};
use rdb_tests::measure::statistics::median;
use rdb_tests::process::Running;
use std::time::Duration;

/// 35 thousand a second where the bare tracer makes 45.
const LEAST: f64 = 35.0 / 45.0;

/// Thousand instructions a second of a recording, and shares of its time.
struct Recorded {
    rate: f64,
    /// The recorder's first thread outside the kernel: everything but ptrace and reads of memory.
    engine: f64,
    /// The same thread inside the kernel, and the program.
    stops: f64,
}

/// Measures a workload's rates.
pub fn measure(workload: &Workload, options: &Options, report: &mut Report) {
    let (mut bares, mut recordings, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds() {
        let bare = bare::trace(&workload.guest, options.stretch());
        let recorded = record(workload, options);
        let bare = bare.steps as f64 / bare.seconds / 1e3;
        ratios.push(recorded.rate / bare);
        bares.push(bare);
        recordings.push(recorded);
    }
    let of = |get: fn(&Recorded) -> f64| median(&recordings.iter().map(get).collect::<Vec<_>>());
    let name = workload.name;
    report.note(name, "bare tracer, thousand steps/s", median(&bares));
    report.note(name, "recorder, thousand instructions/s", of(|r| r.rate));
    report.add(name, "recorder's rate / bare tracer's", median(&ratios), Bar::AtLeast(LEAST));
    report.note(name, "share of time: the engine's own code", of(|r| r.engine));
    report.note(name, "share of time: ptrace stops and the program", of(|r| r.stops));
    // Large on a busy machine, where no figure of this run means much.
    report.note(name, "share of time: waiting", of(|r| 1.0 - r.engine - r.stops));
}

fn record(workload: &Workload, options: &Options) -> Recorded {
    let limit = options.stretch().to_string();
    let command = workload.guest.record_command(&["--stop-after", &limit]);
    let before = children();
    let running = Running::start(command, &workload.guest.stdin, workload.guest.limit);
    let sampler = Sampler::start(running.id(), Duration::from_millis(50));
    let output = running.finish();
    let seen = sampler.finish();
    let after = children();
    let text = output.stderr_text();
    let closing = Closing::parse(&text);
    let closing = closing.unwrap_or_else(|| panic!("{}: no closing line: {text}", workload.name));
    let total = after.0 - before.0 + after.1 - before.1;
    let program = total - seen.all.0 - seen.all.1;
    Recorded {
        rate: closing.instructions as f64 / closing.seconds / 1e3,
        engine: seen.first.0 / closing.seconds,
        stops: (seen.first.1 + program) / closing.seconds,
    }
}
