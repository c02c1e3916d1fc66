//! How far a question has come that takes longer than a moment: on standard error, if that
//! is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// What answers within this shows no bar.
const MOMENT: Duration = Duration::from_millis(500);

/// A bar, which goes away with this.
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
}

impl Progress {
    /// Of `total` steps, none of which is done; `doing` says what they are.
    pub fn new(doing: &str, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} {bar:30} {percent} %, {eta} left");
        let bar = if let Ok(style) = style { bar.with_style(style) } else { bar };
        Self { bar: bar.with_message(doing.to_owned()), begun: Instant::now() }
    }

    /// One more is done.
    pub fn step(&self) {
        if self.bar.is_hidden() && self.begun.elapsed() >= MOMENT {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
