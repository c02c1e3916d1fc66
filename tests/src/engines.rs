//! The recording engines against each other: recordings of one program that have to be equal.

use crate::guest::Guest;
use crate::recording::Recording;
use rdb_explorer::compare::{Comparison, compare};
use rdb_explorer::timeline::Timeline;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The engine that the others have to agree with.
pub const REFERENCE: &[&str] = &["--engine", "step"];

/// The engines that have to agree with it, by the options that choose them: with a short log, much
/// of a short program runs in superblocks.
pub const ENGINES: &[&[&str]] =
    &[&["--engine", "auto"], &["--engine", "auto", "--log-bytes", "8192"]];

/// Attempts to record a program with process ids of as many digits.
const ATTEMPTS: usize = 5;

/// A recording by one engine, kept outside of the guest's folder.
pub struct Kept {
    /// The recording.
    pub recording: Recording,
    _directory: TempDir,
}

/// Records a guest with an engine, and leaves its working directory empty.
pub fn record(guest: &Guest, engine: &[&str]) -> Kept {
    let mut recording = guest.record(engine);
    let directory = tempfile::tempdir().expect("failed to create a folder");
    let trace = directory.path().join("run.trace");
    std::fs::copy(&recording.trace, &trace)
        .unwrap_or_else(|error| panic!("no recording by {engine:?}: {error}: {recording:?}"));
    recording.trace = trace;
    empty(guest.directory());
    Kept { recording, _directory: directory }
}

/// Compares two traces.
pub fn compared(left: &Path, right: &Path) -> Result<Comparison, String> {
    let open = |path: &Path| Timeline::open(path).map_err(|error| error.to_string());
    compare(&open(left)?, &open(right)?, &|| false).map_err(|error| error.to_string())
}

/// How many digits the process ids have that a recorded program sees: its own and its parent's.
/// Shells write them to variables, digit by digit; and ids begin anew behind the largest one
/// (proc_sys_kernel(5), pid_max), so that two recordings may differ in it.
fn digits(kept: &Kept) -> [usize; 2] {
    let timeline = Timeline::open(&kept.recording.trace).expect("a trace");
    let start = &timeline.header().start;
    [start.process, start.parent].map(|id| id.to_string().len())
}

/// Records a guest with the reference and every engine, and `options`; in words, what differs
/// first. Traces that differ are kept in `keep`.
pub fn disagreement(guest: &Guest, options: &[&str], keep: &Path, name: &str) -> Option<String> {
    let with = |engine: &[&str]| record(guest, &[engine, options].concat());
    let mut reference = with(REFERENCE);
    ENGINES.iter().find_map(|engine| {
        let mut other = with(engine);
        for _ in 0..ATTEMPTS {
            if digits(&other) == digits(&reference) {
                break;
            }
            (reference, other) = (with(REFERENCE), with(engine));
        }
        let found = compared(&reference.recording.trace, &other.recording.trace);
        let said = match found {
            Ok(Comparison { difference: None, .. }) => return None,
            Ok(Comparison { difference, .. }) => format!("{difference:?}"),
            Err(error) => error,
        };
        let keep = |trace: &Path, engine: &[&str], which: u32| -> PathBuf {
            let engine = engine.join("").replace("--", ".");
            let path = keep.join(format!("{name}.{which}{engine}.trace"));
            std::fs::create_dir_all(keep).expect("a folder for traces");
            std::fs::copy(trace, &path).expect("failed to keep a trace");
            path
        };
        let left = keep(&reference.recording.trace, REFERENCE, 1);
        let right = keep(&other.recording.trace, engine, 2);
        let (left, right) = (left.display(), right.display());
        Some(format!("{name}: rdb-explore {left} compare {right}\n{said}"))
    })
}

fn empty(directory: &Path) {
    for entry in std::fs::read_dir(directory).expect("a readable folder").flatten() {
        let path = entry.path();
        let removed = if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        removed.expect("failed to empty a guest's folder");
    }
}
