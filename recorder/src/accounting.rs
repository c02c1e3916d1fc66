//! Where a recording's time went: what `--timings` says at its end.

use crate::encode::PipelineStatus;
use crate::engine::Ended;
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What an engine stopped the program for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// One instruction was single-stepped.
    Step,
    /// A system call that was not buffered: one stop or a few.
    Syscall,
    /// The code at a direct branch's target was not translated yet.
    Untranslated,
    /// The code that a translation was made of had changed.
    Changed,
    /// An indirect branch's target was not in the table.
    Unlisted,
    /// An instruction that the code cache cannot run.
    Uncached,
    /// A string instruction's stores had to be read.
    Bulk,
    /// The log was full.
    Full,
}

const CAUSES: [(Cause, &str); 8] = [
    (Cause::Step, "single steps"),
    (Cause::Syscall, "system calls"),
    (Cause::Untranslated, "untranslated code"),
    (Cause::Changed, "changed code"),
    (Cause::Unlisted, "unlisted targets"),
    (Cause::Uncached, "uncached instructions"),
    (Cause::Bulk, "string stores"),
    (Cause::Full, "full logs"),
];

/// What an engine's own thread keeps account of.
#[derive(Debug, Default)]
pub struct Accounting {
    /// Taking over the log.
    pub absorb: Duration,
    /// Translating.
    pub translate: Duration,
    stops: [u64; CAUSES.len()],
}

impl Accounting {
    /// One more stop.
    pub fn stopped_for(&mut self, cause: Cause) {
        self.stops[cause as usize] += 1;
    }

    /// Stops by their cause, in words.
    pub fn stops(&self) -> String {
        let counts = CAUSES.iter().map(|(cause, name)| (*name, self.stops[*cause as usize]));
        list(counts.map(|(name, count)| format!("{name} {count}")))
    }
}

/// Does something, and adds the time it took to `sum`.
pub fn timed<T>(sum: &mut Duration, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    *sum += begun.elapsed();
    result
}

/// Seconds of processor time: in user mode, and in the kernel.
#[derive(Clone, Copy, Debug, Default)]
struct Processor {
    user: f64,
    system: f64,
}

impl Processor {
    fn used(usage: nix::Result<Usage>) -> Self {
        let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        let both = |usage: Usage| Self {
            user: seconds(usage.user_time()),
            system: seconds(usage.system_time()),
        };
        usage.map(both).unwrap_or_default()
    }
}

/// The seconds of a recording: taken when the program's part of it is over, told when it is sealed.
pub struct Timings {
    recording: f64,
    begun: Instant,
    engine: Processor,
    /// Nothing as long as the program runs on.
    program: Processor,
    absorb: f64,
    translate: f64,
}

impl Timings {
    /// Takes the times of the recording that the calling thread has `begun` and just `ended`.
    pub fn take(begun: Instant, accounting: &Accounting, ended: &Ended) -> Self {
        let program = match ended {
            Ended::Detached(..) => Processor::default(),
            // getrusage(2): of children that were waited for.
            _ => Processor::used(getrusage(UsageWho::RUSAGE_CHILDREN)),
        };
        Self {
            recording: begun.elapsed().as_secs_f64(),
            begun: Instant::now(),
            engine: Processor::used(getrusage(UsageWho::RUSAGE_THREAD)),
            program,
            absorb: accounting.absorb.as_secs_f64(),
            translate: accounting.translate.as_secs_f64(),
        }
    }

    /// All seconds by what they were spent on, in words; the trace is sealed.
    pub fn seconds(&self, status: &PipelineStatus) -> String {
        let of = |nanoseconds: &AtomicU64| nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
        let times = &status.times;
        let all = [
            ("recording", self.recording),
            ("sealing", self.begun.elapsed().as_secs_f64()),
            ("program's own code", self.program.user),
            ("program in the kernel", self.program.system),
            ("engine's own code", self.engine.user),
            ("engine in the kernel", self.engine.system),
            ("engine absorbs", self.absorb),
            ("engine translates", self.translate),
            ("engine blocked", of(&times.blocked)),
            ("workers encode", of(&times.encode)),
            ("workers compress", of(&times.compress)),
            ("workers idle", of(&times.idle)),
            ("writer writes", of(&times.write)),
        ];
        list(all.iter().map(|(name, seconds)| format!("{name} {seconds:.3}")))
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_counts_under_its_own_name() {
        for (index, (cause, name)) in CAUSES.iter().enumerate() {
            assert_eq!(*cause as usize, index);
            let mut accounting = Accounting::default();
            accounting.stopped_for(*cause);
            accounting.stopped_for(*cause);
            let told = accounting.stops();
            let others = CAUSES.iter().filter(|(other, _)| other != cause);
            assert!(told.contains(&format!("{name} 2")), "{told}");
            assert!(others.map(|(_, n)| format!("{n} 0")).all(|zero| told.contains(&zero)));
        }
    }
}
