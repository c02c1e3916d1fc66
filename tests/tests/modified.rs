//! What was written, shown by the variable's type: records, strings and wide numbers as `print`
//! shows them before and after.

use rdb_tests::binaries::binaries;
use rdb_tests::compile::must_run;
use rdb_tests::explorer::Explorer;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
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

/// The third call of a function at the line that writes its local variable `result`.
fn third_call() -> Vec<String> {
    let call = Fixture::load("reload").place("call");
    let mut commands = vec![format!("break {call}")];
    commands.extend(vec!["continue".to_owned(); 3]);
    commands
}

#[test]
fn of_a_local_variable_only_its_own_frame_is_listed() {
    let mut commands = third_call();
    let asked =
        ["mod list result", "mod list -c 0 result", "reads result", "mod list -c 0 &result"];
    commands.extend(asked.map(str::to_owned));
    let answers = recording("reload").explore().ask(&commands);
    let [.., list, total, reads, place] = &answers[..] else { panic!("{answers:?}") };
    let rows = list.get("modifications").as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["function"], "call");
    assert_eq!(total.get("total"), 1);
    let read = reads.get("reads").as_array().expect("rows");
    assert!(!read.is_empty() && read.iter().all(|row| row["function"] == "call"), "{read:?}");
    assert!(place.get("total").as_u64() > Some(6), "every call writes there: {place:?}");
    let (begin, end) = (&list.get("life")["begin"], &list.get("life")["end"]);
    assert!(begin.as_u64() < rows[0]["tracepoint"].as_u64());
    assert!(rows[0]["tracepoint"].as_u64() < end.as_u64());
}

#[test]
fn the_last_write_to_a_local_variable_is_its_own_frames() {
    let mut commands = third_call();
    commands.extend(["last result", "next", "last result"].map(str::to_owned));
    let (_, answers) = recording("reload").explore().attempt(&commands);
    let [.., stopped, none, _, last] = &answers[..] else { panic!("{answers:?}") };
    let error = none.error.as_deref().unwrap_or_default();
    assert!(error.contains("not written before"), "{error}");
    assert!(error.contains("&result is its place at all times"), "{error}");
    assert_eq!((last.function(), last.line()), (Some("call"), stopped.line()));
}

/// A function whose variable moves from register to register, which are used for other things
/// in between.
const MOVES: &str = r#"
#include <stdio.h>
struct node { long key; struct node *next; };
__attribute__((noipa)) static void see(long x) { __asm__ volatile("" ::"r"(x) : "memory"); }
__attribute__((noipa)) static long walk(struct node *p, long k)
{
    long sum = p->key; // MARK: walk
    p->key = k;
    see(sum);
    p->key += 5;
    see(p->key);
    p = p->next;
    sum += p->key;
    p->key = 1;
    see(sum);
    return sum;
}
int main(void)
{
    struct node last = {7, 0}, first = {3, &last};
    printf("%ld\n", walk(&first, 100));
    return 0;
}
"#;

/// How many instructions the function and what it calls have, at most.
const STEPS: usize = 40;

#[test]
fn of_a_variable_in_registers_only_writes_while_they_are_its_own_are_listed() {
    for level in ["-O1", "-O2"] {
        let mut guest = Guest::system("", &[]);
        let source = guest.directory().join("moves.c");
        std::fs::write(&source, MOVES).expect("a source");
        guest.program = guest.directory().join("moves");
        let mut gcc = Command::new("gcc");
        must_run(gcc.args(["-g", level]).arg(&source).arg("-o").arg(&guest.program));
        let explorer = guest.record(&[]).explore();
        let mut commands = vec!["break walk".to_owned(), "continue".to_owned()];
        commands.extend(["mod list p", "watch p"].map(str::to_owned));
        commands.extend(["print p", "where", "stepi"].repeat(STEPS).into_iter().map(str::to_owned));
        let (_, answers) = explorer.attempt(&commands);
        // What it holds from instruction to instruction, while its function runs.
        let steps = answers[4..].chunks(3);
        let steps = steps.filter(|step| step[1].function() == Some("walk") && step[0].ok);
        let held: Vec<(u64, &str)> = steps
            .map(|step| (step[1].tracepoint(), step[0].get("value").as_str().unwrap_or_default()))
            .filter(|(_, value)| value.contains("0x"))
            .collect();
        let changes = held.windows(2).filter(|pair| pair[0].1 != pair[1].1);
        let changes: Vec<(u64, &str, &str)> =
            changes.map(|pair| (pair[1].0 - 1, pair[0].1, pair[1].1)).collect();
        assert_eq!(changes.len(), 1, "{level}: {held:?}");
        let rows = answers[2].get("modifications").as_array().expect("rows");
        let differ = rows.iter().filter(|row| row["old_value"] != row["new_value"]);
        let listed: Vec<(u64, &str, &str)> = differ
            .map(|row| {
                let text = |name: &str| row[name].as_str().unwrap_or_default();
                let t = row["tracepoint"].as_u64().unwrap_or_default();
                (t, text("old_value"), text("new_value"))
            })
            .collect();
        assert_eq!(listed, changes, "{level}: {rows:?}");
        let stops = explorer.ask(&["break walk", "continue", "watch p", "continue", "continue"]);
        assert_eq!(stops[3].reason(), "watch", "{level}");
        assert_eq!(stops[3].get("stop")["tracepoint"], changes[0].0, "{level}");
        assert_eq!(stops[4].reason(), "scope", "{level}");
    }
}
