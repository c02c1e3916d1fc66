//! Questions about bit-fields are about their bits, not about the bytes they share.

use rdb_tests::compile::{Flavour, must_run};
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::recording::recording_of;
use serde_json::Value;
use std::process::Command;

/// Line, old and new value of each modification.
fn writes(answer: &Answer) -> Vec<(u64, String, String)> {
    let rows = answer.get("modifications").as_array().expect("modifications").iter();
    let text = |row: &Value, field: &str| row[field].as_str().expect("a value").to_owned();
    let one = |row: &Value| {
        let line = row["line"].as_u64().expect("a line");
        (line, text(row, "old_value"), text(row, "new_value"))
    };
    rows.map(one).collect()
}

/// What the source says was written: mark, old and new value.
fn expected(fixture: &Fixture, all: &[(&str, &str, &str)]) -> Vec<(u64, String, String)> {
    let one = |(mark, old, new): &(&str, &str, &str)| {
        (u64::from(fixture.line(mark)), (*old).to_owned(), (*new).to_owned())
    };
    all.iter().map(one).collect()
}

fn check(explorer: &Explorer) {
    let fixture = Fixture::load("bit_fields");
    let own = |field: &str, all: &[(&str, &str, &str)]| {
        let question = format!("mod list -w past s.{field}");
        let found = writes(&explorer.last(&["rend", &question]));
        assert_eq!(found, expected(&fixture, all), "{field}");
    };
    own("level", &[("level", "0", "-3"), ("raised", "-3", "7"), ("lowered", "7", "-13")]);
    own("wide", &[("wide", "0", "1500"), ("wide", "1500", "1500"), ("wide", "1500", "1500")]);
    let count = "123456789012";
    own("count", &[("count", "0", count), ("count", count, count), ("count", count, count)]);
    own("mode", &[("mode", "IDLE", "BUSY"), ("mode", "BUSY", "BUSY"), ("mode", "BUSY", "BUSY")]);
    // The last write, and that before it.
    let answers = explorer.ask(&["rend", "last s.level", "last s.level", "last -w future s.level"]);
    let lines: Vec<_> = answers[1..].iter().map(|answer| answer.line()).collect();
    let line = |mark| Some(u64::from(fixture.line(mark)));
    assert_eq!(lines, [line("lowered"), line("raised"), line("lowered")]);
}

#[test]
fn modifications_of_bit_fields_are_writes_of_their_bits() {
    let fixture = Fixture::load("bit_fields");
    for flavour in [Flavour::O0, Flavour::Dwarf4, Flavour::Dwarf5] {
        check(&recording_of(&fixture, flavour).explore());
    }
}

#[test]
fn so_they_are_in_cpp_with_each_way_of_saying_where_they_are() {
    let fixture = Fixture::load("bit_fields");
    // Strictly, DWARF 3 and 4 count from the most significant bit: DW_AT_bit_offset.
    for flags in [["-gdwarf-5", "-gno-strict-dwarf"], ["-gdwarf-3", "-gstrict-dwarf"]] {
        let mut guest = Guest::system("", &[]);
        guest.program = guest.directory().join("bit_fields");
        let mut compiler = Command::new("g++");
        compiler.args(flags).args(["-w", "-x", "c++", "-o"]).arg(&guest.program);
        must_run(compiler.arg(&fixture.source));
        let recording = guest.record(&[]);
        assert_eq!(recording.output.stdout_text(), fixture.truth.stdout.clone().expect("a truth"));
        check(&recording.explore());
    }
}

#[test]
fn a_watched_bit_field_stops_where_it_changes_and_shows_its_values() {
    let fixture = Fixture::load("bit_fields");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    let stop = |answer: &Answer| {
        let stop = answer.get("stop");
        (
            stop["old_value"].as_str().map(str::to_owned),
            stop["new_value"].as_str().map(str::to_owned),
        )
    };
    let commands = ["watch s.level", "rc", "rc", "rc", "rc"];
    let answers = explorer.ask(&commands);
    let reasons: Vec<_> = answers[1..].iter().map(Answer::reason).collect();
    assert_eq!(reasons, ["watch", "watch", "watch", "exit"]);
    let both = |old: &str, new: &str| (Some(old.to_owned()), Some(new.to_owned()));
    assert_eq!(stop(&answers[1]), both("0", "-3"));
    assert_eq!(stop(&answers[3]), both("7", "-13"));
    let text = explorer.text(&commands).stdout_text();
    assert!(text.contains("Watchpoint 1: s.level, -3 -> 7"), "{text}");
    // Backwards, and kept beside the trace as what it is.
    let answers = explorer.ask(&["rend", "watch s.mode", "cr", "cr", "info b"]);
    assert_eq!((answers[2].reason(), answers[3].reason()), ("watch", "start"));
    let bits = &answers[4].get("breakpoints")[0]["watch"]["subject"]["bits"];
    assert_eq!((&bits["offset"], &bits["size"]), (&1.into(), &2.into()));
}

#[test]
fn reads_of_a_bit_field_are_those_of_its_bytes_and_said_to_be() {
    let fixture = Fixture::load("bit_fields");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    // Its single byte is loaded for each write to what shares it, not for writes to `mode`.
    let reads = explorer.last(&["rend", "reads -c 100 s.ready"]);
    let lines = reads.get("reads").as_array().expect("reads").iter();
    let lines: Vec<_> = lines.filter_map(|read| read["line"].as_u64()).collect();
    assert!(!lines.contains(&u64::from(fixture.line("mode"))), "{lines:?}");
    assert!(lines.contains(&u64::from(fixture.line("level"))), "{lines:?}");
    let text = explorer.text(&["rend", "reads s.ready"]).stdout_text();
    assert!(text.contains("Loads take whole bytes"), "{text}");
}
