//! Programs of the system, recorded: same output and status, nothing unexplained.

use rdb_tests::guest::Guest;
use rdb_tests::tools::{cc1, python, require_tool};

/// Programs that take too long to step to their end are recorded for so many instructions.
const STOP_AFTER: &str = "300000";

fn check(guest: &Guest, options: &[&str]) {
    let mut all = vec!["--audit"];
    all.extend(options);
    let recorded = guest.record(&all);
    let unrecorded = guest.unrecorded();
    let name = guest.program.display();
    let said = recorded.output.stderr_text();
    assert_eq!(recorded.output.stdout_text(), unrecorded.stdout_text(), "{name}");
    assert_eq!(recorded.guest_stderr(), unrecorded.stderr_text(), "{name}");
    assert_eq!(recorded.output.code(), unrecorded.code(), "{name}: {said}");
    assert!(said.contains("audit: 0 bytes unexplained"), "{name}: {said}");
    let last = recorded.explore().last(&["replay-until-end"]);
    assert_eq!(last.tracepoint(), recorded.instructions(), "{name}");
}

#[test]
fn true_is_recorded() {
    check(&Guest::system("/bin/true", &[]), &[]);
}

#[test]
fn false_is_recorded() {
    check(&Guest::system("/bin/false", &[]), &[]);
}

#[test]
fn ls_is_recorded() {
    check(
        &Guest::system("/bin/ls", &["-l", "/usr/share/zoneinfo/Antarctica"]),
        &["--stop-after", "1000000"],
    );
}

#[test]
fn a_shell_pipeline_is_recorded() {
    check(&Guest::system("/bin/sh", &["-c", "echo one two | wc -w; exit 6"]), &[]);
}

#[test]
fn sqlite_is_recorded_to_a_limit_and_runs_on() {
    let Some(sqlite) = require_tool("sqlite3") else { return };
    check(&Guest::system(sqlite, &[":memory:", "select 1"]), &["--stop-after", STOP_AFTER]);
}

#[test]
fn python_is_recorded_to_a_limit_and_runs_on() {
    let Some(python) = python() else { return };
    let guest = Guest::system(python, &["-c", "print(sum(range(1000)))"]);
    check(&guest, &["--stop-after", STOP_AFTER]);
}

#[test]
fn a_compiler_is_recorded_to_a_limit_and_runs_on() {
    let Some(compiler) = cc1() else { return };
    let guest = Guest::system(compiler, &["-quiet", "small.c", "-o", "-"]);
    let source = "int main(void) { return 0; }\n";
    std::fs::write(guest.directory().join("small.c"), source).expect("failed to write a source");
    check(&guest, &["--stop-after", STOP_AFTER]);
}

#[test]
fn a_recording_stopped_early_ends_exactly_there() {
    let guest = Guest::system("/bin/echo", &["still", "here"]);
    let recorded = guest.record(&["--stop-after", "1000"]);
    assert_eq!(recorded.output.stdout_text(), "still here\n");
    assert_eq!(recorded.output.code(), 0);
    assert_eq!(recorded.instructions(), 1000);
    assert_eq!(recorded.explore().last(&["rend"]).tracepoint(), 1000);
}
