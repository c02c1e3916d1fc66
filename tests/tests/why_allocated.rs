//! Where pointers and numbers begin: at the allocator's calls, and at constants that
//! instructions bring into what they compute.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;
use serde_json::Value;

const FLAVOURS: [Flavour; 2] = [Flavour::O0, Flavour::O2];

/// What a question is answered where the values are printed.
fn ask(flavour: Flavour, question: &str) -> Answer {
    let fixture = Fixture::load("allocated");
    let place = format!("break {}", fixture.place("print"));
    recording_of(&fixture, flavour).explore().last(&[&*place, "rc", question])
}

fn links(answer: &Answer) -> &Vec<Value> {
    answer.get("links").as_array().expect("links")
}

/// All origins, with the line of the link that ends there.
fn origins(answer: &Answer) -> Vec<(&Value, &Value)> {
    let of = |link| origins_of(link).iter().map(move |origin| (origin, &link["line"]));
    links(answer).iter().flat_map(of).collect()
}

fn origins_of(link: &Value) -> &Vec<Value> {
    link["origins"].as_array().expect("origins")
}

#[test]
fn a_pointer_begins_at_the_call_that_allocated_it() {
    let fixture = Fixture::load("allocated");
    for flavour in FLAVOURS {
        let answer = ask(flavour, "why list->next");
        let found = origins(&answer);
        let [(origin, _)] = found.as_slice() else { panic!("{flavour:?} {answer:?}") };
        assert_eq!(origin["kind"], "returned", "{flavour:?} {answer:?}");
        assert_eq!(origin["call"], "malloc(16)", "{flavour:?} {answer:?}");
        // The call that it names is the first of make's two.
        let calls = ask(flavour, "calls malloc");
        let calls = calls.get("calls").as_array().expect("calls").clone();
        let own = calls.iter().filter(|call| call["caller"]["function"] == "make");
        let first = own.filter_map(|call| call["tracepoint"].as_u64()).min();
        let at = origin["tracepoint"].as_u64().expect("a tracepoint");
        assert!(first.is_none_or(|first| first == at), "{flavour:?} {answer:?} {calls:?}");
        assert!(calls.iter().any(|call| call["tracepoint"] == at), "{answer:?} {calls:?}");
        // All of it, if that is asked for.
        let all = ask(flavour, "why -v list->next");
        assert!(origins(&all).iter().all(|(origin, _)| origin["kind"] != "returned"), "{all:?}");
        assert!(links(&all).len() > links(&answer).len(), "{flavour:?}");
    }
    let answer = ask(Flavour::O0, "why grown");
    let found = origins(&answer);
    let call = found[0].0["call"].as_str().expect("a call");
    assert!(call.starts_with("realloc(0x") && call.ends_with(", 4000)"), "{answer:?}");
    assert_eq!(*found[0].1, fixture.line("realloc"), "{answer:?}");
}

#[test]
fn a_constant_that_goes_into_a_value_is_an_origin() {
    let fixture = Fixture::load("allocated");
    for flavour in FLAVOURS {
        for (question, mark) in [("why list->flags", "flags"), ("why list->next->count", "count")] {
            let answer = ask(flavour, question);
            let constant = |(origin, line): &(&Value, &Value)| {
                origin["kind"] == "constant" && **line == fixture.line(mark)
            };
            assert!(origins(&answer).iter().any(constant), "{flavour:?} {answer:?}");
            // And what it was added to: argc, which the kernel left.
            let start = |(origin, _): &(&Value, &Value)| origin["kind"] == "start";
            assert!(origins(&answer).iter().any(start), "{flavour:?} {answer:?}");
        }
    }
    // Of the lowest byte of the flags it says nothing.
    let answer = ask(Flavour::O0, "why -s 1 &list->next->flags");
    assert!(origins(&answer).iter().all(|(origin, _)| origin["kind"] != "constant"), "{answer:?}");
}
