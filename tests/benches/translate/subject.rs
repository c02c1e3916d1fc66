//! Programs to measure, and what is measured of each.

use crate::options::Options;
use crate::profile::Profile;
use crate::run::{Recorded, Run, native, recorded};
use crate::{busy, cold, starts};
use rdb_tests::guest::Guest;
use rdb_tests::measure::report::{Bar, Report};
use rdb_tests::measure::statistics::median;
use std::path::Path;

/// Most MB of the recorder, log included.
const MOST_MEMORY: f64 = 512.0;

/// What a program's figures have to keep to.
pub struct Bars {
    /// Million instructions a second.
    pub rate: Bar,
    /// Recorded time as a multiple of the unrecorded.
    pub slowdown: Bar,
    /// Seconds beyond the unrecorded run.
    pub beyond: Bar,
    /// Bytes of chunk data per instruction.
    pub bytes: Bar,
    /// Million instructions.
    pub length: Bar,
}

impl Default for Bars {
    fn default() -> Bars {
        let none = Bar::None;
        Bars { rate: none, slowdown: none, beyond: none, bytes: none, length: none }
    }
}

/// A program to measure.
pub struct Subject {
    /// Its name in the report.
    pub name: &'static str,
    /// The program.
    pub guest: Guest,
    /// Its bars.
    pub bars: Bars,
    /// Prepares its working directory for each run.
    pub prepare: fn(&Path),
    /// System calls it makes, if they are what it is about.
    pub calls: Option<usize>,
}

impl Subject {
    /// A subject whose runs leave nothing behind.
    pub fn new(name: &'static str, guest: Guest, bars: Bars) -> Subject {
        Subject { name, guest, bars, prepare: |_| {}, calls: None }
    }

    /// Runs it unrecorded, recorded and single-stepped in turn, and reports medians.
    pub fn measure(&self, options: &Options, report: &mut Report, profile: &mut Profile) {
        let mut rounds: Vec<Round> = (0..options.rounds()).map(|_| self.round(options)).collect();
        self.report(&rounds, report);
        rounds.sort_by(|a, b| a.recorded.run.seconds.total_cmp(&b.recorded.run.seconds));
        let middle = rounds.swap_remove((rounds.len() - 1) / 2);
        profile.add(self.name, middle.recorded.timings);
    }

    fn round(&self, options: &Options) -> Round {
        let folder = self.guest.directory();
        (self.prepare)(folder);
        let native = native(&self.guest);
        (self.prepare)(folder);
        let recorded = recorded(&self.guest, &[]);
        (self.prepare)(folder);
        Round { native, recorded, step: stepped(&self.guest, options) }
    }

    fn report(&self, rounds: &[Round], report: &mut Report) {
        let of = |figure: fn(&Round) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
        let (name, bars) = (self.name, &self.bars);
        let differing = rounds.iter().filter(|round| round.differs()).count() as f64;
        report.add(name, "runs that differ from unrecorded ones", differing, Bar::AtMost(0.0));
        report.add(name, "instructions, millions", of(Round::millions), bars.length);
        report.note(name, "unrecorded, s", of(|r| r.native.seconds));
        report.note(name, "recorded, s", of(|r| r.recorded.run.seconds));
        report.add(name, "recorded beyond unrecorded, s", of(Round::beyond), bars.beyond);
        if let Some(calls) = self.calls {
            let each = of(Round::beyond) / calls as f64;
            report.note(name, "beyond unrecorded, µs for each system call", each * 1e6);
        }
        report.add(name, "slowdown, times", of(Round::slowdown), bars.slowdown);
        report.add(name, "million instructions/s", of(Round::rate), bars.rate);
        report.note(name, "stepping, million instructions/s", of(|r| r.step));
        report.note(name, "rate as a multiple of stepping's", of(|r| r.rate() / r.step));
        report.add(name, "bytes of chunks per instruction", of(Round::bytes), bars.bytes);
        report.note(name, "bytes without modules per instruction", of(|r| r.closing_bytes()));
        let memory = Bar::AtMost(MOST_MEMORY);
        report.add(name, "recorder's peak memory, MB", of(|r| r.recorded.run.peak), memory);
    }
}

/// The runs of one round.
struct Round {
    native: Run,
    recorded: Recorded,
    /// Million instructions a second of single-stepping.
    step: f64,
}

impl Round {
    fn differs(&self) -> bool {
        let (native, recorded) = (&self.native, &self.recorded.run);
        native.output != recorded.output || native.succeeded != recorded.succeeded
    }

    fn millions(&self) -> f64 {
        self.recorded.closing.instructions as f64 / 1e6
    }

    fn beyond(&self) -> f64 {
        self.recorded.run.seconds - self.native.seconds
    }

    fn slowdown(&self) -> f64 {
        self.recorded.run.seconds / self.native.seconds
    }

    fn rate(&self) -> f64 {
        self.millions() / self.recorded.run.seconds
    }

    fn bytes(&self) -> f64 {
        self.recorded.chunk_bytes as f64 / self.recorded.closing.instructions as f64
    }

    fn closing_bytes(&self) -> f64 {
        self.recorded.closing.bytes_each
    }
}

/// Single-stepping's rate over a program's first instructions.
fn stepped(guest: &Guest, options: &Options) -> f64 {
    let limit = options.stepped().to_string();
    let closing = recorded(guest, &["--engine", "step", "--stop-after", &limit]).closing;
    closing.instructions as f64 / 1e6 / closing.seconds
}

/// Those asked for, as far as their programs are installed; each is made when its turn comes.
pub fn all(options: &Options) -> impl Iterator<Item = Subject> {
    type Make = fn(&'static str) -> Option<Subject>;
    let makers: [(&'static str, Make); 13] = [
        ("tree", busy::tree),
        ("hash", busy::hash),
        ("script", busy::script),
        ("avx512", busy::avx512),
        ("random", busy::random),
        ("cc1", cold::compiler),
        ("imports", cold::imports),
        ("python3", starts::python),
        ("git", starts::git),
        ("inserts", starts::inserts),
        ("commits", starts::commits),
        ("ls", starts::ls),
        ("syscalls", starts::syscalls),
    ];
    makers.into_iter().filter(|(name, _)| options.wants(name)).filter_map(|(name, make)| make(name))
}
