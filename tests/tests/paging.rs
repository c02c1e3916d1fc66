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

#[test]
fn narrow_tables_keep_the_lines_of_places() {
    let Some(script) = require_tool("script") else { return };
    let trace = &recording("heap").trace;
    for (columns, question) in [(76, "heap"), (64, "calls make"), (60, "calls make")] {
        let explorer = format!(
            "stty cols {columns} && {} {} -c rend -c '{question}'",
            binaries().explore.display(),
            trace.display()
        );
        let mut command = Command::new(&script);
        command.args(["-q", "-e", "-c", &explorer, "/dev/null"]);
        command.env("PAGER", "cat").env("TERM", "dumb").env("NO_COLOR", "1");
        let shown = run(command, b"", LIMIT).stdout_text();
        let is_line = |word: &str| {
            let mut parts = word.rsplit(':');
            word.contains(':') && parts.next().is_some_and(|n| n.parse::<u32>().is_ok())
        };
        let heading = shown.lines().position(|line| line.contains("tracepoint  "));
        let rows = shown.lines().skip(heading.expect("a table") + 1);
        let rows: Vec<&str> = rows.filter(|row| row.contains('#')).collect();
        assert!(rows.len() > 3, "{question}: {shown}");
        for row in rows {
            assert!(row.trim_end().chars().count() <= columns, "{question}: {row}");
            let last = row.split_whitespace().last().unwrap_or_default();
            assert!(is_line(last), "{question}: {row}");
        }
    }
}
