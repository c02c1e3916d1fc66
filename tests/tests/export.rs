//! Files for other programs: calls on a timeline, and stacks with weights.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::recording::recording;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use tempfile::TempDir;

/// An answer, and what stands in the file it wrote.
fn export(name: &str, command: &str) -> (TempDir, Answer, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out");
    let explorer = recording(name).explore();
    let answer = explorer.last(&[format!("{command} {}", file.display())]);
    let text = std::fs::read_to_string(&file).expect("the file");
    assert_eq!(answer.get("bytes").as_u64(), Some(text.len() as u64));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else");
    (folder, answer, text)
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// Begun and ended functions by name, if the events of each thread are nested: name, begin, end.
fn nested(text: &str) -> Vec<(String, u64, u64)> {
    let all: Value = serde_json::from_str(text).expect("JSON");
    let mut open: BTreeMap<u64, Vec<(String, u64)>> = BTreeMap::new();
    let (mut closed, mut last) = (Vec::new(), 0);
    for event in all["traceEvents"].as_array().expect("events") {
        match event["ph"].as_str().expect("a phase") {
            "M" => continue,
            "B" => {
                let name = event["name"].as_str().expect("a name").to_owned();
                open.entry(number(&event["tid"])).or_default().push((name, number(&event["ts"])));
            }
            "E" => {
                let stack = open.get_mut(&number(&event["tid"])).expect("a thread");
                let (name, begin) = stack.pop().expect("an end without a beginning");
                closed.push((name, begin, number(&event["ts"])));
            }
            other => panic!("{other}"),
        }
        let now = number(&event["ts"]);
        assert!(now >= last, "{event} after {last}");
        last = now;
    }
    assert!(open.values().all(Vec::is_empty), "without an end: {open:?}");
    closed
}

fn calls(explorer: &Explorer, function: &str) -> Vec<Value> {
    let answer = explorer.last(&[format!("calls -c 100000 {function}")]);
    answer.get("calls").as_array().expect("calls").clone()
}

#[test]
fn exported_calls_are_those_that_calls_lists() {
    let cases = [
        ("recursion", &["fibonacci", "is_even", "is_odd", "main"][..]),
        ("tree", &["next_random", "insert", "walk", "ascending", "main"]),
        ("exceptions", &["main"]),
        ("longjmp", &["deep", "main"]),
        ("signals", &["plain", "informed", "on_alternate", "on_alarm", "install", "main"]),
        ("deep_stack", &["main"]),
    ];
    for (name, functions) in cases {
        let (_folder, answer, text) = export(name, "export --format chrome calls");
        let all = nested(&text);
        assert_eq!(answer.get("calls").as_u64(), Some(all.len() as u64), "{name}");
        let explorer = recording(name).explore();
        for function in functions {
            let mut exported: Vec<(u64, u64)> = all
                .iter()
                .filter(|(name, ..)| name.split('(').next() == Some(function))
                .map(|(_, begin, end)| (*begin, *end))
                .collect();
            exported.sort_unstable();
            let end = explorer.last(&["where"]).end();
            let listed: Vec<(u64, u64)> = calls(&explorer, function)
                .iter()
                .map(|call| (number(&call["tracepoint"]), call["end"].as_u64().unwrap_or(end)))
                .collect();
            assert_eq!(exported, listed, "{name}: {function}");
        }
    }
}

#[test]
fn folded_stacks_have_every_instruction_once() {
    for name in ["recursion", "tree", "exceptions", "longjmp", "signals", "deep_stack", "exec_self"]
    {
        let (_folder, answer, text) = export(name, "export folded");
        let stacks: BTreeMap<&str, u64> = text
            .lines()
            .map(|line| line.rsplit_once(' ').expect("a weight"))
            .map(|(stack, weight)| (stack, weight.parse().expect("a number")))
            .collect();
        assert_eq!(stacks.len(), text.lines().count(), "{name}: each stack once");
        assert_eq!(answer.get("stacks").as_u64(), Some(stacks.len() as u64));
        let end = recording(name).explore().last(&["where"]).end();
        assert_eq!(stacks.values().sum::<u64>(), end, "{name}");
        if name == "recursion" {
            let deepest = ["main"].into_iter().chain(["fibonacci"; 10]).collect::<Vec<_>>();
            assert!(stacks.keys().any(|stack| stack.ends_with(&deepest.join(";"))), "{text}");
            assert!(!text.contains(&["fibonacci"; 11].join(";")));
        }
    }
}

#[test]
fn links_and_pipes_are_written_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let explorer = recording("recursion").explore();
    let export = |name: &str| {
        let command = format!("export folded {}", at(name).display());
        explorer.last(&[command]).get("bytes").as_u64().expect("bytes")
    };
    let size = export("plain");
    let expected = std::fs::read(at("plain")).expect("the file");
    assert_eq!(size, expected.len() as u64);

    std::fs::write(at("target"), "old").expect("a file");
    for (link, target) in [("link", "target"), ("dangling", "made")] {
        std::os::unix::fs::symlink(target, at(link)).expect("a link");
        assert_eq!(export(link), size);
        assert!(at(link).is_symlink());
        assert_eq!(std::fs::read(at(target)).expect("the file"), expected, "{link}");
    }

    let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().expect("mkfifo");
    assert!(made.success());
    let command = format!("export folded {}", at("pipe").display());
    let (_, answers) = explorer.attempt(&[command]);
    let error = answers[0].error.as_deref().expect("an error");
    assert!(error.ends_with("no process reads from this pipe"), "{error}");
    let kept = std::fs::OpenOptions::new().read(true).write(true).open(at("pipe"));
    let (kept, path) = (kept.expect("the pipe"), at("pipe"));
    let reader = std::fs::File::open(&path).expect("the pipe");
    let read = std::thread::spawn(move || {
        let (mut reader, mut bytes) = (reader, Vec::new());
        reader.read_to_end(&mut bytes).map(|_| bytes)
    });
    assert_eq!(export("pipe"), size);
    drop(kept);
    assert_eq!(read.join().expect("no panic").expect("bytes"), expected);
    let kind = path.symlink_metadata().expect("the pipe").file_type();
    assert!(kind.is_fifo());
}

#[test]
fn a_bad_destination_is_refused_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("run.trace");
    std::fs::copy(&recording("recursion").trace, &trace).expect("a copy");
    let before = std::fs::read(&trace).expect("the trace");
    let explorer = Explorer::new(&trace);
    let names = |path: &Path| -> BTreeSet<_> {
        std::fs::read_dir(path)
            .expect("a folder")
            .map(|e| e.expect("an entry").file_name())
            .collect()
    };
    let files = names(folder.path());
    for command in [
        format!("export calls {}", trace.display()),
        "export folded /nowhere/out".to_owned(),
        format!("export calls --format svg {}", folder.path().join("out").display()),
        "export calls".to_owned(),
        "export nothing out".to_owned(),
        format!("export folded {}", folder.path().display()),
    ] {
        let (output, answers) = explorer.attempt(&[&command]);
        assert_eq!(output.code(), 1, "{command}");
        assert!(answers[0].error.as_deref().is_some_and(|why| !why.contains('\n')), "{answers:?}");
    }
    assert_eq!(std::fs::read(&trace).expect("the trace"), before);
    assert_eq!(names(folder.path()), files);
}
