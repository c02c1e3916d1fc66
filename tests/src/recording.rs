//! Recordings, and a store of them that tests share: one recording of a fixture serves every
//! test of one build of the recorder.

use crate::binaries::{binaries, target_directory};
use crate::closing::Closing;
use crate::compile::{Flavour, compile, first_flavour};
use crate::explorer::Explorer;
use crate::fixture::Fixture;
use crate::guest::Guest;
use crate::process::Output;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

/// A finished recording.
#[derive(Debug, Clone)]
pub struct Recording {
    /// What `rdb-record` left: the program's output, with the recorder's own lines on stderr.
    pub output: Output,
    /// The trace.
    pub trace: PathBuf,
    /// The fixture recorded, if it is one.
    pub fixture: Option<Fixture>,
}

impl Recording {
    /// An explorer of the trace.
    pub fn explore(&self) -> Explorer {
        Explorer::new(&self.trace)
    }

    /// What the program wrote to standard error: without the recorder's own lines.
    pub fn guest_stderr(&self) -> String {
        self.stderr_lines(false)
    }

    /// What the recorder wrote to standard error.
    pub fn recorder_stderr(&self) -> String {
        self.stderr_lines(true)
    }

    /// The closing line's number of instructions.
    pub fn instructions(&self) -> u64 {
        let text = self.recorder_stderr();
        let closing = Closing::parse(&text);
        closing.unwrap_or_else(|| panic!("no closing line in {text:?}")).instructions
    }

    fn stderr_lines(&self, own: bool) -> String {
        let text = self.output.stderr_text();
        let lines = text.split_inclusive('\n');
        lines.filter(|line| line.starts_with("rdb-record: ") == own).collect()
    }
}

/// The shared recording of a fixture in the first flavour it names, made with `--audit`.
pub fn recording(name: &str) -> Recording {
    let fixture = Fixture::load(name);
    let flavour = first_flavour(&fixture);
    recording_of(&fixture, flavour)
}

/// The shared recording of a fixture in a flavour, made with `--audit`.
pub fn recording_of(fixture: &Fixture, flavour: Flavour) -> Recording {
    type Slot = Arc<OnceLock<Recording>>;
    static MADE: OnceLock<Mutex<HashMap<(String, Flavour), Slot>>> = OnceLock::new();
    let made = MADE.get_or_init(Mutex::default);
    let key = (fixture.name.clone(), flavour);
    let slot = made.lock().expect("no panic holds it").entry(key).or_default().clone();
    slot.get_or_init(|| stored(fixture, flavour)).clone()
}

fn stored(fixture: &Fixture, flavour: Flavour) -> Recording {
    let folder = store().join(key(fixture, flavour));
    if !folder.is_dir() {
        make(fixture, flavour, &folder);
    }
    let output = Output {
        stdout: std::fs::read(folder.join("stdout")).expect("a stored output"),
        stderr: std::fs::read(folder.join("stderr")).expect("a stored output"),
        status: read_status(&folder),
    };
    Recording { output, trace: folder.join("run.trace"), fixture: Some(fixture.clone()) }
}

fn make(fixture: &Fixture, flavour: Flavour, folder: &Path) {
    use std::os::unix::process::ExitStatusExt;
    let guest = Guest::fixture(fixture, flavour);
    let made = guest.record(&["--audit"]);
    let store = folder.parent().expect("the store");
    let fresh = tempfile::Builder::new().prefix("recording").tempdir_in(store);
    let fresh = fresh.expect("failed to create a folder");
    let put = |name: &str, bytes: &[u8]| std::fs::write(fresh.path().join(name), bytes);
    put("stdout", &made.output.stdout).expect("failed to store an output");
    put("stderr", &made.output.stderr).expect("failed to store an output");
    let status = made.output.status.into_raw().to_string();
    put("status", status.as_bytes()).expect("failed to store a status");
    if made.trace.exists() {
        std::fs::copy(&made.trace, fresh.path().join("run.trace"))
            .expect("failed to store a trace");
    }
    // Another process may have been faster: then its folder stays.
    let _ = std::fs::rename(fresh.path(), folder);
}

fn read_status(folder: &Path) -> std::process::ExitStatus {
    use std::os::unix::process::ExitStatusExt;
    let text = std::fs::read_to_string(folder.join("status")).expect("a stored status");
    std::process::ExitStatus::from_raw(text.parse().expect("a number"))
}

/// The folder of this recorder's recordings; those of other builds of it are removed.
fn store() -> PathBuf {
    static STORE: OnceLock<PathBuf> = OnceLock::new();
    STORE.get_or_init(prepare_store).clone()
}

fn prepare_store() -> PathBuf {
    let all = target_directory().join("recordings");
    let recorder = std::fs::read(&binaries().record).expect("the built recorder");
    let mine = all.join(format!("{:016x}", hash(&recorder)));
    if !mine.is_dir() {
        let _ = std::fs::remove_dir_all(&all);
    }
    std::fs::create_dir_all(&mine).expect("failed to create the recordings' store");
    mine
}

fn key(fixture: &Fixture, flavour: Flavour) -> String {
    let program = compile(fixture, flavour);
    let truth = &fixture.truth;
    let id = hash(&(program, &truth.args, &truth.stdin));
    format!("{}-{flavour:?}-{id:016x}", fixture.name)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
