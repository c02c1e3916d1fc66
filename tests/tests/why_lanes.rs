//! Where one element of a vector, or one bit-field, comes from: nothing of its neighbours is told.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;
use serde_json::Value;
use std::collections::BTreeSet;

/// What `question` answers where a fixture prints.
fn ask(name: &str, flavour: Flavour, question: &str) -> Answer {
    let fixture = Fixture::load(name);
    let place = format!("break {}", fixture.place("print"));
    recording_of(&fixture, flavour).explore().last(&[&*place, "rc", question])
}

fn links(answer: &Answer) -> &Vec<Value> {
    answer.get("links").as_array().expect("links")
}

/// The marks of a fixture's lines that an answer goes through.
fn marks(name: &str, answer: &Answer) -> BTreeSet<String> {
    let fixture = Fixture::load(name);
    let source = fixture.source.file_name().and_then(|name| name.to_str()).expect("a name");
    let own = |link: &&Value| link["file"].as_str().is_some_and(|file| file.ends_with(source));
    let lines: Vec<u64> =
        links(answer).iter().filter(own).filter_map(|link| link["line"].as_u64()).collect();
    let marks = fixture.marks.iter();
    let passed = marks.filter(|(_, line)| lines.contains(&u64::from(**line)));
    passed.map(|(mark, _)| mark.clone()).collect()
}

fn unknown(answer: &Answer) -> bool {
    let origins = links(answer).iter().filter_map(|link| link["origins"].as_array()).flatten();
    origins.into_iter().any(|origin| origin["kind"] == "unknown")
}

#[test]
fn an_element_comes_from_its_own_lane() {
    let sources = [
        ("shuffled[0]", &["f3"][..]),
        ("shuffled[3]", &["f0"]),
        ("crossed[0]", &["f0"]),
        ("crossed[1]", &["f3"]),
        ("crossed[2]", &["f1"]),
        ("crossed[3]", &["f2"]),
        ("added[0]", &["f0", "f3"]),
        ("added[2]", &["f1", "f2"]),
        ("spread[0]", &["n2"]),
        ("spread[3]", &["n2"]),
        ("low[1]", &["n1"]),
        ("low[3]", &["n3"]),
    ];
    for flavour in [Flavour::O0, Flavour::O2] {
        for (element, expected) in sources {
            let answer = ask("vector_lanes", flavour, &format!("why -c 100 {element}"));
            let found = marks("vector_lanes", &answer);
            let expected: BTreeSet<String> = expected.iter().map(|mark| mark.to_string()).collect();
            assert_eq!(found, expected, "{flavour:?} {element} {answer:?}");
            assert!(!unknown(&answer), "{flavour:?} {element} {answer:?}");
        }
    }
}

#[test]
fn a_bit_field_comes_from_what_set_its_bits() {
    let sources = [
        ("packed.count", &["count", "counted"][..]),
        ("copied.count", &["copied", "count", "counted"]),
    ];
    for (field, expected) in sources {
        let answer = ask("passed_on", Flavour::O0, &format!("why {field}"));
        let expected: BTreeSet<String> = expected.iter().map(|mark| mark.to_string()).collect();
        assert_eq!(marks("passed_on", &answer), expected, "{answer:?}");
        assert_eq!(links(&answer)[0]["name"], field, "{answer:?}");
        assert_eq!(links(&answer)[0]["shown"], "101", "{answer:?}");
    }
    let kind = ask("passed_on", Flavour::O0, "why packed.kind");
    let first = links(&kind)[0]["tracepoint"].as_u64();
    let last = ask("passed_on", Flavour::O0, "last packed.kind").tracepoint();
    assert_eq!(first, Some(last), "{kind:?}");
    assert!(!marks("passed_on", &kind).contains("count"), "{kind:?}");
}
