//! Short programs, of which the start is what one waits for, and one with many system calls.

use crate::busy;
use crate::subject::{Bars, Subject};
use rdb_tests::compile::must_run;
use rdb_tests::guest::Guest;
use rdb_tests::measure::programs::{CALLS_A_ROUND, SYSCALLS};
use rdb_tests::measure::report::Bar;
use rdb_tests::tools::{require_tool, system_python};
use std::path::Path;
use std::process::Command;

/// Commits of the repository whose log is shown.
const COMMITS: usize = 20;

/// Files of the folder that is listed, and folders they lie in.
const FILES: usize = 10_000;
const FOLDERS: usize = 100;

/// Rows that are inserted.
const INSERTS: usize = 1000;

/// Rounds of system calls.
const ROUNDS: usize = 50_000;

fn bars() -> Bars {
    Bars { beyond: Bar::AtMost(0.5), ..Bars::default() }
}

/// Python, doing nothing.
pub fn python(name: &'static str) -> Option<Subject> {
    let guest = Guest::system(system_python()?, &["-c", "pass"]);
    Some(Subject::new(name, guest, bars()))
}

/// The log of a small repository.
pub fn git(name: &'static str) -> Option<Subject> {
    let guest = Guest::system(require_tool("git")?, &["-C", "repository", "log", "--stat"]);
    let repository = guest.directory().join("repository");
    std::fs::create_dir(&repository).expect("failed to create a folder");
    let git = |words: &[&str]| must_run(repository_command(&guest, &repository).args(words));
    git(&["init", "-q"]);
    for number in 0..COMMITS {
        let file = repository.join(format!("file-{}", number % 5));
        std::fs::write(file, format!("{number}\n").repeat(number + 1)).expect("failed to write");
        git(&["add", "."]);
        git(&["commit", "-q", "-m", &format!("change {number}")]);
    }
    Some(Subject::new(name, guest, bars()))
}

fn repository_command(guest: &Guest, repository: &Path) -> Command {
    let mut command = guest.surroundings(Command::new(&guest.program));
    command.current_dir(repository);
    command.args(["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]);
    command
}

/// A thousand inserts into a file, in one transaction.
pub fn inserts(name: &'static str) -> Option<Subject> {
    sqlite(name, "begin;", "commit;")
}

/// A thousand inserts into a file, each a transaction of its own: many system calls. Waiting for
/// the disk, which both runs would do, is left out.
pub fn commits(name: &'static str) -> Option<Subject> {
    sqlite(name, "pragma synchronous = off;", "")
}

fn sqlite(name: &'static str, before: &str, behind: &str) -> Option<Subject> {
    let guest = Guest::system(require_tool("sqlite3")?, &["rows.db", ".read inserts.sql"]);
    let insert = |row: usize| format!("insert into t values ({row}, 'row {row}');\n");
    let inserts: String = (0..INSERTS).map(insert).collect();
    let table = "create table t (a integer primary key, b text);";
    let script = format!("{table}\n{before}\n{inserts}{behind}\n");
    std::fs::write(guest.directory().join("inserts.sql"), script).expect("failed to write");
    let prepare = |folder: &Path| {
        let _ = std::fs::remove_file(folder.join("rows.db"));
    };
    Some(Subject { prepare, ..Subject::new(name, guest, bars()) })
}

/// Short system calls: what each costs is what a buffer in the program could save.
pub fn syscalls(name: &'static str) -> Option<Subject> {
    let guest = busy::compiled(SYSCALLS, &ROUNDS.to_string());
    let calls = Some(ROUNDS * CALLS_A_ROUND);
    Some(Subject { calls, ..Subject::new(name, guest, Bars::default()) })
}

/// A long listing of ten thousand files.
pub fn ls(name: &'static str) -> Option<Subject> {
    let guest = Guest::system(require_tool("ls")?, &["-lR", "files"]);
    for folder in 0..FOLDERS {
        let path = guest.directory().join(format!("files/{folder}"));
        std::fs::create_dir_all(&path).expect("failed to create a folder");
        for file in 0..FILES / FOLDERS {
            std::fs::write(path.join(format!("file-{file}")), "").expect("failed to write");
        }
    }
    let bars = Bars { slowdown: Bar::AtMost(30.0), ..Bars::default() };
    Some(Subject::new(name, guest, bars))
}
