//! Places as they are typed: files, quotes and parameters, as gdb takes them.

use rdb_tests::compile::Flavour;
use rdb_tests::explorer::{Answer, parse_hex};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::oracle;
use rdb_tests::recording::recording;

/// The lines that a breakpoint is at.
fn lines(answer: &Answer) -> Vec<u64> {
    let targets = answer.get("breakpoint")["targets"].as_array().expect("targets");
    targets.iter().map(|target| target["line"].as_u64().expect("a line")).collect()
}

/// Line, start and end of each row that an answer of gdb's tells of.
fn told(text: &str) -> Vec<(u64, u64, u64)> {
    let hex = |word: &&str| word.starts_with("0x");
    let row = |line: &str| {
        let mut bounds =
            line.split_whitespace().filter(hex).map(|w| parse_hex(w.trim_end_matches('.')));
        let number = line.strip_prefix("Line ")?.split(' ').next()?.parse().ok()?;
        Some((number, bounds.next()?, bounds.next()?))
    };
    let mut rows: Vec<_> = text.lines().filter_map(row).collect();
    rows.sort_unstable();
    rows
}

fn rows(answer: &Answer) -> Vec<(u64, u64, u64)> {
    let bound = |row: &serde_json::Value, name: &str| parse_hex(row[name].as_str().expect(name));
    let lines = answer.get("lines").as_array().unwrap_or_else(|| panic!("{answer:?}"));
    let row = |row| (row_line(row), bound(row, "start"), bound(row, "end"));
    let mut rows: Vec<_> = lines.iter().map(row).collect();
    rows.sort_unstable();
    rows
}

fn row_line(row: &serde_json::Value) -> u64 {
    row["line"].as_u64().expect("a line")
}

/// Compares `info line` with gdb's where the program is at a mark.
fn assert_same_rows(name: &str, flavour: Flavour, mark: &str, locations: &[&str]) {
    let fixture = Fixture::load(name);
    let guest = Guest::fixture(&fixture, flavour);
    let place = fixture.place(mark);
    let commands: Vec<String> = locations.iter().map(|at| format!("info line {at}")).collect();
    let Some(expected) = oracle::answers(&guest, &place, 1, &commands) else { return };
    let until = format!("until {place}");
    let answers = guest.record(&[]).explore().ask(&[&[until][..], &commands].concat());
    for ((command, answer), expected) in commands.iter().zip(&answers[1..]).zip(&expected) {
        assert_eq!(rows(answer), told(expected), "{command}\n{expected}");
    }
}

#[test]
fn info_line_tells_where_functions_begin_as_gdb_does() {
    let locations = ["main", "over", "over(double)", "'over(int)'", "ns::C::f", "bases.cpp:main"];
    assert_same_rows("bases", Flavour::O0, "print", &locations);
    assert_same_rows("inline", Flavour::O2, "call", &["main", "square", "outer", "poly"]);
}

#[test]
fn functions_are_named_with_files_quotes_and_parameters() {
    let fixture = Fixture::load("bases");
    let line = |mark: &str| u64::from(fixture.line(mark));
    let chosen = [
        ("'over(double)'", vec!["double"]),
        ("\"over(double)\"", vec!["double"]),
        ("bases.cpp:over(double)", vec!["double"]),
        ("bases.cpp : over ( int )", vec!["int"]),
        ("bases.cpp:'over(int)'", vec!["int"]),
        ("'bases.cpp':ns::C::f(int) const", vec!["const"]),
        ("'bases.cpp:over(int)'", vec!["int"]),
        ("bases.cpp:ns::C::f", vec!["plain", "text", "const"]),
    ];
    let commands: Vec<_> = chosen.iter().map(|(name, _)| format!("break {name}")).collect();
    let answers = recording("bases").explore().ask(&commands);
    for ((name, marks), answer) in chosen.iter().zip(&answers) {
        let expected: Vec<u64> = marks.iter().map(|mark| line(mark)).collect();
        assert_eq!(lines(answer), expected, "{name}");
    }
}

#[test]
fn all_commands_take_the_same_locations() {
    let fixture = Fixture::load("bases");
    let double = u64::from(fixture.line("double"));
    let explorer = recording("bases").explore();
    let name = "bases.cpp:'over( double )'";
    let count = |answer: &Answer, of: &str| answer.get(of).as_array().map(Vec::len);
    let answers = explorer.ask(&[format!("calls {name}"), format!("executions {name}")]);
    assert_eq!(count(&answers[0], "calls"), Some(1));
    assert_eq!(count(&answers[1], "executions"), Some(1));
    let until = ["until", "advance"].map(|command| format!("{command} {name}"));
    for command in until.iter().map(String::as_str).chain(["rl -l bases.cpp:over(double)"]) {
        let answer = explorer.last(&[command]);
        assert_eq!(answer.line(), Some(double), "{command}: {answer:?}");
    }
    let stopped = explorer.last(&[&*format!("tbreak {name}"), "rc"]);
    assert_eq!(stopped.line(), Some(double), "{stopped:?}");
    let listed = explorer.last(&["list ns::C::f(int, char const*)"]);
    let text = u64::from(fixture.line("text"));
    let numbers: Vec<_> =
        listed.get("lines").as_array().expect("lines").iter().map(|l| l["line"].as_u64()).collect();
    assert!(numbers.contains(&Some(text)), "{listed:?}");
    let code = explorer.last(&["disassemble 'ns::C::f(int, char const*)'"]);
    assert!(code.ok, "{code:?}");
}

#[test]
fn what_is_wrong_with_a_location_is_said() {
    let wrong = [
        ("bases.cpp:99999999999", "no file has a line 99999999999"),
        ("4294967296", "no file has a line 4294967296"),
        ("bases.cpp:nosuch", "no function \"nosuch\" in \"bases.cpp\""),
        ("bases.cpp:over(float)", "there are over("),
        ("nosuch.c:main", "no source file \"nosuch.c\""),
        ("'main", "a quote is not closed: 'main"),
        ("'main' x", "\"x\" stands behind the quotes"),
        ("bases.cpp:", "say bases.cpp:LINE or bases.cpp:FUNCTION"),
    ];
    let explorer = recording("bases").explore();
    for command in ["break", "calls", "executions", "info line", "list", "until"] {
        let commands: Vec<_> = wrong.iter().map(|(at, _)| format!("{command} {at}")).collect();
        let (_, answers) = explorer.attempt(&commands);
        for (answer, (_, said)) in answers.iter().zip(&wrong) {
            let error = answer.error.as_deref().unwrap_or_default();
            assert!(error.contains(said), "{}: {error}", answer.command);
        }
    }
}

#[test]
fn before_the_program_begins_the_file_of_its_main_is_current() {
    for (name, file, mark) in [
        ("collections", "collections.rs", "print"),
        ("rust_types", "rust_types.rs", "print"),
        ("pieces", "pieces.c", "use"),
        ("containers", "containers.cpp", "print"),
    ] {
        let fixture = Fixture::load(name);
        let line = fixture.line(mark);
        let set = format!("break {line}");
        let answers = recording(name).explore().ask(&["list", &set]);
        let listed = answers[0].get("file").as_str().unwrap_or_default();
        assert!(listed.ends_with(file), "{listed}");
        let lines = answers[0].get("lines").as_array().expect("lines");
        let has_main = |line: &serde_json::Value| {
            let text = line["text"].as_str().unwrap_or_default();
            text.contains("main(")
        };
        assert!(lines.iter().any(has_main), "{lines:?}");
        let targets = answers[1].get("breakpoint")["targets"].as_array().expect("targets");
        let is_there = |target: &serde_json::Value| {
            target["file"].as_str().is_some_and(|own| own.ends_with(file))
        };
        assert!(!targets.is_empty() && targets.iter().all(is_there), "{targets:?}");
    }
}
