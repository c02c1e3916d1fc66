//! What was written, shown by the variable's type: records, strings and wide numbers as `print`
//! shows them before and after.

use rdb_tests::binaries::binaries;
use rdb_tests::explorer::Explorer;
use rdb_tests::fixture::Fixture;
use rdb_tests::process::{LIMIT, run};
use rdb_tests::recording::recording;
use rdb_tests::tools::require_tool;
use std::process::Command;

fn explorer() -> Explorer {
    recording("modified").explore()
}

/// The last write to a variable before the end: what it held before, and afterwards.
fn last_change(variable: &str) -> (String, String) {
    let end = Fixture::load("modified").place("end");
    let list = format!("mod list -c 1 -w past {variable}");
    let answer = explorer().last(&[&format!("break {end}"), "continue", &list]);
    let row = answer.get("modifications")[0].clone();
    let text = |name: &str| row[name].as_str().unwrap_or_else(|| panic!("{row:?}")).to_owned();
    (text("old_value"), text("new_value"))
}

#[test]
fn values_are_shown_by_their_type() {
    let pair = |left| format!("{{left = {left}, right = 2}}");
    assert_eq!(last_change("pair"), (pair(1), pair(3)));
    assert_eq!(last_change("name").1, "\"two\"");
    assert_eq!(last_change("wide").1, u128::MAX.to_string());
    let (old, new) = last_change("text");
    assert!(old.ends_with(" \"first\"") && new.ends_with(" \"second\""), "{old} {new}");
}

#[test]
fn the_values_fit_the_terminal() {
    let Some(script) = require_tool("script") else { return };
    let explore = binaries().explore.display().to_string();
    let trace = recording("modified").trace;
    let ask = format!("stty cols 80; {explore} {} -c rend -c 'mod list pair'", trace.display());
    let mut command = Command::new(&script);
    command.args(["-q", "-e", "-c", &ask, "/dev/null"]).env("NO_COLOR", "1");
    let shown = run(command, b"", LIMIT).stdout_text();
    let row = shown
        .lines()
        .find(|line| line.contains("{left = 3, "))
        .unwrap_or_else(|| panic!("{shown}"));
    assert!(row.trim_end().chars().count() <= 80, "{shown}");
}

#[test]
fn watchpoints_show_what_the_list_shows() {
    for variable in ["pair", "name", "text", "wide"] {
        let watch = format!("watch {variable}");
        // The stop may be in a library, whose code knows the name by its file only.
        let list = format!("mod list -c 1 -w past modified.cpp::{variable}");
        let answers = explorer().ask(&["break main", "continue", &watch, "continue", &list]);
        let (stop, row) = (answers[3].get("stop"), &answers[4].get("modifications")[0]);
        assert_eq!(stop["reason"], "watch", "{variable}");
        for field in ["tracepoint", "old_value", "new_value"] {
            assert!(!stop[field].is_null(), "{variable}: {stop}");
            assert_eq!(stop[field], row[field], "{variable}");
        }
    }
}
