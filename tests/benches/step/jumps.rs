//! Jumps to random tracepoints, inside the process: pc, registers, memory and source location.
//! In a process of its own, so that nothing else warms its caches.

use rdb_explorer::session::Session;
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::Timeline;
use rdb_tests::measure::report::{Bar, Report};
use rdb_tests::measure::statistics::percentile;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Jumps measured.
const JUMPS: u64 = 1000;

/// Most milliseconds of 99 jumps in 100, on three million instructions.
const MOST: f64 = 50.0;

/// Measures jumps in a fresh process.
pub fn run(workload: &str, trace: &Path, report: &mut Report) {
    let own = std::env::current_exe().expect("the benchmark's path");
    let output = Command::new(own).arg("--jumps-in").arg(trace).output();
    let output = output.expect("failed to start the benchmark");
    let text = String::from_utf8_lossy(&output.stdout);
    let times: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(times.len() as u64, JUMPS, "{}", String::from_utf8_lossy(&output.stderr));
    report.note(workload, "jump, p50, ms", percentile(&times, 50));
    report.add(workload, "jump, p99, ms", percentile(&times, 99), Bar::AtMost(MOST));
    report.note(workload, "jump, slowest, ms", percentile(&times, 100));
}

/// Prints how many milliseconds each jump took.
pub fn measure(trace: &Path) {
    let timeline = Timeline::open(trace).expect("a trace");
    let end = timeline.end();
    let mut session = Session::new(timeline, DebugSearch::system());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..JUMPS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        let target = (random >> 16) % (end + 1);
        let begun = Instant::now();
        session.jump(target).expect("a state");
        let registers = session.timeline().registers(target).expect("registers");
        let mut stack = [0; 64];
        let known = session.timeline().read(target, registers.rsp(), &mut stack);
        let place = session.place().expect("a place");
        println!("{:.4}", begun.elapsed().as_secs_f64() * 1e3);
        std::hint::black_box((known, stack, place));
    }
}
