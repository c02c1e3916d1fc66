//! `--timings`: where a recording's time went, told at its end.

use rdb_tests::closing::Closing;
use rdb_tests::guest::Guest;
use rdb_tests::process::run;
use rdb_tests::timings::Timings;

/// The recorder's closing line and timings, of a program that does little.
fn told(engine: &str) -> (Closing, Timings) {
    let guest = Guest::system("/bin/true", &[]);
    let output = run(guest.record_command(&["--timings", "--engine", engine]), b"", guest.limit);
    let text = output.stderr_text();
    let told = Closing::parse(&text).zip(Timings::parse(&text));
    told.unwrap_or_else(|| panic!("{engine}: {text}"))
}

fn number(numbers: &[(String, f64)], name: &str) -> f64 {
    let found = numbers.iter().find(|(other, _)| other == name);
    found.unwrap_or_else(|| panic!("no {name} in {numbers:?}")).1
}

#[test]
fn stepping_stops_for_every_instruction() {
    let (closing, timings) = told("step");
    let stops = |name| number(&timings.stops, name);
    // Most are steps; a system call is stopped for otherwise, a repetition by a breakpoint.
    assert!(stops("single steps") > 0.9 * closing.instructions as f64, "{timings:?}");
    assert!(stops("system calls") > 10.0, "{timings:?}");
    assert_eq!(stops("untranslated code"), 0.0);
}

#[test]
fn translating_stops_for_code_that_is_new() {
    let (closing, timings) = told("auto");
    let stops = |name| number(&timings.stops, name);
    assert!(stops("single steps") < 0.1 * closing.instructions as f64, "{timings:?}");
    assert!(stops("untranslated code") > 100.0, "{timings:?}");
    assert!(number(&timings.seconds, "engine translates") > 0.0, "{timings:?}");
}

#[test]
fn parts_are_no_longer_than_the_whole() {
    let (closing, timings) = told("auto");
    let seconds = |name| number(&timings.seconds, name);
    let parts = ["engine's own code", "engine in the kernel", "engine blocked"];
    let sum: f64 = parts.into_iter().map(seconds).sum();
    // Processor time is counted in ticks of up to 10 ms.
    assert!(sum <= seconds("recording") + 0.03, "{timings:?}");
    assert!((seconds("recording") - closing.seconds).abs() < 0.05, "{timings:?}");
}
