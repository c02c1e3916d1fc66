//! Values at every execution of a place.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::measure::programs::{PAGES, build};
use rdb_tests::recording::recording;
use serde_json::Value;

/// The rows: tracepoint, and the values as text.
fn rows(answer: &Answer) -> Vec<(u64, Vec<String>)> {
    let samples = answer.get("samples").as_array().expect("samples");
    let text =
        |value: &Value| value["value"].as_str().or(value["error"].as_str()).map(str::to_owned);
    let row = |sample: &Value| {
        let values = sample["values"].as_array().expect("values").iter();
        let values = values.map(|value| text(value).expect("text")).collect();
        (sample["tracepoint"].as_u64().expect("a tracepoint"), values)
    };
    samples.iter().map(row).collect()
}

/// The same by stopping at each.
fn by_stops(place: &str, condition: &str, count: usize) -> Vec<(u64, Vec<String>)> {
    let mut commands = vec![format!("break {place}{condition}")];
    commands.extend((0..count).flat_map(|_| ["rc", "print n", "print n * 2"].map(str::to_owned)));
    let answers = recording("recursion").explore().ask(&commands);
    let stops = answers[1..].chunks(3).inspect(|three| assert_eq!(three[0].reason(), "breakpoint"));
    let value = |answer: &Answer| answer.get("value").as_str().expect("a value").to_owned();
    stops.map(|three| (three[0].tracepoint(), three[1..].iter().map(value).collect())).collect()
}

#[test]
fn print_each_has_a_row_for_every_execution() {
    let place = Fixture::load("recursion").place("bottom");
    let explorer = recording("recursion").explore();
    let all = explorer.last(&[format!("print-each n, n * 2 at {place}")]);
    // fibonacci(10) ends in fibonacci(1) 55 times, and in fibonacci(0) 34 times.
    let ones = |rows: &[(u64, Vec<String>)]| rows.iter().filter(|row| row.1 == ["1", "2"]).count();
    assert_eq!((rows(&all).len(), ones(&rows(&all))), (55 + 34, 55));
    assert_eq!(rows(&all), by_stops(&place, "", 89));
    let some = explorer.last(&[format!("print-each n, n * 2 at {place} if n == 0")]);
    assert_eq!(rows(&some), by_stops(&place, " if n == 0", 34));
    assert_eq!(rows(&some).len(), 34);
    let first = explorer.last(&[format!("each -c 3 n at {place}")]);
    assert_eq!((rows(&first).len(), first.get("more").as_bool()), (3, Some(true)));
    let middle = rows(&all)[40].0;
    let go = format!("jump {middle}");
    let past = explorer.last(&[go.clone(), format!("each -c 2 -w past n,n*2 at {place}")]);
    assert_eq!(rows(&past), rows(&all)[38..40]);
    let future = explorer.last(&[go, format!("each -c 2 -w future n, n*2 at {place}")]);
    assert_eq!(rows(&future), rows(&all)[40..42]);
    assert_eq!(future.get("samples")[0]["current"], true);
}

#[test]
fn print_each_says_what_has_no_value() {
    let place = Fixture::load("recursion").place("bottom");
    let explorer = recording("recursion").explore();
    let answer = explorer.last(&[format!("each -c 1 n, 1 / (n - n), *(int *)0 at {place}")]);
    let row = &rows(&answer)[0].1;
    assert!(row[1].contains("division by zero") && row[2].contains("0x0"), "{row:?}");
    let text = explorer.text(&[format!("each n at {place} if *(int *)(n - 1)")]).stdout_text();
    assert!(text.contains("no value at any of the 89 executions there: "), "{text}");
    for refused in [
        "each n",
        "each n at",
        "each at main",
        "each n, at main",
        "each 1 + at main",
        "each n at main if",
    ] {
        let (output, answers) = explorer.attempt(&[refused]);
        assert_eq!(output.code(), 1, "{refused}");
        assert!(answers[0].error.is_some(), "{refused}");
    }
}

#[test]
fn print_each_tells_a_condition_that_never_holds_from_a_place_that_never_ran() {
    let fixture = Fixture::load("recursion");
    let place = fixture.place("bottom");
    let explorer = recording("recursion").explore();
    let never = format!("each n at {place} if n > 1");
    let answer = explorer.last(&[&*never]);
    assert_eq!((rows(&answer).len(), answer.get("executed").as_bool()), (0, Some(true)));
    let text = explorer.text(&[&*never]).stdout_text();
    assert_eq!(text.trim(), "The condition holds at no execution there.");
    let unknown = explorer.text(&[format!("each n at {place} if *(int *)0")]).stdout_text();
    assert!(unknown.starts_with("The condition has no value at any of the "), "{unknown}");
    let some = format!("each n at {place} if n > 1 || (n == 1 && *(int *)(n - 1))");
    let some = explorer.text(&[some]).stdout_text();
    assert!(!some.contains("holds at no execution there."), "{some}");
    for question in [format!("each -w future n at {place} if n > 1"), "each 1 at abort".to_owned()]
    {
        let text = explorer.text(&["rend", &question]).stdout_text();
        assert!(text.lines().any(|line| line == "Not executed there."), "{question}: {text}");
    }
}

/// Each call of the program's `step` finds in `counter` how many there were before it: 150,000
/// in five million instructions, so that most are looked at chunk by chunk.
#[test]
fn print_each_over_many_chunks() {
    let mut guest = Guest::system("", &["5"]);
    guest.program = build(PAGES, guest.directory());
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
    let explorer = Explorer::new(&recording.trace);
    let values = |command: &str| -> Vec<u64> {
        let rows = rows(&explorer.last(&["rend", command]));
        assert!(rows.is_sorted_by(|a, b| a.0 < b.0), "in order");
        rows.iter().map(|row| row.1[0].parse().expect("a number")).collect()
    };
    let all: Vec<u64> = (7..150_000).step_by(1000).collect();
    assert_eq!(values("each counter at step if counter % 1000 == 7"), all);
    assert_eq!(values("each -c 2 counter at step if counter % 70000 == 69999"), [69_999, 139_999]);
    let past = "each -w past -c 3 counter at step if counter % 1000 == 7";
    assert_eq!(values(past), all[all.len() - 3..]);
    assert_eq!(values("each -c 1 counter at step if counter == 149999"), [149_999]);
    let counted = explorer.text(&["each -c 0 counter at step if 1 / (counter % 50000)"]);
    let counted = counted.stdout_text();
    assert!(counted.contains("3 executions"), "{counted}");
    let fault =
        explorer.text(&["each -c 9 counter at step if 1 / (counter % 50000)"]).stdout_text();
    assert!(fault.contains("no value at 3 of the executions: division by zero"), "{fault}");
}
