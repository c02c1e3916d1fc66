//! Parameters in vector registers that the function has overwritten, against what the fixture's
//! source passes.

use rdb_tests::recording::recording;

#[test]
fn parameters_in_vector_registers_are_those_at_the_call() {
    let place = rdb_tests::fixture::Fixture::load("entry_values").place("stop");
    let explorer = recording("entry_values").explore();
    let stop = [format!("break {place}"), "rc".into(), "rc".into()];
    // Called with d * 3, which is computed, and with constants.
    for (call, wanted) in [(2, ["3", "1.5", "4", "1"]), (3, ["2.25", "1.5", "5", "1"])] {
        let ask = ["print x", "print y", "print n", "up", "print d"].map(str::to_owned);
        let answers = explorer.ask(&[&stop[..call], &ask].concat());
        let values = answers.iter().filter(|answer| answer.command.starts_with("print"));
        let values: Vec<_> = values.map(|answer| answer.get("value").clone()).collect();
        assert_eq!(values, wanted, "call {}", call - 1);
    }
}

#[test]
fn parameters_of_outer_frames_are_those_at_their_calls_however_long_ago() {
    let place = rdb_tests::fixture::Fixture::load("entry_values").place("deepest");
    let explorer = recording("entry_values").explore();
    let stack = explorer.last(&[format!("tbreak {place}"), "c".into(), "bt 60".into()]);
    let frames = stack.get("frames").as_array().expect("frames");
    let values: Vec<_> =
        frames.iter().map(|frame| frame["arguments"][0]["value"].clone()).collect();
    let wanted: Vec<_> = (1..=60).rev().map(|depth| depth.to_string()).collect();
    assert_eq!(values, wanted);
}

#[test]
fn what_has_no_place_is_not_asked_about_as_an_address() {
    let place = rdb_tests::fixture::Fixture::load("entry_values").place("stop");
    let explorer = recording("entry_values").explore();
    let stop = [format!("break {place}"), "rc".into(), "rc".into()];
    let questions = ["print y", "mod list y", "last y", "watch n + 1", "reads n + 1"];
    let (_, answers) = explorer.attempt(&[&stop[..], &questions.map(str::to_owned)].concat());
    let [_, _, _, value, list, last, computed @ ..] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(value.get("value"), "1.5");
    // It was in a register for a while, and nobody wrote to it there.
    assert_eq!(list.get("subject")["kind"], "variable", "{list:?}");
    assert_eq!(list.get("modifications").as_array().map(Vec::len), Some(0), "{list:?}");
    assert!(last.error.as_deref().unwrap_or_default().contains("not written before"), "{last:?}");
    for answer in computed {
        let error = answer.error.as_deref().unwrap_or_default();
        assert!(error.contains("has no place here") || error.contains("is computed"), "{answer:?}");
    }
}
