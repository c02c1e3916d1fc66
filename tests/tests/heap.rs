//! The heap: what is alive, who allocated and freed it, and what was done to it afterwards, by
//! the fixture's marks.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::{recording, recording_of};
use serde_json::Value;

fn explorer(flavour: Flavour) -> Explorer {
    recording_of(&Fixture::load("heap"), flavour).explore()
}

/// The last answer, asked where the marked line begins.
fn at(flavour: Flavour, mark: &str, command: &str) -> Answer {
    let place = Fixture::load("heap").place(mark);
    explorer(flavour).last(&[&format!("break {place}"), "rc", command])
}

fn is_at(place: &Value, mark: &str) -> bool {
    place["line"].as_u64() == Some(Fixture::load("heap").line(mark).into())
}

#[test]
fn blocks_are_told_with_who_allocated_them() {
    for flavour in [Flavour::O0, Flavour::Static] {
        let answer = at(flavour, "print", "heap");
        let blocks = answer.get("blocks").as_array().expect("blocks");
        let own = |place: &Value| place["file"].as_str().is_some_and(|f| f.ends_with("heap.c"));
        let of = |bytes: u64| {
            blocks.iter().find(|block| block["bytes"] == bytes && own(&block["allocated"]))
        };
        let known = [
            (24, "make", "malloc"),
            (4000, "grown", "realloc"),
            (300, "zeroed", "calloc"),
            (700, "aligned", "posix_memalign"),
            (1002, "make", "malloc"),
        ];
        for (bytes, mark, through) in known {
            let block = of(bytes).unwrap_or_else(|| panic!("{flavour:?} {bytes}: {answer:?}"));
            assert!(is_at(&block["allocated"], mark), "{flavour:?} {block:?}");
            assert_eq!(block["through"], through, "{flavour:?} {block:?}");
        }
        let text = of("text of some length".len() as u64 + 1).expect("strdup's block");
        assert_eq!(text["allocated"]["function"], "main", "{flavour:?} {text:?}");
        assert!(of(40).is_none() && of(2500).is_none(), "{flavour:?}: freed: {answer:?}");
        let bytes: u64 = blocks.iter().filter_map(|block| block["bytes"].as_u64()).sum();
        assert_eq!(answer.get("bytes").as_u64(), Some(bytes));
    }
}

#[test]
fn lines_are_counted_together() {
    let answer = at(Flavour::O0, "print", "heap --by line");
    let lines = answer.get("lines").as_array().expect("lines");
    let make = lines.iter().find(|line| is_at(&line["place"], "make")).expect("make's line");
    // kept, freshest, and what is leaked.
    assert_eq!(make["blocks"], 5);
    assert_eq!(make["bytes"], 24 + 16 + 1000 + 1001 + 1002);
}

#[test]
fn a_use_after_free_is_named() {
    for flavour in [Flavour::O0, Flavour::Static] {
        let answer = at(flavour, "leaks", "heap gone");
        assert_eq!(answer.get("alive"), &Value::Bool(false), "{answer:?}");
        assert!(is_at(&answer.get("block")["freed"], "drop"), "{answer:?}");
        let used = answer.get("used");
        assert_eq!(used["write"], false, "{flavour:?} {answer:?}");
        assert!(is_at(&used["place"], "read"), "{flavour:?} {answer:?}");
    }
    let before = at(Flavour::O0, "gone", "heap kept + 25");
    assert_eq!(before.get("inside"), &Value::Bool(false), "{before:?}");
    assert_eq!(before.get("block")["bytes"], 24, "{before:?}");
    let inside = at(Flavour::O0, "gone", "heap kept + 3");
    assert_eq!(inside.get("offset").as_u64(), Some(3), "{inside:?}");
    assert!(inside.get("used").is_null(), "{inside:?}");
}

#[test]
fn a_double_free_is_named() {
    for flavour in [Flavour::O0, Flavour::Static] {
        let answers = explorer(flavour).ask(&["rend", "heap", "heap kept"]);
        for faults in [answers[1].get("faults"), answers[2].get("faults")] {
            let faults = faults.as_array().expect("faults");
            assert_eq!(faults.len(), 1, "{flavour:?} {answers:?}");
            assert_eq!(faults[0]["misuse"], "double-free");
            assert!(is_at(&faults[0]["call"], "second"), "{flavour:?} {faults:?}");
        }
    }
}

#[test]
fn containers_are_not_who_allocates() {
    let explorer = recording("containers").explore();
    let answer = explorer.last(&["break main", "rc", "rf", "heap -c 1000"]);
    let answer = if answer.ok { answer } else { panic!("{answer:?}") };
    let blocks = answer.get("blocks").as_array().cloned().unwrap_or_default();
    for block in blocks {
        let function = block["allocated"]["function"].as_str().unwrap_or_default().to_string();
        assert!(!function.starts_with("std::") && !function.contains("operator new"), "{function}");
    }
}

#[test]
fn without_allocating_functions_that_is_said() {
    let explorer = recording("instructions").explore();
    let (_, answers) = explorer.attempt(&["heap"]);
    let error = answers[0].error.as_deref().unwrap_or_default();
    assert!(error.contains("malloc"), "{answers:?}");
}
