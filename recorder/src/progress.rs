//! The progress line, on a terminal only.

use crate::encode::PipelineStatus;
use crate::tracee::sys::CpuSet;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What an engine tells of its progress.
#[derive(Default)]
pub struct Progress {
    /// Tracepoints so far.
    pub instructions: AtomicU64,
    done: AtomicBool,
}

/// The thread that draws.
pub struct Line {
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    /// Draws until it is dropped, if standard error is a terminal; on `cpus`.
    pub fn start(progress: Arc<Progress>, status: Arc<PipelineStatus>, cpus: CpuSet) -> Self {
        let shared = Arc::clone(&progress);
        let draws = std::io::stderr().is_terminal();
        let thread = draws.then(|| {
            std::thread::spawn(move || {
                let _ = cpus.apply(0);
                draw(&shared, &status);
            })
        });
        Self { progress, thread }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.progress.done.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there only lost the drawing.
            let _ = thread.join();
        }
    }
}

fn draw(progress: &Progress, status: &PipelineStatus) {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("rdb-record: {msg}") {
        bar.set_style(style);
    }
    let start = Instant::now();
    while !progress.done.load(Ordering::Acquire) {
        std::thread::park_timeout(Duration::from_millis(500));
        let count = progress.instructions.load(Ordering::Relaxed);
        let rate = count as f64 / start.elapsed().as_secs_f64();
        let bytes = HumanBytes(status.bytes.load(Ordering::Relaxed));
        let (count, rate) = (HumanCount(count), HumanCount(rate as u64));
        bar.set_message(format!("{count} instructions, {rate}/s, {bytes}"));
    }
    bar.finish_and_clear();
}
