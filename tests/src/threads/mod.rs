//! Synthetic traces of several threads and processes: recordings of `coroutines`, whose stacks
//! take turns, told again with a thread for each stack and a process for each recording.
//!
//! What the file says is what a processor did: registers and memory are those of the recording;
//! only where a stack was changed for another does the thread that owns it wait instead. The
//! instruction that changes stacks is left in, with an event that takes its effect back; another
//! event says what the registers are when the thread's next turn comes.

mod cutting;
mod source;
mod turns;
mod writing;

use crate::compile::Flavour;
use crate::explorer::Explorer;
use crate::fixture::Fixture;
use crate::guest::Guest;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub use turns::Turn;

/// A synthetic trace.
pub struct Threads {
    /// The fixture that was recorded.
    pub fixture: Fixture,
    /// Of each process, in the file's order: its id.
    pub processes: Vec<u32>,
    /// Of each process: who ran when, in order.
    pub turns: Vec<Vec<Turn>>,
    /// Of each process: a recording of the same history as one thread.
    pub single: Vec<PathBuf>,
    folder: TempDir,
}

impl Threads {
    /// Records both processes, and writes the trace of both.
    pub fn make() -> Self {
        let fixture = Fixture::load("coroutines");
        let folder = tempfile::tempdir().expect("failed to create a folder");
        let single: Vec<PathBuf> = [&[][..], &["child"]]
            .iter()
            .map(|args| record(&fixture, args, folder.path()))
            .collect();
        let mut sources: Vec<_> = single.iter().map(|path| source::Source::read(path)).collect();
        let parent = sources[0].header.start.process;
        let child = sources[0].child().expect("the program has a child");
        sources[1].header.start.process = child;
        sources[1].header.start.parent = parent;
        let told: Vec<_> = sources.into_iter().map(turns::Told::new).collect();
        writing::write(&folder.path().join("threads.trace"), &told);
        Self {
            fixture,
            processes: vec![parent, child],
            turns: told.into_iter().map(|told| told.turns).collect(),
            single,
            folder,
        }
    }

    /// The trace's path.
    pub fn trace(&self) -> PathBuf {
        self.folder.path().join("threads.trace")
    }

    /// An explorer of it.
    pub fn explore(&self) -> Explorer {
        Explorer::new(&self.trace())
    }

    /// The thread ids of a process, in the order in which they first run.
    pub fn threads(&self, process: usize) -> Vec<u32> {
        let mut found = Vec::new();
        for turn in &self.turns[process] {
            if !found.contains(&turn.thread) {
                found.push(turn.thread);
            }
        }
        found
    }

    /// The tracepoint so many hundredths into the turns of the first process. How many
    /// instructions come before them depends on the machine's processor.
    pub fn amid(&self, percent: u64) -> u64 {
        let turns = &self.turns[0];
        let (first, end) = (turns[1].first, turns[turns.len() - 1].end);
        first + (end - first) * percent / 100
    }

    /// The thread of tracepoint `t` of a process.
    pub fn thread(&self, process: usize, t: u64) -> u32 {
        let turns = &self.turns[process];
        let at = turns.partition_point(|turn| turn.end <= t).min(turns.len() - 1);
        turns[at].thread
    }
}

fn record(fixture: &Fixture, args: &[&str], folder: &Path) -> PathBuf {
    let mut guest = Guest::fixture(fixture, Flavour::Static);
    guest.args = args.iter().map(std::ffi::OsString::from).collect();
    // Of this engine no block goes on behind a jump.
    let made = guest.record(&["--engine", "step"]);
    let path = folder.join(format!("single{}.trace", args.len()));
    std::fs::copy(&made.trace, &path).expect("failed to keep a trace");
    path
}
