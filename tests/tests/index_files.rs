//! The index beside a trace: what becomes of it when it is damaged, cut, foreign, or cannot be
//! written.

use rdb_tests::binaries::binaries;
use rdb_tests::compile::{Flavour, must_run};
use rdb_tests::explorer::Explorer;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::measure::programs;
use rdb_tests::process::{LIMIT, Running, run};
use rdb_tests::recording::recording;
use rdb_tests::strip::without_versions;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const QUESTION: &[&str] = &["mod list -c 100 seed", "rend", "last seed"];

/// A copy of a recording that nobody else asks.
fn copy(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("run.trace");
    std::fs::copy(&recording(name).trace, &trace).expect("a copy");
    (folder, trace)
}

fn index(trace: &Path) -> PathBuf {
    trace.with_extension("trace.index")
}

/// What the explorer answers, and what it says besides.
fn ask(trace: &Path) -> (String, String) {
    let output = Explorer::new(trace).text(QUESTION);
    assert_eq!(output.code(), 0, "{}", output.stderr_text());
    (output.stdout_text(), output.stderr_text())
}

#[test]
fn it_is_made_once_and_kept_beside_the_trace() {
    let (folder, trace) = copy("tree");
    let (first, said) = ask(&trace);
    assert_eq!(said, "");
    let made = std::fs::metadata(index(&trace)).expect("an index");
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
    assert_eq!(ask(&trace), (first, String::new()));
    let again = std::fs::metadata(index(&trace)).expect("an index");
    assert_eq!(again.modified().expect("a time"), made.modified().expect("a time"));
    let files = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(files, 2, "nothing else is left");
}

#[test]
fn one_that_cannot_be_used_is_made_anew_with_one_line() {
    let (_folder, trace) = copy("tree");
    let (expected, _) = ask(&trace);
    let whole = std::fs::read(index(&trace)).expect("an index");
    let foreign = {
        let (_other, trace) = copy("recursion");
        Explorer::new(&trace).last(&["mod list $rax"]);
        std::fs::read(index(&trace)).expect("an index")
    };
    let mut newer = whole.clone();
    newer[8] ^= 0x40;
    let cases = [
        ("damaged", whole[..whole.len() / 2].to_vec()),
        ("damaged", whole[..20].to_vec()),
        ("damaged", Vec::new()),
        ("damaged", vec![0; whole.len()]),
        ("another version", newer),
        ("another trace", foreign),
    ];
    for (word, bytes) in cases {
        std::fs::write(index(&trace), bytes).expect("a write");
        let (answer, said) = ask(&trace);
        assert_eq!(answer, expected, "{word}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(word) && said.contains("made anew"), "{word}: {said}");
        assert_eq!(ask(&trace), (expected.clone(), String::new()));
    }
}

#[test]
fn a_pipe_of_its_name_is_not_waited_for() {
    let (_folder, trace) = copy("tree");
    let (expected, _) = ask(&trace);
    std::fs::remove_file(index(&trace)).expect("an index");
    must_run(Command::new("mkfifo").arg(index(&trace)));
    let (answer, said) = ask(&trace);
    assert_eq!(answer, expected);
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_flipped_bit_never_changes_an_answer() {
    let (_folder, trace) = copy("tree");
    let (expected, _) = ask(&trace);
    let whole = std::fs::read(index(&trace)).expect("an index");
    for at in (0..whole.len()).step_by(whole.len() / 40 + 1) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(index(&trace), bytes).expect("a write");
        let (answer, said) = ask(&trace);
        assert_eq!(answer, expected, "byte {at}");
        assert!(
            said.is_empty() || said.lines().count() == 1 && said.contains("made anew"),
            "{said}"
        );
    }
}

#[test]
fn what_memory_holds_is_in_it_too() {
    let mut guest = Guest::system("", &["2"]);
    guest.program = programs::build(programs::PAGES, guest.directory());
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
    let trace = without_versions_of(&recording.trace);
    let questions = ["rend", "print counter", "x/400xg hot", "x/16xg $sp"];
    let ask = || Explorer::new(&trace).text(&questions);
    let elsewhere = ["rend", "print 2 + 2", "print $rsp", "print &counter", "registers"];
    assert!(Explorer::new(&trace).text(&elsewhere).stdout_text().contains("= 4"));
    assert!(!index(&trace).exists(), "none of them asked what memory holds");
    let expected = Explorer::new(&recording.trace).text(&questions).stdout_text();
    assert!(expected.contains("= 60000"), "{expected}");
    assert_eq!(ask().stdout_text(), expected);
    let whole = std::fs::read(index(&trace)).expect("an index");
    assert_eq!(ask().stdout_text(), expected);
    assert_eq!(std::fs::read(index(&trace)).expect("an index"), whole, "it was not made again");
    for at in (0..whole.len()).step_by(whole.len() / 8 + 1) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(index(&trace), bytes).expect("a write");
        assert_eq!(ask().stdout_text(), expected, "byte {at}");
    }
}

/// A trace beside `trace` in which the recorder kept no pages.
fn without_versions_of(trace: &Path) -> PathBuf {
    let stripped = trace.with_file_name("stripped.trace");
    without_versions(trace, &stripped);
    stripped
}

#[test]
fn where_nothing_can_be_written_it_is_kept_elsewhere() {
    let (folder, trace) = copy("tree");
    let (expected, _) = ask(&trace);
    std::fs::remove_file(index(&trace)).expect("an index");
    // A folder of that name keeps everybody from making the file, root too.
    std::fs::create_dir(index(&trace)).expect("a folder");
    std::fs::write(index(&trace).join("occupied"), "").expect("a file");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o500)).expect("permissions");
    let (answer, said) = ask(&trace);
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).expect("permissions");
    assert_eq!(answer, expected);
    assert!(said.lines().count() <= 1, "{said}");
}

#[test]
fn rdb_record_makes_it_if_asked_to() {
    let guest = Guest::fixture(&Fixture::load("crash_kill"), Flavour::O0);
    let plain = guest.record(&[]);
    assert!(!index(&guest.trace()).exists());
    let indexed = guest.record(&["--index"]);
    assert_eq!(indexed.output.code(), plain.output.code(), "the program's own exit status");
    assert_eq!(indexed.output.stdout_text(), plain.output.stdout_text());
    let made = std::fs::metadata(index(&guest.trace())).expect("an index");
    ask_something(&guest.trace());
    let used = std::fs::metadata(index(&guest.trace())).expect("an index");
    assert_eq!(used.modified().expect("a time"), made.modified().expect("a time"));
}

fn ask_something(trace: &Path) {
    Explorer::new(trace).last(&["executions -c 1 main"]);
}

#[test]
fn rdb_record_says_so_where_no_explorer_is() {
    let alone = tempfile::tempdir().expect("a folder");
    let recorder = alone.path().join("rdb-record");
    std::fs::copy(&binaries().record, &recorder).expect("a copy");
    let mut command = Command::new(&recorder);
    command.current_dir(alone.path()).env("PATH", "/nowhere");
    command.args(["--index", "/bin/true"]);
    let output = run(command, b"", LIMIT);
    assert_eq!(output.code(), 0);
    let said = output.stderr_text();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("no index was made")).collect();
    assert!(matches!(lines.as_slice(), [line] if line.contains("nor on PATH")), "{said}");
}

#[test]
fn ctrl_c_stops_making_it_and_leaves_nothing() {
    let mut guest = Guest::system("", &["100"]);
    guest.program = programs::build(programs::PAGES, guest.directory());
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
    let names = || {
        let files = std::fs::read_dir(guest.directory()).expect("a folder");
        files.map(|file| file.expect("a file").file_name().into_string().expect("a name"))
    };
    let before: BTreeSet<String> = names().collect();
    let mut command = Command::new(&binaries().explore);
    command.arg(&recording.trace).args(["-c", "index", "-c", "info"]);
    let mut running = Running::start(command, b"", LIMIT);
    // It has no name until it is whole (open(2), O_TMPFILE).
    let files = format!("/proc/{}/fd", running.id());
    let is_made = || {
        let open = std::fs::read_dir(&files).into_iter().flatten().flatten();
        let mut targets = open.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.any(|to| to.starts_with(guest.directory()) && to.to_string_lossy().contains('#'))
    };
    running.wait_until("an index in the making", is_made);
    running.signal(libc::SIGINT);
    let output = running.finish();
    assert_eq!(output.code(), 1, "{}", output.stderr_text());
    assert!(output.stderr_text().contains("interrupted"), "{}", output.stderr_text());
    assert_eq!(output.stdout_text(), "", "what follows is not run");
    assert_eq!(names().collect::<BTreeSet<_>>(), before);
    let made = Explorer::new(&recording.trace).last(&["index"]);
    assert_eq!(made.get("kept"), true);
    assert!(index(&recording.trace).exists());
}
