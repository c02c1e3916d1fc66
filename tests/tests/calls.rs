//! `calls`: arguments as they are declared, values as they are returned, and tables that fit.

use rdb_tests::binaries::binaries;
use rdb_tests::compile::{Flavour, must_run};
use rdb_tests::explorer::{Answer, Explorer, parse_hex};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::process::{LIMIT, run};
use rdb_tests::recording::recording_of;
use rdb_tests::tools::require_tool;
use serde_json::Value;
use std::process::Command;

fn returned(flavour: Flavour) -> Explorer {
    recording_of(&Fixture::load("returned"), flavour).explore()
}

/// `name=value` of each parameter of a call, and what it returned.
fn call(row: &Value) -> (String, String) {
    let text = |value: &Value| value["value"].as_str().unwrap_or("?").to_owned();
    let parameters = row["parameters"].as_array().expect("parameters").iter();
    let one = |value: &Value| format!("{}={}", value["name"].as_str().unwrap_or("?"), text(value));
    (parameters.map(one).collect::<Vec<_>>().join(" "), text(&row["returned"]))
}

fn rows(answer: &Answer) -> Vec<Value> {
    answer.get("calls").as_array().expect("calls").clone()
}

/// Function, arguments and value: what the program's source says.
type Truth = (&'static str, &'static str, &'static str);

fn check(explorer: &Explorer, truth: &[Truth], which: &str) {
    let questions: Vec<String> =
        truth.iter().map(|(function, ..)| format!("calls {function}")).collect();
    for (answer, (function, arguments, value)) in explorer.ask(&questions).iter().zip(truth) {
        let found = rows(answer).iter().map(call).collect::<Vec<_>>();
        assert_eq!(found, [((*arguments).to_owned(), (*value).to_owned())], "{function} {which}");
    }
}

/// By the System V ABI's classes.
const RECORDS: [Truth; 5] = [
    ("make_pair", "a=3", "{a = 3, b = 120 'x'}"),
    ("make_wide", "a=5", "{a = 5, b = 10}"),
    ("make_mixed", "a=7", "{d = 3.5, n = 7}"),
    ("make_big", "a=9", "{v = {9, 10, 0, 0, 0, 0, 0, 0, 0, 0}}"),
    ("make_floats", "a=1.5", "{x = 1.5, y = 2.5}"),
];

#[test]
fn values_are_returned_in_the_types_of_their_functions() {
    let others = [
        ("half", "a=3", "1.5"),
        ("quarter", "a=3", "0.75"),
        ("is_even", "a=4", "true"),
        ("colour_of", "a=1", "GREEN"),
        ("negated", "a=7", "-7"),
    ];
    for flavour in [Flavour::O0, Flavour::O2, Flavour::Dwarf4] {
        let truth = [&RECORDS[..], &others].concat();
        check(&returned(flavour), &truth, &format!("{flavour:?}"));
    }
}

#[test]
fn plain_records_of_cpp_are_returned_as_in_c() {
    let mut guest = Guest::system("", &[]);
    guest.program = guest.directory().join("returned");
    let mut compiler = Command::new("g++");
    compiler.args(["-g", "-gdwarf-5", "-O1", "-w", "-x", "c++", "-o"]).arg(&guest.program);
    must_run(compiler.arg(&Fixture::load("returned").source));
    check(&guest.record(&[]).explore(), &RECORDS, "C++");
}

#[test]
fn vectors_and_what_is_in_memory_are_told_by_their_classes() {
    let truth = [
        ("make_lone", "a=1", "{v = {1, 2, 3, 4}}"),
        ("make_either", "a=1.5", "{v = {0, 1.9375, 0, 2.0625}, d = {1.5, 2.5}}"),
        ("make_ordered", "a=9", "{n = 9, d = 4.5}"),
        ("make_wide", "a=3", "55340232221128654849"),
        ("make_complex", "a=5", "5 + 2i"),
    ];
    for flavour in [Flavour::O0, Flavour::O2] {
        let explorer = recording_of(&Fixture::load("classes"), flavour).explore();
        check(&explorer, &truth, &format!("{flavour:?}"));
        // A field that is not aligned: not in registers.
        let rows = rows(&explorer.last(&["rend", "calls make_packed"]));
        assert_eq!(rows.len(), 1);
        assert!(rows[0].get("returned").is_none(), "{rows:?}");
    }
}

#[test]
fn what_has_a_destructor_is_where_rax_points_to() {
    for flavour in [Flavour::O0, Flavour::Dwarf4] {
        let explorer = recording_of(&Fixture::load("methods"), flavour).explore();
        check(&explorer, &[("make_handle", "number=7", "{number = 7, more = 8}")], "C++");
    }
}

#[test]
fn of_rust_only_what_is_sure_is_told() {
    let explorer = recording_of(&Fixture::load("returned_rust"), Flavour::O0).explore();
    let answers = explorer.ask(&["rend", "calls make_big", "calls make_small", "calls make_wide"]);
    let big = rows(&answers[1]);
    assert_eq!(big[0]["parameters"][0]["value"], "5", "{big:?}");
    let value = big[0]["returned"]["value"].as_str().unwrap_or_default();
    assert!(
        ["first: 5", "second: 6", "third: 7"].iter().all(|part| value.contains(part)),
        "{big:?}"
    );
    for answer in &answers[2..] {
        assert!(rows(answer)[0].get("returned").is_none(), "{answer:?}");
    }
    let text = explorer.text(&["rend", "calls make_some"]).stdout_text();
    assert!(text.contains("not known (rax=0x"), "{text}");
    // The address of a place is no part of the value.
    let text = explorer.text(&["rend", "calls make_bytes"]).stdout_text();
    assert!(text.contains("not known") && !text.contains("rax="), "{text}");
}

#[test]
fn calls_are_of_whole_functions() {
    let fixture = Fixture::load("returned");
    let explorer = returned(Flavour::O0);
    let answers = explorer.ask(&["rend", "calls half", "info address half"]);
    let calls = rows(&answers[1]);
    let place = answers[2].get("place").as_str().unwrap_or_default();
    let entry = place.split(' ').find(|word| word.starts_with("0x")).map(parse_hex);
    let inside = format!("calls *{:#x}", entry.expect("an address") + 4);
    let (_, answers) = explorer.attempt(&[&inside]);
    let error = answers[0].error.clone().unwrap_or_default();
    assert!(error.contains("inside of half") && error.contains("executions *0x"), "{error}");
    // The line of its `return` is in it.
    let source = std::fs::read_to_string(&fixture.source).expect("the source");
    let line = source.lines().position(|line| line.contains("return a / 2.0")).expect("a line");
    let questions = ["rend".to_owned(), format!("calls {}:{}", fixture.source_name(), line + 1)];
    assert_eq!(rows(&explorer.last(&questions)), calls);
    let pattern = explorer.last(&["rend", "calls /^hal.$/"]);
    assert_eq!(rows(&pattern), calls);
}

#[test]
fn texts_are_those_of_the_moment() {
    for flavour in [Flavour::O0, Flavour::O2] {
        let explorer = returned(flavour);
        let rows = rows(&explorer.last(&["rend", "calls first"]));
        let texts: Vec<_> = rows.iter().map(|row| call(row).0).collect();
        let has = |row: usize, text: &str| texts.get(row).is_some_and(|all| all.contains(text));
        assert!(has(0, "\"hello\" n=3 d=2.5 p=0x"), "{texts:?}");
        assert!(has(1, "\"before\" n=4 d=0 p=0x"), "it was overwritten later: {texts:?}");
        // The registers are told as well.
        assert_eq!(rows[0]["arguments"][1], "0x3");
        assert!(rows[0]["caller"]["function"] == "main");
        let named = explorer.text(&["rend", "calls name_of"]).stdout_text();
        assert!(named.lines().any(|line| line.contains("a=1 ") && line.contains("\"one\"")));
        let nothing = explorer.text(&["rend", "calls nothing"]).stdout_text();
        assert!(nothing.contains("w=..., f=2.5") && nothing.contains("void"), "{nothing}");
    }
}

#[test]
fn without_debug_information_they_are_registers() {
    // Stripping moves no code.
    let answer = returned(Flavour::O0).last(&["rend", "executions half"]);
    let body = answer.get("executions")[0]["pc"].as_str().map(parse_hex).expect("a pc");
    let offset = answer.get("executions")[0]["offset"].as_u64().expect("an offset");
    let question = format!("calls *{:#x}", body - offset);
    let rows = rows(&returned(Flavour::Stripped).last(&["rend", &question]));
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].get("parameters").is_none() && rows[0].get("returned").is_none());
    assert_eq!(rows[0]["arguments"][0], "0x3");
}

#[test]
fn the_table_fits_the_terminal() {
    let Some(script) = require_tool("script") else { return };
    let trace = recording_of(&Fixture::load("returned"), Flavour::O0).trace;
    let explorer = binaries().explore.display().to_string();
    let ask = format!("{explorer} {} -c rend -c 'calls first'", trace.display());
    let wide = (80, "main at returned.c:104", "name=\"hello\",");
    for (columns, place, argument) in [wide, (60, " at returned.c:104", "name=\"h")] {
        let mut command = Command::new(&script);
        let ask = format!("stty cols {columns}; {ask}");
        command.args(["-q", "-e", "-c", &ask, "/dev/null"]).env("NO_COLOR", "1");
        let shown = run(command, b"", LIMIT).stdout_text();
        let table: Vec<&str> =
            shown.lines().skip_while(|line| !line.contains("tracepoint  argu")).collect();
        assert_eq!(table.len(), 3, "{shown}");
        assert!(table.iter().all(|line| line.trim_end().chars().count() <= columns), "{shown}");
        // Of places their lines stay, whatever else is cut.
        assert!(table[1..].iter().all(|line| line.trim_end().ends_with(place)), "{shown}");
        assert!(table[1].contains(argument), "{shown}");
    }
}

#[test]
fn who_called_a_signal_handler_is_said_as_gdb_does() {
    let fixture = Fixture::load("signals");
    let explorer = recording_of(&fixture, Flavour::O0).explore();
    let answer = explorer.last(&["rend", "calls plain"]);
    let callers = rows(&answer);
    let of_kernel = |row: &Value| row["caller"]["function"] == "<signal handler called>";
    assert!(!callers.is_empty() && callers.iter().all(of_kernel), "{answer:?}");
    let stop = format!("break {}", fixture.place("nested"));
    for shown in ["bt", "bt 2", "frame 1", "up"] {
        let text = explorer.text(&[&*stop, "rc", "rc", shown]).stdout_text();
        let line = text.lines().find(|line| line.starts_with("#1 "));
        assert_eq!(line.map(str::trim_end), Some("#1  <signal handler called>"), "{shown}: {text}");
    }
}

/// A function whose value nobody uses: GCC's copy of it returns none.
const NARROWED: &str = r#"
#include <stdio.h>
static int seen[64], place;
static __attribute__((noinline)) int note(int v) { seen[place++ & 63] = v; return v * 1000 + 7; }
int main(int argc, char **argv)
{
    (void)argv;
    for (int i = 0; i < 3; i++)
        note(i + argc);
    printf("%d\n", seen[2]);
    return 0;
}
"#;

const UNUSED: &str = r#"
#[inline(never)]
fn stop(n: u32) -> u32 {
    std::hint::black_box(n)
}
fn main() {
    stop(1);
    stop(2);
}
"#;

#[test]
fn of_functions_that_keep_to_no_convention_no_value_is_shown() {
    let guest = Guest::compiled("unused.rs", UNUSED, &["rustc", "-g", "-C", "opt-level=2"]);
    let answer = guest.recorded().last(&["calls unused::stop"]);
    let calls = answer.get("calls").as_array().expect("calls");
    assert_eq!(calls.len(), 2, "{answer:?}");
    assert!(calls.iter().all(|call| call["returned"].is_null()), "{answer:?}");
}

#[test]
fn of_copies_that_may_return_nothing_no_value_is_shown() {
    let guest = Guest::compiled("narrowed.c", NARROWED, &["gcc", "-g", "-O2", "-fipa-sra"]);
    let answer = guest.recorded().last(&["calls note"]);
    let calls = answer.get("calls").as_array().expect("calls");
    assert_eq!(calls.len(), 3, "{answer:?}");
    assert!(calls.iter().all(|call| call["returned"].is_null()), "{answer:?}");
}

const CLASSES: &str = "\
#include <cstdio>
struct A { int x, y; };
struct C { int x, y; C plus(C o) const { return {x + o.x, y + o.y}; } };
struct E { int x, y; bool operator==(const E &o) const { return x == o.x; } };
struct F { int x, y; F() = default; F(int a, int b) : x(a), y(b) {} };
struct G { int x, y; G(const G &) = default; G(int a, int b) : x(a), y(b) {} };
struct H : A { long z; };
struct I { int x, y; I(const I &o) : x(o.x), y(o.y) {} I(int a, int b) : x(a), y(b) {} };
struct J { int x, y; virtual int f() { return x; } };
#define Q(S) __attribute__((noinline)) S f##S(int k) { S r{k, k + 1}; return r; }
Q(A) Q(C) Q(E) Q(F) Q(G) Q(I)
__attribute__((noinline)) H fH(int k) { H r; r.x = k; r.y = k + 1; r.z = k + 2; return r; }
__attribute__((noinline)) J fJ(int k) { J r; r.x = k; r.y = k + 1; return r; }
int main()
{
  int t = fA(1).x + fC(2).x + fE(3).x + fF(4).x + fG(5).x + fH(6).x + fI(7).x + fJ(8).x;
  std::printf(\"%d\\n\", t);
}
";

#[test]
fn classes_that_nobody_copies_by_hand_are_returned_as_cs_are() {
    let guest = Guest::compiled("classes.cc", CLASSES, &["g++", "-g", "-O1", "-gdwarf-5"]);
    let explorer = guest.recorded();
    for (name, k) in [("A", 1), ("C", 2), ("E", 3), ("F", 4), ("G", 5)] {
        let row = &rows(&explorer.last(&[format!("calls f{name}")]))[0];
        assert_eq!(call(row).1, format!("{{x = {k}, y = {}}}", k + 1), "{name}: {row}");
    }
    let told = call(&rows(&explorer.last(&["calls fH"]))[0]).1;
    assert!(told.contains("x = 6, y = 7") && told.contains("z = 8"), "{told}");
    // Those are in memory: never what the registers would say.
    for (name, k) in [("I", 7), ("J", 8)] {
        let told = call(&rows(&explorer.last(&[format!("calls f{name}")]))[0]).1;
        assert!(told == "?" || told.contains(&format!("x = {k}, y = {}", k + 1)), "{name}: {told}");
    }
}
