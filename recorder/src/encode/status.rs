//! How a pipeline is doing, for whoever watches.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What the pipeline tells while it runs.
#[derive(Default)]
pub struct PipelineStatus {
    /// Bytes written.
    pub bytes: AtomicU64,
    /// Bytes of module frames among them.
    pub module_bytes: AtomicU64,
    /// Whether writing has failed; later jobs are dropped.
    pub failed: AtomicBool,
    /// Where its threads' time goes.
    pub times: Times,
    error: Mutex<Option<io::Error>>,
}

/// Nanoseconds that all threads together have spent.
#[derive(Default)]
pub struct Times {
    /// The engine's thread, waiting until a job may be submitted.
    pub blocked: AtomicU64,
    /// Workers, turning jobs into messages.
    pub encode: AtomicU64,
    /// Workers, compressing.
    pub compress: AtomicU64,
    /// Workers, waiting for jobs.
    pub idle: AtomicU64,
    /// The writer, writing.
    pub write: AtomicU64,
}

/// Does something, and adds the time it took to `sum`.
pub(super) fn timed<T>(sum: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    sum.fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
    result
}

impl PipelineStatus {
    pub(super) fn fail(&self, error: io::Error) {
        let mut slot = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }

    /// Why writing failed.
    pub fn take_error(&self) -> Option<io::Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Tells the engine when a thread is lost: the frames behind it would wait for
/// its own for ever.
pub(super) struct FailOnPanic<'a>(pub(super) &'a PipelineStatus);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(io::Error::other("an encoding thread panicked"));
        }
    }
}
