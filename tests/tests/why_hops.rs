//! What a value passes on its way that is not the program's own: calls of libraries, the dynamic
//! linker, conditions without branches; and how that is told.

use rdb_tests::binaries::binaries;
use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::process::{LIMIT, run};
use rdb_tests::recording::recording_of;
use rdb_tests::tools::require_tool;
use serde_json::Value;
use std::process::Command;

fn explorer(name: &str) -> Explorer {
    recording_of(&Fixture::load(name), Flavour::O0).explore()
}

fn ask(question: &str) -> Answer {
    let place = format!("break {}", Fixture::load("passed_on").place("print"));
    explorer("passed_on").last(&[&*place, "rc", question])
}

fn links(answer: &Answer) -> &Vec<Value> {
    answer.get("links").as_array().expect("links")
}

fn passes(answer: &Answer, mark: &str) -> bool {
    let line = u64::from(Fixture::load("passed_on").line(mark));
    let own = |link: &&Value| link["file"].as_str().is_some_and(|f| f.ends_with("passed_on.c"));
    links(answer).iter().filter(own).any(|link| link["line"].as_u64() == Some(line))
}

#[test]
fn what_a_library_returned_is_told_as_the_call() {
    for (name, call) in
        [("length", r#"strlen("11 and more")"#), ("number", r#"atoi("11 and more")"#)]
    {
        let answer = ask(&format!("why {name}"));
        let origins = links(&answer).iter().filter_map(|link| link["origins"].as_array()).flatten();
        let calls: Vec<&str> = origins.filter_map(|origin| origin["call"].as_str()).collect();
        assert_eq!(calls, [call], "{answer:?}");
        assert!(passes(&answer, "digit"), "{answer:?}");
        let inside = |link: &Value| link["function"].as_str().is_some_and(|f| f.contains("strto"));
        assert!(!links(&answer).iter().any(inside), "{answer:?}");
    }
    // How it came by them is told when all is asked for.
    let all = ask("why --all number");
    assert!(links(&all).len() > links(&ask("why number")).len(), "{all:?}");
}

#[test]
fn what_the_dynamic_linker_saved_and_restored_is_followed() {
    let explorer = explorer("passed_on");
    let place = format!("break {}", Fixture::load("passed_on").place("rounded"));
    let answers = explorer.ask(&[&*place, "rc", "break logb", "c", "why -s 8 $xmm0"]);
    let answer = &answers[4];
    assert!(answer.ok, "{answers:?}");
    assert!(passes(answer, "given"), "{answers:?}");
}

#[test]
fn a_condition_is_told_at_its_own_instruction() {
    let answer = ask("why larger");
    let notes = links(&answer).iter().filter_map(|link| link["notes"].as_array()).flatten();
    let notes: Vec<&Value> = notes.collect();
    assert_eq!(notes.len(), 1, "{answer:?}");
    let at = notes[0]["tracepoint"].as_u64().expect("a tracepoint");
    let explorer = explorer("passed_on");
    let there = explorer.text(&[&format!("jump {at}"), "x/i $pc"]).stdout_text();
    assert!(there.contains("cmovl"), "{there}");
    let place = format!("break {}", Fixture::load("passed_on").place("print"));
    let text = explorer.text(&[&*place, "rc", "why larger"]).stdout_text();
    let told = text.lines().find(|line| line.contains("its condition")).expect("a note");
    assert!(told.trim_start().starts_with("cmovl"), "{text}");
}

#[test]
fn what_is_told_elsewhere_is_shown_there() {
    let questions = [
        ("vector_lanes", "why spread"),
        ("vector_lanes", "why added"),
        ("provenance", "why -c 200 result"),
        ("passed_on", "why packed"),
    ];
    let mut pointed = 0;
    for (name, question) in questions {
        let fixture = Fixture::load(name);
        let explorer = recording_of(&fixture, Flavour::O2).explore();
        let place = format!("break {}", fixture.place("print"));
        let text = explorer.text(&[&*place, "rc", question]).stdout_text();
        for line in text.lines() {
            let Some((_, at)) = line.split_once("told elsewhere in this answer, at ") else {
                continue;
            };
            let heads = |line: &str| line.trim_start().split(' ').next() == Some(at);
            assert!(text.lines().any(heads), "{at}: {text}");
            pointed += 1;
        }
    }
    assert!(pointed > 0);
}

#[test]
fn a_link_is_named_in_its_own_frame() {
    let answer = ask("why packed.count");
    assert_eq!(links(&answer)[0]["name"], "packed.count", "{answer:?}");
    let of_main = links(&answer).iter().filter(|link| link["function"] == "main");
    let names: Vec<&str> = of_main.filter_map(|link| link["name"].as_str()).collect();
    // The argument's register, before the call: no variable of the called function yet.
    assert_eq!(names, ["rdi bits 0 to 8", "argc bits 0 to 8"], "{answer:?}");
}

#[test]
fn options_that_are_not_known_are_no_expressions() {
    let (_, failed) = explorer("passed_on").attempt(&["why --foo length"]);
    let error = failed[0].error.as_deref().expect("an error");
    assert!(error.starts_with("unknown option --foo"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn its_text_fits_the_terminal() {
    let Some(script) = require_tool("script") else { return };
    let fixture = Fixture::load("passed_on");
    let trace = recording_of(&fixture, Flavour::O0).trace;
    let (explorer, place) = (binaries().explore.display().to_string(), fixture.place("print"));
    let ask = format!("{explorer} {} -c 'break {place}' -c rc -c 'why larger'", trace.display());
    for columns in [80, 50] {
        let mut command = Command::new(&script);
        let ask = format!("stty cols {columns}; {ask}");
        command.args(["-q", "-e", "-c", &ask, "/dev/null"]).env("NO_COLOR", "1");
        let shown = run(command, b"", LIMIT).stdout_text();
        let answer: Vec<&str> =
            shown.lines().skip_while(|line| !line.contains("larger =")).collect();
        assert!(answer.len() > 5, "{shown}");
        let fits = |line: &&str| {
            line.trim_end().chars().fold(0, |column, c| match c {
                '\t' => (column / 8 + 1) * 8,
                _ => column + 1,
            }) <= columns
        };
        assert!(answer.iter().all(fits), "{shown}");
        let words: Vec<&str> = shown.split_whitespace().collect();
        assert!(words.join(" ").contains("moved: its condition (<) was true"), "{shown}");
    }
}
