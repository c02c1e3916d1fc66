//! `finish`: what the function returned that it leaves.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::{recording, recording_of};
use serde_json::Value;

/// Out of a function, and what the last value of the history is then.
fn leave(explorer: &Explorer, place: &str) -> [Answer; 2] {
    let answers = explorer.ask(&[&*format!("tbreak {place}"), "rc", "finish", "print $"]);
    [answers[2].clone(), answers[3].clone()]
}

fn returned(flavour: Flavour) -> Explorer {
    recording_of(&Fixture::load("returned"), flavour).explore()
}

#[test]
fn the_value_returned_is_shown_in_its_type_and_kept() {
    let truth = [
        ("make_pair", "{a = 3, b = 120 'x'}", "struct pair"),
        ("make_wide", "{a = 5, b = 10}", "struct wide"),
        ("make_mixed", "{d = 3.5, n = 7}", "struct mixed"),
        ("make_big", "{v = {9, 10, 0, 0, 0, 0, 0, 0, 0, 0}}", "struct big"),
        ("make_floats", "{x = 1.5, y = 2.5}", "struct floats"),
        ("half", "1.5", "double"),
        ("quarter", "0.75", "long double"),
        ("is_even", "true", "_Bool"),
        ("colour_of", "GREEN", "enum colour"),
        ("negated", "-7", "short"),
    ];
    for flavour in [Flavour::O0, Flavour::O2] {
        let explorer = returned(flavour);
        for (function, value, of) in truth {
            let [left, kept] = leave(&explorer, function);
            assert_eq!(left.reason(), "out", "{function} {flavour:?}");
            let returned = left.get("returned");
            assert_eq!((&returned["value"], &returned["type"]), (&value.into(), &of.into()));
            assert_eq!(returned["number"], 1, "{returned}");
            assert_eq!(kept.get("value"), value, "{function} {flavour:?}");
        }
        let text = explorer.text(&["tbreak half", "rc", "finish"]).stdout_text();
        assert!(text.ends_with("\nValue returned is $1 = 1.5\n"), "{text}");
    }
}

#[test]
fn nothing_is_shown_of_void_and_without_a_return() {
    let explorer = returned(Flavour::O0);
    let [left, kept] = leave(&explorer, "nothing");
    assert_eq!((left.reason(), left.get("returned")), ("out", &Value::Null));
    assert_eq!(kept.get("value"), "void", "the history is empty");
    // By an exception out of a function that returns double.
    let fixture = Fixture::load("exceptions");
    let thrown = recording("exceptions").explore();
    let [left, _] = leave(&thrown, &fixture.place("throw"));
    assert_eq!((left.reason(), left.get("returned")), ("out", &Value::Null));
    // Backwards.
    let commands = ["tbreak half", "rc", "reverse-finish"];
    assert_eq!(explorer.last(&commands).get("returned"), &Value::Null);
}

#[test]
fn what_is_not_known_is_said_so() {
    let explorer = recording_of(&Fixture::load("classes"), Flavour::O0).explore();
    let [left, _] = leave(&explorer, "make_packed");
    assert!(left.get("returned").is_object() && left.get("returned")["value"].is_null());
    let text = explorer.text(&["tbreak make_packed", "rc", "finish"]).stdout_text();
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("Value returned is not known"), "{text}");
}

#[test]
fn outer_and_recursive_frames_return_their_own_values() {
    let explorer = recording("recursion").explore();
    // Ten calls deep, the innermost is of 1, and each of n further out returns F(n).
    let mut commands = vec!["break fibonacci if n == 1".to_owned(), "rc".into(), "delete".into()];
    let expected = ["1", "1", "2", "3", "5", "8", "13", "21", "34", "55"];
    for (level, value) in expected.iter().enumerate() {
        let asked = [commands.clone(), vec![format!("frame {level}"), "finish".into()]].concat();
        let answer = explorer.last(&asked);
        assert_eq!(answer.get("returned")["value"], **value, "frame {level}");
    }
    commands.extend(["frame 3".into(), "finish".into(), "finish".into(), "print $$".into()]);
    let answers = explorer.ask(&commands);
    assert_eq!(answers[answers.len() - 2].get("returned")["value"], "5");
    assert_eq!(answers[answers.len() - 1].get("value"), "3");
}

#[test]
fn a_breakpoint_where_it_returns_to_hides_no_value() {
    let explorer = returned(Flavour::O0);
    let behind = explorer.ask(&["tbreak half", "rc", "finish"])[2].clone();
    let behind = behind.get("pc").as_str().unwrap_or_default().to_owned();
    let answers = explorer.ask(&["tbreak half", "rc", &*format!("break *{behind}"), "finish"]);
    assert_eq!(answers[3].reason(), "breakpoint");
    assert_eq!(answers[3].get("returned")["value"], "1.5");
    // One on the way there ends it.
    let answers = explorer.ask(&["tbreak main", "rc", "break half", "finish"]);
    assert_eq!((answers[3].reason(), answers[3].get("returned")), ("breakpoint", &Value::Null));
}
