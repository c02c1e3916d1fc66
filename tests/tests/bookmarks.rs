//! Bookmarks, and the session file beside a trace; the names of the tests begin with the row of
//! what rdb has to do at least.

use rdb_explorer::commands;
use rdb_explorer::session::Session;
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::Timeline;
use rdb_tests::binaries::binaries;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::process::{LIMIT, run};
use rdb_tests::recording::recording;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A copy of a recording that nobody else asks.
fn copy(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("run.trace");
    std::fs::copy(&recording(name).trace, &trace).expect("a copy");
    (folder, trace)
}

fn session(trace: &Path) -> PathBuf {
    trace.with_extension("trace.session")
}

/// Names and tracepoints of a list.
fn listed(answer: &Answer) -> Vec<(String, u64)> {
    let bookmarks = answer.get("bookmarks").as_array().expect("a list");
    let name = |b: &serde_json::Value| b["name"].as_str().expect("a name").to_owned();
    bookmarks.iter().map(|b| (name(b), b["tracepoint"].as_u64().expect("a number"))).collect()
}

fn names(trace: &Path) -> Vec<String> {
    let list = Explorer::new(trace).last(&["bm list"]);
    listed(&list).into_iter().map(|(name, _)| name).collect()
}

/// What a prompt on a terminal of its own shows, given lines to type.
fn typed(trace: &Path, lines: &str) -> String {
    let mut command = Command::new("python3");
    let spawn = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) != 0)";
    command.args(["-c", spawn]).arg(&binaries().explore).arg(trace);
    // The history of what was typed is nobody else's.
    command.env("XDG_STATE_HOME", trace.parent().expect("a folder").join("state"));
    command.env("TERM", "dumb").env("NO_COLOR", "1").env_remove("DEBUGINFOD_URLS");
    let output = run(command, format!("{lines}quit\n").as_bytes(), LIMIT);
    assert_eq!(output.code(), 0, "{} {}", output.stdout_text(), output.stderr_text());
    output.stdout_text()
}

#[test]
fn l10_bookmarks_name_tracepoints_and_lead_back_to_them() {
    let (_folder, trace) = copy("tree");
    let tree = Fixture::load("tree");
    let explorer = Explorer::new(&trace);
    let commands = [
        &format!("break {}", tree.place("deeper")),
        "rc",
        "bookmark create -n deeper",
        "bookmark create -t 5",
        "bm create -n \"the end\" -t end",
        "bm list",
        "bm jump 1",
        "bookmark jump deeper",
    ];
    let answers = explorer.ask(&commands);
    let (deeper, end) = (answers[1].tracepoint(), answers[1].end());
    let pair = |name: &str, at: u64| (name.to_owned(), at);
    assert_eq!(listed(&answers[5]), [pair("1", 5), pair("deeper", deeper), pair("the end", end)]);
    let rows = answers[5].get("bookmarks").as_array().expect("a list");
    let marked: Vec<_> = rows.iter().map(|row| row["current"] == true).collect();
    assert_eq!(marked, [false, true, false]);
    assert_eq!(rows[1]["function"], "walk");
    assert_eq!(rows[1]["line"], tree.line("deeper"));
    assert_eq!(&rows[1]["pc"], answers[1].get("pc"));
    assert_eq!(answers[6].tracepoint(), 5);
    assert_eq!(answers[7].tracepoint(), deeper);
    assert_eq!(answers[7].line(), Some(u64::from(tree.line("deeper"))));
    let text = explorer.text(&["bm jump deeper", "bm"]).stdout_text();
    let row = text.lines().find(|line| line.starts_with('*')).expect("the cursor's own");
    let place = format!("tree.c:{}", tree.line("deeper"));
    assert!(row.contains(" deeper ") && row.contains(&place) && row.contains("walk"), "{row}");
}

#[test]
fn l10_bookmarks_are_renamed_moved_and_deleted() {
    let (_folder, trace) = copy("tree");
    let explorer = Explorer::new(&trace);
    explorer.ask(&["bm create a", "bm create b -t 7", "bm create -n c -t 9"]);
    explorer.ask(&["bm rename a \"first of all\"", "bm move b -t 3", "bm delete c"]);
    let pair = |name: &str, at: u64| (name.to_owned(), at);
    assert_eq!(listed(&explorer.last(&["bm"])), [pair("first of all", 0), pair("b", 3)]);
    let answers = explorer.ask(&["jump 12", "bm move b", "goto-bookmark b"]);
    assert_eq!(answers[2].tracepoint(), 12);
    let refused = [
        ("bm create b", "already, at #12"),
        ("bm rename b \"first of all\"", "already, at #0"),
        ("bm jump c", "there are first of all, b"),
        ("bm delete c", "no bookmark \"c\""),
        ("bm create -n x -t 99999999999", "not in this history"),
        ("bm create \"\"", "1 to 100 characters"),
        ("bm frobnicate", "undefined command"),
        ("bm where", "undefined command"),
    ];
    for (command, why) in refused {
        let (output, answers) = explorer.attempt(&[command]);
        let error = answers[0].error.as_deref().unwrap_or_default();
        assert_eq!(output.code(), 1, "{command}");
        assert!(error.contains(why), "{command}: {error}");
    }
    assert_eq!(names(&trace), ["first of all", "b"]);
}

#[test]
fn l10_only_a_change_of_a_bookmark_makes_a_script_write() {
    let (_folder, trace) = copy("tree");
    let explorer = Explorer::new(&trace);
    explorer.ask(&["break main", "watch seed", "display seed", "bm", "rc"]);
    assert!(!session(&trace).exists());
    explorer.ask(&["break main", "bm create here"]);
    let file = std::fs::metadata(session(&trace)).expect("a session");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let list = explorer.last(&["info breakpoints"]);
    assert_eq!(list.get("breakpoints").as_array().map(Vec::len), Some(0));
    let again = std::fs::metadata(session(&trace)).expect("a session");
    assert_eq!(file.modified().expect("a time"), again.modified().expect("a time"));
}

#[test]
fn l10_a_prompt_takes_up_what_was_left() {
    let (_folder, trace) = copy("tree");
    let lines = "break next_random if seed > 1\nbreak main\ndisable 2\nwatch depth_seen\n\
                 display/x seed\nbookmark create -n begin\n";
    typed(&trace, lines);
    let shown = typed(&trace, "info breakpoints\nreplay-continue\nbookmark\n");
    assert!(shown.contains("1 bookmark, 3 breakpoints, 1 display restored"), "{shown}");
    assert!(shown.contains("Breakpoint 1") && shown.contains("next_random"), "{shown}");
    assert!(shown.contains("writes of 4 bytes") && shown.contains("begin"), "{shown}");
    assert!(shown.contains("seed = 0x3039"), "{shown}");
    assert!(shown.contains("only if seed > 1"), "{shown}");
    // Looking changes nothing, the file's time included.
    let modified = || std::fs::metadata(session(&trace)).and_then(|m| m.modified()).ok();
    let before = modified();
    typed(&trace, "info breakpoints\nbookmark jump begin\n");
    assert_eq!(modified(), before);
    // A script's change leaves them alone, and what is deleted stays so.
    Explorer::new(&trace).ask(&["bm rename begin start"]);
    typed(&trace, "delete 1\n");
    let shown = typed(&trace, "");
    assert!(shown.contains("1 bookmark, 2 breakpoints, 1 display restored"), "{shown}");
    assert_eq!(names(&trace), ["start"]);
}

#[test]
fn l10_a_session_that_cannot_be_used_is_kept_under_another_name() {
    let (folder, trace) = copy("tree");
    let explorer = Explorer::new(&trace);
    explorer.ask(&["bm create mine"]);
    let whole = std::fs::read(session(&trace)).expect("a session");
    let foreign = {
        let (_other, trace) = copy("recursion");
        Explorer::new(&trace).ask(&["bm create theirs"]);
        std::fs::read(session(&trace)).expect("a session")
    };
    let newer = String::from_utf8(whole.clone()).expect("text").replace("session 1", "session 2");
    let cases = [
        ("is damaged", whole[..whole.len() / 2].to_vec()),
        ("is damaged", Vec::new()),
        ("is damaged", vec![0xff; 5000]),
        ("another version", newer.into_bytes()),
        ("another trace", foreign),
    ];
    for (number, (why, bytes)) in (1..).zip(cases) {
        std::fs::write(session(&trace), &bytes).expect("a write");
        let looked = explorer.text(&["bookmark list"]);
        let said = looked.stderr_text();
        assert_eq!((looked.code(), said.lines().count()), (0, 1), "{said}");
        assert!(said.contains(why), "{why}: {said}");
        assert_eq!(std::fs::read(session(&trace)).expect("a session"), bytes, "only looked");
        explorer.ask(&["bookmark create -n new"]);
        let kept = folder.path().join(format!("run.trace.session.kept-{number}"));
        assert_eq!(std::fs::read(kept).expect("the old file"), bytes, "{why}");
        assert_eq!(names(&trace), ["new"]);
    }
    let files = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(files, 2 + 5, "nothing else is left");
}

#[test]
fn l10_a_session_that_is_a_link_stays_one() {
    let (folder, trace) = copy("tree");
    let (elsewhere, link) = (folder.path().join("elsewhere"), session(&trace));
    std::os::unix::fs::symlink("elsewhere", &link).expect("a link");
    let explorer = Explorer::new(&trace);
    explorer.ask(&["bookmark create one"]);
    let first = std::fs::read(&elsewhere).expect("a session");
    explorer.ask(&["bookmark create another"]);
    assert!(link.is_symlink() && std::fs::read(&elsewhere).expect("a session") != first);
    assert_eq!(names(&trace).len(), 2);
    // What cannot be used is kept: also where the link leads to.
    std::fs::write(&elsewhere, "damaged").expect("a write");
    explorer.ask(&["bookmark create new"]);
    let kept = folder.path().join("run.trace.session.kept-1");
    assert_eq!(std::fs::read(kept).expect("the old file"), b"damaged");
    assert_eq!(names(&trace), ["new"]);
}

#[test]
fn l10_where_nothing_can_be_written_bookmarks_last_as_long_as_the_explorer() {
    let (folder, trace) = copy("tree");
    // A folder of that name keeps everybody from making the file, root too.
    std::fs::create_dir(session(&trace)).expect("a folder");
    std::fs::write(session(&trace).join("occupied"), "").expect("a file");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o500)).expect("permissions");
    let output = Explorer::new(&trace).text(&["bm create a", "bm create b", "bm jump a", "bm"]);
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).expect("permissions");
    assert_eq!(output.code(), 0, "{}", output.stderr_text());
    assert!(output.stdout_text().lines().any(|line| line.starts_with('*')));
    let said = output.stderr_text();
    assert!(said.lines().count() == 1 && said.contains("failed to keep bookmarks"), "{said}");
    assert!(session(&trace).join("occupied").exists());
}

#[test]
fn l10_what_another_explorer_keeps_meanwhile_is_not_lost() {
    let (folder, trace) = copy("tree");
    let open = || {
        let timeline = Timeline::open(&trace).expect("a trace");
        let mut session = Session::new(timeline, DebugSearch::system());
        session.restore();
        session
    };
    let run = |session: &mut Session, line: &str| {
        assert!(commands::run(session, line).is_ok(), "{line}");
        assert_eq!(session.take_notices(), [""; 0], "{line}");
    };
    let (mut one, mut other) = (open(), open());
    run(&mut one, "bm create -n first -t 1");
    run(&mut other, "bm create -n second -t 2");
    run(&mut one, "bm create -n third -t 3");
    assert_eq!(names(&trace), ["first", "second", "third"]);
    run(&mut other, "bm delete first");
    run(&mut one, "bm jump second");
    run(&mut one, "bm rename third last");
    assert_eq!(names(&trace), ["second", "last"]);
    let files = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(files, 2, "nothing was in the way");
}
