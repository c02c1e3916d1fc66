//! Lists of more rows than are held at a time: nothing is left out, and what is said of them is
//! true.

use rdb_tests::compile::must_run;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::guest::Guest;
use std::path::PathBuf;
use std::process::Command;

/// Writes `counter` 1,200,000 times, and changes it each 400,000th time.
const PROGRAM: &str = "\
volatile unsigned counter;
int main(void) {
    for (unsigned i = 0; i < 1200000; i++)
        counter = i / 400000;
    return 0;
}
";

const WRITES: usize = 1_200_000;

/// The program, whose folder has the trace.
fn record(program: &str) -> (Guest, PathBuf) {
    let mut guest = Guest::system("", &[]);
    let source = guest.directory().join("writes.c");
    std::fs::write(&source, program).expect("failed to write the program");
    guest.program = guest.directory().join("writes");
    must_run(Command::new("gcc").args(["-g", "-O1", "-o"]).arg(&guest.program).arg(&source));
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
    let trace = recording.trace.clone();
    (guest, trace)
}

/// The tracepoints of a list's rows, and the line below them.
fn rows(explorer: &Explorer, commands: &[&str]) -> (Vec<u64>, Option<String>) {
    let answer = explorer.text(commands);
    assert_eq!(answer.code(), 0, "{}", answer.stderr_text());
    let text = answer.stdout_text();
    let tracepoint = |line: &str| {
        let word = line.split_whitespace().find_map(|word| word.strip_prefix('#'))?;
        word.replace(',', "").parse().ok()
    };
    let heading = text.lines().position(|line| line.trim_start().starts_with("tracepoint"));
    let below = |line: &&str| tracepoint(line).is_none();
    let mut list = text.lines().skip(heading.expect("a heading") + 1);
    let tracepoints = list.by_ref().map_while(tracepoint).collect();
    let last = text.lines().last().filter(below);
    (tracepoints, last.map(str::to_owned))
}

#[test]
fn long_lists_are_whole_and_cut_where_asked() {
    let (_guest, trace) = record(PROGRAM);
    let explorer = Explorer::new(&trace);
    let (all, below) = rows(&explorer, &["mod list -c 3000000 &counter"]);
    let loops = all.len() - WRITES;
    assert!(loops <= 1, "{loops} mappings besides");
    assert!(all.is_sorted_by(|a, b| a < b) && below.is_none(), "{below:?}");
    let (some, below) = rows(&explorer, &["mod list -c 1100000 &counter"]);
    assert_eq!(some, all[..1_100_000]);
    assert!(below.expect("a line below").starts_with("There are more: -c N"));
}

#[test]
fn long_lists_lie_around_the_cursor() {
    let (_guest, trace) = record(PROGRAM);
    let explorer = Explorer::new(&trace);
    let (all, _) = rows(&explorer, &["mod list -c 3000000 &counter"]);
    let middle = all.len() / 2;
    let cursor = format!("jump {}", all[middle]);
    for (list, kept) in [
        ("mod list -c 100000", middle - 100_000..middle + 100_000),
        ("mod list -c 100000 -w past", middle - 100_000..middle),
        ("mod list -c 100000 -w future", middle..middle + 100_000),
        ("mod list -c 2000000", 0..all.len()),
    ] {
        let (found, below) = rows(&explorer, &[&cursor, &format!("{list} &counter")]);
        assert!(found == all[kept.clone()], "{list}: {} rows", found.len());
        assert_eq!(below.is_some(), kept != (0..all.len()), "{list}: {below:?}");
    }
}

#[test]
fn long_lists_are_one_object_as_json() {
    let (_guest, trace) = record(PROGRAM);
    let explorer = Explorer::new(&trace);
    let answer = explorer.last(&["mod list -c 70000 &counter"]);
    assert_eq!(answer.get("modifications").as_array().map(Vec::len), Some(70_000));
    assert_eq!((answer.get("more").as_bool(), answer.get("stopped").is_null()), (Some(true), true));
}

/// 400,000 writes that change nothing lie on the way in both directions.
#[test]
fn watchpoints_pass_by_what_changes_nothing() {
    let (_guest, trace) = record(PROGRAM);
    let explorer = Explorer::new(&trace);
    let back = explorer.last(&["rend", "watch counter", "cr"]);
    let forth = explorer.ask(&["watch counter", "c", "c"]);
    let (first, second) = (forth[1].tracepoint(), forth[2].tracepoint());
    assert_eq!(second - 1, back.tracepoint(), "stops before the write, or behind it");
    let times = second - first;
    assert!(times > 400_000 * 3 && times.is_multiple_of(400_000), "{times}");
}

/// Makes 5,000 system calls, and puts a word into each of 10,000 places.
const CALLS: &str = "\
#include <sys/syscall.h>
#include <unistd.h>
volatile unsigned words[20000];
int main(void) {
    for (int i = 0; i < 10000; i++)
        words[i * 2] = 0x1badcafe;
    for (int i = 0; i < 5000; i++)
        syscall(SYS_getppid);
    return 0;
}
";

#[test]
fn system_calls_and_places_of_bytes_are_listed_batch_by_batch() {
    let (_guest, trace) = record(CALLS);
    let explorer = Explorer::new(&trace);
    let calls = |command: &str| explorer.last(&[command]);
    let times = |answer: &Answer| -> Vec<u64> {
        let calls = answer.get("syscalls").as_array().expect("calls").iter();
        calls.map(|call| call["tracepoint"].as_u64().expect("a tracepoint")).collect()
    };
    let all = calls("syscalls -c 99999 --name getppid");
    assert_eq!((times(&all).len(), all.get("more").as_bool()), (5000, Some(false)));
    assert!(all.get("next").is_null() && times(&all).is_sorted_by(|a, b| a < b));
    for count in [3, 4096, 4097, 4999] {
        let some = calls(&format!("syscalls -c {count} --name getppid"));
        assert_eq!(times(&some), times(&all)[..count], "{count}");
        assert_eq!(some.get("next"), times(&all)[count], "{count}");
        assert_eq!(some.get("more"), true, "{count}");
    }
    let places = |answer: &Answer| -> Vec<String> {
        let found = answer.get("found").as_array().expect("places").iter();
        found.map(|one| one["address"].as_str().expect("an address").to_owned()).collect()
    };
    for over in ["", "--over all "] {
        let find =
            |count: usize| explorer.last(&["rend", &format!("find -c {count} {over}fe ca ad 1b")]);
        let all = find(99_999);
        let of_words = |place: &&serde_json::Value| {
            place["symbol"].as_str().is_some_and(|symbol| symbol.starts_with("<words"))
        };
        let found = all.get("found").as_array().expect("places").iter().filter(of_words).count();
        assert_eq!((found, all.get("more").as_bool()), (10_000, Some(false)), "{over}");
        for count in [4096, 4097, 9000] {
            let some = find(count);
            assert_eq!(places(&some), places(&all)[..count], "{over}{count}");
            assert_eq!(some.get("more"), true, "{over}{count}");
        }
    }
    // More than are held of lists that are held whole: zeros in the program's own memory alone.
    let zeros = explorer.text(&["rend", "find -c 1 00", "find -c 0 00"]).stdout_text();
    assert!(zeros.contains("There are more: -c N shows as many as N"), "{zeros}");
}
