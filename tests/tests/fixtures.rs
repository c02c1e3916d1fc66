//! The fixtures against their own truth, unrecorded: what later tests rely on. And gdb, the
//! oracle, against itself.

use rdb_tests::compile::{Flavour, compile, first_flavour};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::oracle;

#[test]
fn every_fixture_builds_in_every_flavour_and_does_what_its_truth_says() {
    for fixture in Fixture::all() {
        for name in &fixture.truth.flavours {
            let guest = Guest::fixture(&fixture, Flavour::named(name));
            if !fixture.truth.interactive {
                check(&fixture, &guest, name);
            }
        }
    }
}

fn check(fixture: &Fixture, guest: &Guest, flavour: &str) {
    let (name, truth, output) = (&fixture.name, &fixture.truth, guest.unrecorded());
    if let Some(expected) = &truth.stdout {
        assert_eq!(&output.stdout_text(), expected, "{name} {flavour}");
        assert_eq!(output.stderr_text(), truth.stderr, "{name} {flavour}");
    }
    if let Some(length) = truth.stdout_length {
        assert_eq!(output.stdout.len(), length, "{name} {flavour}");
    }
    assert_eq!(output.code(), truth.code(), "{name} {flavour}");
}

#[test]
fn every_mark_that_a_truth_names_exists() {
    for fixture in Fixture::all() {
        let truth = &fixture.truth;
        let valued = truth.values.iter().map(|value| &value.mark);
        for mark in truth.visits.iter().chain(&truth.never).chain(truth.hits.keys()).chain(valued) {
            assert!(fixture.line(mark) > 0);
        }
    }
}

#[test]
fn gdb_steps_a_program_the_same_way_twice() {
    let fixture = Fixture::load("tree");
    let guest = Guest::fixture(&fixture, Flavour::O0);
    let Some(steps) = oracle::steps(&guest, Some("main"), 600) else { return };
    assert_eq!(steps.len(), 600);
    let masked =
        steps.iter().flat_map(|step| &step.registers).filter(|value| value.is_none()).count();
    assert!(masked * 50 < steps.len() * oracle::REGISTERS.len(), "{masked} values differ");
    let place = fixture.place("build");
    assert!(steps.iter().any(|step| step.line.as_deref() == Some(place.as_str())));
}

#[test]
fn a_compiled_fixture_is_found_again() {
    let fixture = Fixture::load("hello");
    let first = compile(&fixture, Flavour::O0);
    let made = std::fs::metadata(&first).and_then(|data| data.modified()).expect("a file's time");
    let second = compile(&fixture, Flavour::O0);
    let found = std::fs::metadata(&second).and_then(|data| data.modified()).expect("a file's time");
    assert_eq!((first, made), (second, found));
}

/// Lines begun, as gdb's breakpoints see them.
#[test]
fn gdb_visits_the_lines_that_the_truths_name() {
    for fixture in Fixture::all().iter().filter(|fixture| visitable(fixture)) {
        let truth = &fixture.truth;
        let marks = truth.visits.iter().chain(&truth.never).chain(truth.hits.keys());
        let mut places: Vec<String> = marks.map(|mark| fixture.place(mark)).collect();
        places.sort();
        places.dedup();
        let guest = Guest::fixture(fixture, first_flavour(fixture));
        let Some(stops) = oracle::visits(&guest, &places) else { return };
        check_stops(fixture, &stops);
    }
}

/// Programs whose lines gdb can follow: not those that stop themselves, handle SIGTRAP (which gdb
/// keeps for itself), are inlined, or get signals faster than gdb passes them on on a slow day.
fn visitable(fixture: &Fixture) -> bool {
    let truth = &fixture.truth;
    !truth.interactive
        && !truth.visits.is_empty()
        && first_flavour(fixture) != Flavour::O2
        && !["sigstop", "fault_handled", "traps", "trap_mask", "quiet_timer"]
            .contains(&fixture.name.as_str())
}

fn check_stops(fixture: &Fixture, stops: &[String]) {
    let (name, truth) = (&fixture.name, &fixture.truth);
    let expected: Vec<String> = truth.visits.iter().map(|mark| fixture.place(mark)).collect();
    let mut first: Vec<String> = Vec::new();
    for stop in stops {
        if !first.contains(stop) {
            first.push(stop.clone());
        }
    }
    first.retain(|place| expected.contains(place));
    if truth.sealed_early {
        first.truncate(expected.len());
    }
    assert_eq!(first, expected, "{name}");
    for mark in &truth.never {
        assert!(!stops.contains(&fixture.place(mark)), "{name}: {mark}");
    }
    for (mark, count) in &truth.hits {
        let place = fixture.place(mark);
        assert_eq!(stops.iter().filter(|stop| **stop == place).count(), *count, "{name}: {mark}");
    }
}
