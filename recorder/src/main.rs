//! rdb-record: records a program.

use rdb_recorder::record::record;
use rdb_recorder::{cli, index};
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let options = cli::parse(&arguments).unwrap_or_else(|error| error.exit());
    let cpus = index::own_cpus();
    match record(&options, &arguments) {
        Ok(code) => {
            if options.index {
                index::make(&options.trace(), cpus);
            }
            ExitCode::from(code)
        }
        Err(failure) => {
            rdb_recorder::say(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}
