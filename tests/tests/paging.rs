//! Long answers at the prompt, on a terminal.

use rdb_tests::binaries::binaries;
use rdb_tests::process::{LIMIT, run};
use rdb_tests::recording::recording;
use rdb_tests::tools::require_tool;
use std::process::Command;

/// What a terminal shows of a session.
fn session(pager: &str, input: &str) -> String {
    let script = require_tool("script").expect("looked for before");
    let trace = &recording("recursion").trace;
    let explorer = format!("{} {}", binaries().explore.display(), trace.display());
    let mut command = Command::new(script);
    command.args(["-q", "-e", "-c", &explorer, "/dev/null"]);
    command.env("PAGER", pager).env("TERM", "dumb").env("NO_COLOR", "1");
    run(command, input.as_bytes(), LIMIT).stdout_text()
}

#[test]
fn long_answers_go_to_the_pager() {
    if require_tool("script").is_none() {
        return;
    }
    let pager = "sed s/^/paged:/";
    let shown = session(pager, "executions -c 40 fibonacci\nwhere\nquit\n");
    let paged = shown.lines().filter(|line| line.contains("paged:")).count();
    assert_eq!(paged, 42, "the heading, 40 rows, and that there are more: {shown}");
    let shown = session(pager, "set pagination off\nexecutions -c 40 fibonacci\nquit\n");
    assert!(!shown.contains("paged:") && shown.contains("fibonacci+"), "{shown}");
    let shown = session("/nowhere/pager", "executions -c 40 fibonacci\nquit\n");
    assert!(shown.lines().filter(|line| line.contains("recursion.c:")).count() >= 40, "{shown}");
}
