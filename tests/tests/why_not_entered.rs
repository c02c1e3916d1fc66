//! Why functions were not entered: through stubs, slots and pointers, on the stack already, and
//! in stripped programs.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;
use serde_json::Value;

fn explorer(flavour: Flavour) -> Explorer {
    recording_of(&Fixture::load("unreached"), flavour).explore()
}

fn ask(flavour: Flavour, question: &str) -> Answer {
    explorer(flavour).last(&["break main", "rc", question])
}

fn reason(answer: &Answer) -> &Value {
    let places = answer.get("places").as_array().expect("places");
    assert_eq!(places.len(), 1, "{answer:?}");
    &places[0]["reason"]
}

fn is_at(place: &Value, mark: &str) -> bool {
    place["line"].as_u64() == Some(Fixture::load("unreached").line(mark).into())
}

#[test]
fn calls_through_stubs_and_slots_are_seen() {
    let ways = [("puts", "puts", "stub"), ("getppid", "getppid", "slot")];
    for flavour in [Flavour::O0, Flavour::O2] {
        for (function, call, branch) in ways {
            let answer = ask(flavour, &format!("why-not {function}"));
            let callers = reason(&answer)["callers"].as_array().expect("callers");
            assert_eq!(callers.len(), 1, "{flavour:?} {answer:?}");
            assert!(is_at(&callers[0], call), "{flavour:?} {answer:?}");
            let why = &callers[0]["reason"];
            // Optimised, whoever is over the larger bound has to be over the smaller one first.
            let branch = if flavour == Flavour::O2 { "stub" } else { branch };
            assert!(is_at(why, branch), "{flavour:?} {answer:?}");
            // argc, which the program's output depends on.
            let operands = why["condition"]["operands"].to_string();
            assert!(operands.contains("0x1") || operands.contains("\"1\""), "{operands}");
        }
    }
}

#[test]
fn calls_of_a_stripped_program_are_seen() {
    let explorer = explorer(Flavour::Stripped);
    let start = ["break __libc_start_main", "rc"];
    let ask = |question: &str| explorer.last(&[start[0], start[1], question]);
    let answer = ask("why-not puts");
    let callers = reason(&answer)["callers"].as_array().expect("callers");
    assert_eq!(callers.len(), 1, "{answer:?}");
    let why = &callers[0]["reason"];
    assert_eq!(why["kind"], "branch", "{answer:?}");
    assert!(why["condition"]["operands"].to_string().contains("\"0x1\""), "{answer:?}");
    // The same, asked by the call's address.
    let pc = callers[0]["pc"].as_str().expect("an address");
    let by_address = ask(&format!("why-not *{pc}"));
    assert_eq!(reason(&by_address)["kind"], "branch", "{by_address:?}");
    assert_eq!(reason(&by_address)["tracepoint"], why["tracepoint"], "{by_address:?}");
}

#[test]
fn calls_through_pointers_that_ran_are_told() {
    for flavour in [Flavour::O0, Flavour::O2] {
        let answer = ask(flavour, "why-not second");
        let reason = reason(&answer);
        assert_eq!(reason["callers"].as_array().map(Vec::len), Some(0), "{answer:?}");
        let sites = reason["pointers"]["sites"].as_array().expect("sites");
        let site = sites.iter().find(|site| is_at(site, "pointer"));
        let site = site.unwrap_or_else(|| panic!("{flavour:?} {answer:?}"));
        assert_eq!(site["times"], 3, "{answer:?}");
        let led_to = site["led_to"].as_array().expect("places");
        assert_eq!(led_to.len(), 1, "{answer:?}");
        assert_eq!(led_to[0]["function"], "first", "{answer:?}");
    }
}

#[test]
fn a_function_on_the_stack_is_said_to_be_there() {
    for flavour in [Flavour::O0, Flavour::O2] {
        let there = format!("break {}", Fixture::load("unreached").place("first"));
        let answers = explorer(flavour).ask(&[&*there, "rc", "why-not main", "calls main"]);
        let running = &reason(&answers[2])["running"];
        let calls = answers[3].get("calls").as_array().expect("calls");
        assert_eq!(running["entered"], calls[0]["tracepoint"], "{flavour:?} {answers:?}");
        assert_eq!(running["frame"], 2, "{flavour:?} {answers:?}");
    }
}
