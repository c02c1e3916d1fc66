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

fn operators(mark: &str, command: &str) -> Answer {
    let place = Fixture::load("operators").place(mark);
    recording("operators").explore().last(&[&format!("break {place}"), "rc", command])
}

#[test]
fn operators_are_named_as_who_allocated() {
    let fixture = Fixture::load("operators");
    let answer = operators("made", "heap -c 1000");
    let blocks = answer.get("blocks").as_array().expect("blocks");
    let known = [
        ("one", 4, "operator new"),
        ("many", 40, "operator new[]"),
        // The array's length stands before its elements.
        ("counted", 32, "operator new[]"),
        ("wide", 128, "operator new"),
        ("quiet", 4, "operator new"),
        ("reused", 32, "malloc"),
    ];
    for (mark, bytes, through) in known {
        let line = fixture.line(mark);
        let at = |block: &&Value| block["allocated"]["line"].as_u64() == Some(line.into());
        let found: Vec<&Value> = blocks.iter().filter(at).collect();
        let [block] = found[..] else { panic!("{mark}: {found:?} in {answer:?}") };
        assert_eq!(
            (block["bytes"].as_u64(), block["through"].as_str()),
            (Some(bytes), Some(through))
        );
    }
}

#[test]
fn who_frees_what_another_kind_allocated_is_named() {
    let fixture = Fixture::load("operators");
    let answer = operators("done", "heap -c 0");
    assert!(answer.get("blocks").is_null(), "{answer:?}");
    let faults = answer.get("faults").as_array().expect("faults");
    let found: Vec<_> = faults
        .iter()
        .map(|fault| {
            let text = |field: &str| fault[field].as_str().unwrap_or_default().to_owned();
            (text("misuse"), text("function"), text("through"), fault["call"]["line"].as_u64())
        })
        .collect();
    let fault = |function: &str, through: &str, mark: &str| {
        let own = ["mismatch", function, through].map(str::to_owned);
        let [misuse, function, through] = own;
        (misuse, function, through, Some(u64::from(fixture.line(mark))))
    };
    let expected = [
        fault("operator delete", "operator new[]", "deleted"),
        fault("free", "operator new", "freed"),
        fault("operator delete", "malloc", "crossed"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn who_has_memory_now_is_named_before_who_had_it() {
    let answer = operators("made", "heap reused + 32");
    assert_eq!(answer.get("block")["bytes"], 32, "{answer:?}");
    assert_eq!((answer.get("alive"), answer.get("offset")), (&true.into(), &32.into()));
    let other = answer.get("other");
    assert_eq!((&other["block"]["bytes"], &other["alive"]), (&40.into(), &false.into()));
    let place = Fixture::load("operators").place("made");
    let explorer = recording("operators").explore();
    let text = explorer.text(&[&format!("break {place}"), "rc", "heap reused + 32"]).stdout_text();
    let (first, rest) = text.split_once("0 bytes behind the block of 32 bytes").expect("the block");
    assert!(rest.contains("which is alive") && rest.contains("Earlier"), "{first}{rest}");
}

#[test]
fn addresses_far_from_all_blocks_are_told_by_where_they_are() {
    for (address, word) in [("$sp", "stack"), ("&one", "<one>"), ("0", "not mapped")] {
        let place = Fixture::load("operators").place("made");
        let explorer = recording("operators").explore();
        let commands = [format!("break {place}"), "rc".to_owned(), format!("heap {address}")];
        let text = explorer.text(&commands).stdout_text();
        let told = text.lines().last().unwrap_or_default().to_owned();
        assert!(told.contains("in no block") && told.contains(word), "{address}: {told}");
        assert!(explorer.last(&commands).get("block").is_null());
    }
}

#[test]
fn any_expression_tells_an_address() {
    for (expression, offset) in [
        ("copied", 0),
        ("*copied", 0),
        ("&copied[5]", 5),
        ("copied + 5", 5),
        ("(long)copied + 5", 5),
        ("*(int *)(copied + 4)", 4),
        ("(void *)copied", 0),
        ("*&copied", 0),
        ("1 ? copied : 0", 0),
    ] {
        let answer = at(Flavour::O0, "print", &format!("heap {expression}"));
        match expression.starts_with('*') && !expression.starts_with("*&") {
            // The value of a number is the address.
            true => assert!(answer.get("block").is_null(), "{expression}"),
            false => assert_eq!(answer.get("offset"), offset, "{expression}"),
        }
    }
    for variable in ["&copied", "&kept", "&sink"] {
        let answer = at(Flavour::O0, "print", &format!("heap {variable}"));
        let symbol = format!("<{}>", variable.trim_start_matches('&'));
        assert_eq!(answer.get("symbol"), &*symbol, "{variable}");
    }
}

#[test]
fn a_list_says_what_it_leaves_out() {
    let explorer = explorer(Flavour::O0);
    let place = Fixture::load("heap").place("print");
    let go = [format!("break {place}"), "rc".to_owned()];
    let ask =
        |command: &str| explorer.text(&[&go[..], &[command.to_owned()]].concat()).stdout_text();
    let some = ask("heap -c 2");
    let all = explorer.last(&[&go[..], &["heap".to_owned()]].concat());
    let count = all.get("count").as_u64().expect("a count");
    assert!(some.contains(&format!("2 of {count} are shown; -c {count} shows all")), "{some}");
    assert!(!ask("heap").contains("are shown"));
    let none = ask("heap -c 0");
    assert!(none.contains(&format!("{count} blocks of together")), "{none}");
    assert!(!none.contains("through"), "{none}");
    assert!(none.contains("Uses after free"), "{none}");
}

#[test]
fn all_uses_after_free_are_found() {
    let fixture = Fixture::load("heap");
    for flavour in [Flavour::O0, Flavour::Static] {
        let answer = explorer(flavour).last(&["heap --check"]);
        let uses = answer.get("uses").as_array().expect("uses");
        assert_eq!((uses.len(), answer.get("count")), (1, &1.into()), "{flavour:?} {uses:?}");
        assert_eq!(answer.get("all_looked_at"), &Value::Bool(true));
        assert_eq!((&uses[0]["write"], &uses[0]["block"]["bytes"]), (&false.into(), &2500.into()));
        assert_eq!(uses[0]["place"]["line"], fixture.line("read"), "{flavour:?} {uses:?}");
        // The same as is told of the block alone.
        let alone = at(flavour, "leaks", "heap gone");
        assert_eq!(alone.get("used")["tracepoint"], uses[0]["tracepoint"]);
    }
    // Writing behind a block is no use of one that was freed: its memory was given out again.
    let operators = recording("operators").explore().last(&["heap --check"]);
    assert_eq!(operators.get("count"), 0, "{operators:?}");
}

#[test]
fn reading_behind_the_end_by_vectors_is_no_use() {
    let answer = recording("overread").explore().last(&["heap --check"]);
    let uses = answer.get("uses").as_array().expect("uses");
    let [one] = uses.as_slice() else { panic!("{uses:?}") };
    assert_eq!(one["block"]["bytes"], 200, "{one:?}");
    // It is the one that was given the block: its caller stands at the mark.
    let t = one["tracepoint"].as_u64().expect("a tracepoint");
    let explorer = recording("overread").explore();
    let stack = explorer.last(&[&format!("jump {t}"), "backtrace"]);
    let frames = stack.get("frames").as_array().expect("frames");
    let line = Fixture::load("overread").line("use");
    assert!(frames.iter().any(|frame| frame["line"] == line), "{frames:?}");
    let block = one["block"]["address"].to_string().replace('"', "");
    let alone = explorer.last(&["rend", &format!("heap {block}")]);
    assert_eq!(alone.get("used")["tracepoint"], t, "{alone:?}");
}

#[test]
fn blocks_are_named_by_what_was_called() {
    let fixture = Fixture::load("thread_name");
    let answer = recording("thread_name").explore().last(&["rend", "heap -c 1000"]);
    let blocks = answer.get("blocks").as_array().expect("blocks");
    let own = blocks.iter().find(|block| block["bytes"] == 128).expect("the aligned block");
    assert_eq!(own["through"], "aligned_alloc");
    assert_eq!(own["allocated"]["line"], fixture.line("allocated"));
}

#[test]
fn what_the_allocator_writes_to_a_freed_block_is_no_use_of_it() {
    let place = |mark: &str| format!("break {}", Fixture::load("trimmed").place(mark));
    let explorer = recording("trimmed").explore();
    let trim = explorer.last(&[place("trim"), "rc".to_owned()]).tracepoint();
    let there = [place("trimmed"), "rc".to_owned()];
    let ask = |question: &str| explorer.last(&[&there[..], &[question.to_owned()]].concat());
    let writes = ask("modification list -c 50 -w past *(long (*)[2])freed");
    let rows = writes.get("modifications").as_array().expect("modifications").clone();
    assert!(rows.iter().any(|row| row["tracepoint"].as_u64() > Some(trim)), "{rows:?}");
    let alone = ask("heap freed");
    assert!(alone.get("block")["freed"].is_object(), "{alone:?}");
    assert!(alone.get("used").is_null(), "{alone:?}");
    assert_eq!(ask("heap --check").get("uses").as_array().map(Vec::len), Some(0));
}
