//! The index beside a trace: what becomes of it when it is damaged, cut, foreign, or cannot be
//! written.

use rdb_tests::explorer::Explorer;
use rdb_tests::recording::recording;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
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
