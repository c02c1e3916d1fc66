//! Variables that their function did not write: what stood in the stack is told as such, and
//! followed no further.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording_of;
use serde_json::Value;

fn explorer() -> Explorer {
    recording_of(&Fixture::load("leftover"), Flavour::O0).explore()
}

fn ask(question: &str) -> Answer {
    let place = format!("break {}", Fixture::load("leftover").place("returned"));
    explorer().last(&[place.as_str(), "rc", question])
}

fn links(answer: &Answer) -> &Vec<Value> {
    answer.get("links").as_array().expect("links")
}

/// The tracepoint at which the only call of the function begins.
fn entered() -> u64 {
    let answer = explorer().last(&["rend", "calls forgetful"]);
    answer.get("calls")[0]["tracepoint"].as_u64().expect("a tracepoint")
}

/// Whether a link is about what the other function left, and says so.
fn is_left(link: &Value, entered: u64) -> bool {
    let origin = &link["origins"][0];
    assert_eq!(origin["kind"], "leftover", "{link:?}");
    assert_eq!((&origin["function"], &origin["entered"]), (&"forgetful".into(), &entered.into()));
    let left = u64::from(Fixture::load("leftover").line("left"));
    assert!(link["tracepoint"].as_u64().is_some_and(|t| t < entered), "{link:?}");
    link["leftover"] == true && link["line"].as_u64() == Some(left)
}

#[test]
fn a_variable_that_was_not_written_is_said_not_to_be() {
    let answer = ask("why values[3]");
    assert_eq!(links(&answer).len(), 1, "{answer:?}");
    let link = &links(&answer)[0];
    assert!(is_left(link, entered()), "{answer:?}");
    assert_eq!(link["name"], "values[3]", "{answer:?}");
    let place = format!("break {}", Fixture::load("leftover").place("returned"));
    let text = explorer().text(&[place.as_str(), "rc", "why values[3]"]).stdout_text();
    assert!(text.contains("never written here: what the stack held before"), "{text}");
    assert!(text.contains("not written since forgetful was entered at #"), "{text}");
}

#[test]
fn a_value_made_of_one_that_was_not_written_ends_there() {
    let answer = ask("why copy");
    assert_eq!(links(&answer).len(), 2, "{answer:?}");
    assert!(links(&answer)[0].get("leftover").is_none(), "{answer:?}");
    assert!(is_left(&links(&answer)[1], entered()), "{answer:?}");
}

#[test]
fn what_was_written_since_is_followed() {
    for (question, mark) in [("why values[5]", "written"), ("why sink", "left")] {
        let answer = ask(question);
        let kinds = links(&answer).iter().flat_map(|link| link["origins"].as_array()).flatten();
        let left = kinds.filter(|origin| origin["kind"] == "leftover").count();
        assert_eq!(left, 0, "{answer:?}");
        let line = u64::from(Fixture::load("leftover").line(mark));
        let has = links(&answer).iter().any(|link| link["line"].as_u64() == Some(line));
        assert_eq!(has, mark == "written", "{answer:?}");
    }
    // A frame further out, which wrote it: from the function that it calls.
    let place = format!("break {}", Fixture::load("leftover").place("left"));
    let answer = explorer().last(&[place.as_str(), "rc", "up", "why argc"]);
    assert!(!answer.result.to_string().contains("\"kind\":\"leftover\""), "{answer:?}");
}
