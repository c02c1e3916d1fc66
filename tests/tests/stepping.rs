//! Steps by lines, where several functions share them.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::{recording, recording_of};

/// Function and line where a command stopped.
fn place(answer: &Answer) -> (&str, u64) {
    (answer.function().unwrap_or_default(), answer.line().unwrap_or_default())
}

/// What `commands` answer once the first `hit` of `location` was reached.
fn ask(explorer: &Explorer, location: &str, commands: &[&str]) -> Vec<Answer> {
    let go = [format!("break {location}"), "rc".to_owned(), "delete".to_owned()];
    let all = go.into_iter().chain(commands.iter().map(|one| (*one).to_owned()));
    explorer.ask(&all.collect::<Vec<_>>()).split_off(3)
}

#[test]
fn l7_next_stays_outside_of_inlined_functions_and_step_enters_them() {
    let fixture = Fixture::load("inlined_calls");
    let line = |mark: &str| u64::from(fixture.line(mark));
    for flavour in [Flavour::O0, Flavour::O2] {
        let explorer = recording_of(&fixture, flavour).explore();
        let before = fixture.place("before");
        // In main, then in middle: the call of an inlined function is a line like others.
        let over = ask(&explorer, &before, &["n", "n", "rn", "rn", "n", "info locals"]);
        let outer = ["outer", "after", "outer", "before", "outer"];
        for (answer, mark) in over.iter().zip(outer) {
            assert_eq!(place(answer), ("main", line(mark)), "{flavour:?} {mark}");
        }
        assert_eq!(over[0].tracepoint(), over[4].tracepoint(), "{flavour:?}");
        let within = ask(&explorer, &before, &["n", "s", "n", "s", "n", "reverse-next"]);
        assert_eq!(place(&within[0]), ("main", line("outer")), "{flavour:?}");
        assert_eq!(place(&within[1]), ("middle", line("first")), "{flavour:?}");
        assert_eq!(place(&within[2]), ("middle", line("inner")), "{flavour:?}");
        assert_eq!(place(&within[3]).0, "leaf", "{flavour:?}");
        assert_eq!(place(&within[4]).0, "leaf", "{flavour:?}");
        let over = ask(&explorer, &before, &["n", "s", "n", "n", "rn", "n"]);
        let there = ["inner", "behind", "inner", "behind"];
        for (answer, mark) in over[2..].iter().zip(there) {
            assert_eq!(place(answer), ("middle", line(mark)), "{flavour:?} {mark}");
        }
    }
}

#[test]
fn l2_callers_of_one_line_are_stops_on_the_way_back() {
    let fixture = Fixture::load("one_line");
    let explorer = recording("one_line").explore();
    let line = |mark: &str| u64::from(fixture.line(mark));
    for back in ["sb", "rn"] {
        let getters = ask(&explorer, "Box::size", &[back, back]);
        assert!(getters[0].function().is_some_and(|name| name.contains("empty")), "{getters:?}");
        assert_eq!(place(&getters[1]), ("main", line("asks")), "{back}");
        let nested = ask(&explorer, "twice", &[back, back]);
        let function = |answer: &Answer| answer.function().unwrap_or_default().to_owned();
        assert!(function(&nested[0]).starts_with("both"), "{nested:?}");
        assert_eq!(place(&nested[1]), ("main", line("calls")), "{back}");
        let commands = [back, "print n", back, "print n", back];
        let recursive = ask(&explorer, "down if n == 3", &commands);
        assert_eq!(
            (recursive[1].get("value"), recursive[3].get("value")),
            (&"2".into(), &"1".into())
        );
        assert_eq!(place(&recursive[4]), ("main", line("descends")), "{back}");
    }
    // Out of the second call in one line, then into the first.
    let commands = ["break twice", "rc", "rc", "delete", "sb", "sb"];
    let answers = explorer.ask(&commands);
    assert!(answers[4].function().is_some_and(|name| name.starts_with("both")), "{answers:?}");
    assert!(answers[5].function().is_some_and(|name| name.starts_with("twice")), "{answers:?}");
    assert!(answers[5].tracepoint() >= answers[1].tracepoint(), "{answers:?}");
}
