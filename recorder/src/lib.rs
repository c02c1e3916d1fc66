//! The recorder: runs a program and writes down every state it passes through.

pub mod accounting;
pub mod affinity;
mod audit;
pub mod capture;
pub mod children;
pub mod cli;
mod compare;
mod contents;
pub mod encode;
pub mod engine;
pub mod index;
pub mod launch;
pub mod model;
pub mod os;
mod output;
pub mod progress;
pub mod record;
pub mod recording;
mod snapshot;
pub mod tracee;

use std::io::Write;

/// Says something to the person at the terminal; the program's own output stays
/// untouched.
pub fn say(words: &str) {
    // Where nobody can hear it, the recording goes on all the same.
    let _ = writeln!(std::io::stderr(), "rdb-record: {words}");
}
