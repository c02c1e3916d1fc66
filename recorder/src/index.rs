//! The index of a new trace: the explorer makes it, as a program of its own.

use crate::say;
use crate::tracee::sys::{self, CpuSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The program that makes indexes.
const EXPLORER: &str = "rdb-explore";

/// The CPUs this thread may use: to be asked before recording, which takes some away.
pub fn own_cpus() -> Option<CpuSet> {
    CpuSet::of(0).ok()
}

/// Makes the index of `trace` on `cpus`. A failure is told, and is none of the recording's.
pub fn make(trace: &Path, cpus: Option<CpuSet>) {
    if !trace.is_file() {
        return say("no index was made: there is no whole trace");
    }
    if let Some(cpus) = cpus {
        let _ = cpus.apply(0);
    }
    let explorer = beside_this_program().unwrap_or_else(|| EXPLORER.into());
    match run(&explorer, trace) {
        Ok(status) if status.success() => {}
        Ok(status) => say(&format!("no index was made: {EXPLORER} ended with {status}")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            say(&format!("no index was made: {EXPLORER} is neither beside rdb-record nor on PATH"))
        }
        Err(error) => say(&format!("no index was made: failed to run {EXPLORER}: {error}")),
    }
}

/// Ctrl-C stops it; this program stays, for the recorded one's exit status.
fn run(explorer: &Path, trace: &Path) -> io::Result<ExitStatus> {
    sys::set_disposition(libc::SIGINT, false);
    let child = Command::new(explorer)
        .arg(trace)
        .args(["-c", "index"])
        .stdin(Stdio::null())
        // Standard output is the recorded program's.
        .stdout(Stdio::null())
        .spawn();
    sys::set_disposition(libc::SIGINT, true);
    child?.wait()
}

fn beside_this_program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let explorer = own.parent()?.join(OsStr::new(EXPLORER));
    explorer.is_file().then_some(explorer)
}
