//! A run of five thousand million instructions: whether it completes, and is written as fast at
//! its end as at its beginning.

use crate::busy::compiled;
use crate::options::Options;
use crate::profile::Profile;
use crate::run::recorded;
use rdb_tests::measure::frames::{frames, written};
use rdb_tests::measure::programs::TREE;
use rdb_tests::measure::report::{Bar, Report};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Rounds of the program, about 31 million instructions each.
const ROUNDS: &str = "165";

/// Million instructions at least.
const LEAST: f64 = 5000.0;

/// How much slower the slower end may be: a fifth.
const LEAST_RATIO: f64 = 0.8;

/// Measures the long run.
pub fn measure(options: &Options, report: &mut Report, profile: &mut Profile) {
    if !options.wants("long") {
        return;
    }
    let guest = compiled(TREE, ROUNDS);
    let growth = Growth::watch(guest.trace().with_added_extension("incomplete"));
    let recorded = recorded(&guest, &[]);
    let sizes = growth.finish();
    let name = "long";
    let millions = recorded.closing.instructions as f64 / 1e6;
    report.add(name, "instructions, millions", millions, Bar::AtLeast(LEAST));
    report.note(name, "recorded, s", recorded.run.seconds);
    report.note(name, "million instructions/s", millions / recorded.run.seconds);
    report.add(name, "recorder's peak memory, MB", recorded.run.peak, Bar::AtMost(512.0));
    let (first, last) = ends(&progress(&guest.trace(), &sizes));
    report.note(name, "million written/s, first tenth", first / 1e6);
    report.note(name, "million written/s, last tenth", last / 1e6);
    let ratio = first.min(last) / first.max(last);
    report.add(name, "slower tenth / faster tenth", ratio, Bar::AtLeast(LEAST_RATIO));
    profile.add(name, recorded.timings);
}

/// A thread that watches a file grow: seconds and bytes.
struct Growth {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(f64, u64)>>,
}

impl Growth {
    fn watch(file: PathBuf) -> Growth {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let begun = Instant::now();
        let thread = std::thread::spawn(move || {
            let mut sizes = Vec::new();
            while !flag.load(Ordering::Relaxed) {
                let size = std::fs::metadata(&file).map_or(0, |found| found.len());
                sizes.push((begun.elapsed().as_secs_f64(), size));
                std::thread::sleep(Duration::from_millis(10));
            }
            sizes
        });
        Growth { stop, thread }
    }

    fn finish(self) -> Vec<(f64, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watch failed")
    }
}

/// Seconds, and the tracepoints written by then; from the first to the last chunk.
fn progress(trace: &Path, sizes: &[(f64, u64)]) -> Vec<(f64, f64)> {
    let chunks = written(&frames(trace));
    let count = |size: u64| {
        let whole = chunks.partition_point(|(end, _)| *end <= size);
        whole.checked_sub(1).map(|last| chunks[last].1 as f64)
    };
    let mut progress: Vec<(f64, f64)> =
        sizes.iter().filter_map(|(at, size)| Some((*at, count(*size)?))).collect();
    progress.dedup_by_key(|(_, count)| *count);
    progress
}

/// Tracepoints a second over the first and the last tenth.
fn ends(progress: &[(f64, f64)]) -> (f64, f64) {
    let (begin, end) = (progress[0], progress[progress.len() - 1]);
    let tenth = (end.1 - begin.1) / 10.0;
    let rate = |from: (f64, f64), to: (f64, f64)| (to.1 - from.1) / (to.0 - from.0);
    let reached = |count: f64| progress[progress.partition_point(|(_, at)| *at < count)];
    (rate(begin, reached(begin.1 + tenth)), rate(reached(end.1 - tenth), end))
}
