//! Tables on narrow terminals.

use rdb_tests::binaries::binaries;
use rdb_tests::process::{LIMIT, run};
use rdb_tests::recording::recording;
use rdb_tests::tools::require_tool;
use std::process::Command;

#[test]
fn mappings_fit_narrow_terminals_and_keep_the_ends_of_their_names() {
    let Some(script) = require_tool("script") else { return };
    let explore = binaries().explore.display().to_string();
    let trace = recording("hello").trace;
    let rows = |columns: usize| {
        let ask = format!("stty cols {columns}; {explore} {} -c rend -c maps", trace.display());
        let mut command = Command::new(&script);
        command.args(["-q", "-e", "-c", &ask, "/dev/null"]).env("NO_COLOR", "1");
        let shown = run(command, b"", LIMIT).stdout_text();
        let rows: Vec<String> = shown
            .lines()
            .filter(|line| line.starts_with("0x"))
            .map(|l| l.trim_end().into())
            .collect();
        assert!(!rows.is_empty(), "{shown}");
        rows
    };
    for columns in [60, 70, 80] {
        let rows = rows(columns);
        assert!(rows.iter().all(|row| row.chars().count() <= columns), "{rows:?}");
        let ends = ["/hello", "libc.so.6", "[heap]", "[stack]"];
        for end in ends {
            assert!(rows.iter().any(|row| row.ends_with(end)), "{end} of {columns}: {rows:?}");
        }
    }
}
