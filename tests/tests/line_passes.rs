//! A line is executed each time that control comes to it, in however many blocks its code is:
//! counted by the program itself.

use rdb_tests::explorer::Explorer;
use rdb_tests::guest::Guest;

const CPP: &str = r#"#include <cstdio>
#include <string>
#include <vector>
static std::string name(int i) { return "n" + std::to_string(i); }
static int length(const std::string &a, const std::string &b) { return a.size() + b.size(); }
static int choose(int k)
{
  switch (k) {
    case 0: return 5;
    case 1: return 4;
    case 2: return 8;
    case 3: return 1;
    case 4: return length(name(k),
                          name(k + 1));
    default: return 0;
  }
}
int main()
{
  std::vector<int> all;
  int calls = 0, rounds = 0, odd = 0, total = 0;
  for (int i = 0; i < 6; i++) {
    std::string s = name(i) + "x"; calls++;
    int n = length(s,
                   name(i + 1));
    all.push_back(n + choose(i));
    if (i % 2 == 1 && n > 0 && !s.empty())
      odd++;
  }
  for (auto x : all) {
    rounds++;
    total += x;
  }
  while (total > 10)
    total /= 2;
  try {
    std::string s = name(rounds); throw calls;
  } catch (int thrown) {
    total += thrown;
  }
  std::printf("%d %d %d %d\n", calls, rounds, odd, total);
  return 0;
}
"#;

const RUST: &str = r#"use std::collections::HashMap;
fn square(x: u32) -> u32 { x * x }
fn sum(n: u64) -> u64 {
    let mut s = 0;
    for i in 0..n { s += std::hint::black_box(i); }
    s
}
fn main() {
    let all: Vec<u32> = (0..5).map(|x| square(x)).collect();
    let mut total = 0;
    for x in all.iter() {
        total += *x;
    }
    let mut map = HashMap::new();
    for (i, x) in all.iter().enumerate() {
        map.insert(format!("k{}", i), *x);
    }
    while total > 10 {
        total -= 7;
    }
    let joined = map.keys().map(|key| key.len()).sum::<usize>();
    match all.len() {
        1 => total += 1,
        2 => total += 2,
        3 => total += 3,
        4 => total += 4,
        5 => total += 5,
        _ => total = 0,
    }
    // No code here.
    println!("{} {} {}", total, joined, sum(5));
}
"#;

const C: &str = r#"#include <stdio.h>
static int ones, twos, ends;
static void one(void) { ones++; }
static void two(void) { twos++; }
static void fall(int k)
{
  switch (k) {
    case 0: case 1: ends--; break;
    case 2: one(); case 3: two();
      ends++;
    case 4: break;
    case 5: ends += 2; break;
    case 6: one(); break;
  }
}
int main(void)
{
  for (int i = 0; i < 30; i++)
    fall(i % 7);
  printf("%d %d %d\n", ones, twos, ends);
  return 0;
}
"#;

fn line_of(source: &str, part: &str) -> usize {
    1 + source.lines().position(|line| line.contains(part)).expect(part)
}

/// How often `explorer` says that the line with `part` is executed, by listing and by counting.
fn executions(explorer: &Explorer, (file, source): (&str, &str), part: &str) -> u64 {
    let place = format!("{file}:{}", line_of(source, part));
    let counted = explorer.last(&[format!("executions -c 0 {place}")]);
    let total = counted.get("total").as_u64().expect("a total");
    let listed = explorer.last(&[format!("executions -c 1000 -w future {place}")]);
    assert_eq!(listed.get("executions").as_array().map(Vec::len), Some(total as usize), "{part}");
    let past =
        explorer.last(&["goto end".to_owned(), format!("executions -c 1000 -w past {place}")]);
    assert_eq!(past.get("executions"), listed.get("executions"), "{part}");
    let each = explorer.last(&[format!("print-each 1 at {place}")]);
    assert_eq!(each.get("samples").as_array().map(Vec::len), Some(total as usize), "{part}");
    total
}

fn check(name: &str, source: &str, compiler: &[&str], lines: &[(&str, u64)]) {
    let guest = Guest::compiled(name, source, compiler);
    let explorer = guest.recorded();
    for (part, times) in lines {
        assert_eq!(executions(&explorer, (name, source), part), *times, "{part}");
    }
}

#[test]
fn cpp_lines_are_executed_once_for_each_pass() {
    let lines = [
        ("for (int i", 7),
        ("calls++;", 6),
        ("int n = length", 6),
        ("name(i + 1)", 6),
        ("all.push_back", 6),
        ("if (i % 2", 6),
        ("odd++;", 3),
        ("case 4:", 1),
        ("for (auto x", 7),
        ("rounds++;", 6),
        ("throw calls", 1),
        ("total += thrown", 1),
    ];
    check("passes.cpp", CPP, &["g++", "-g", "-O0"], &lines);
}

#[test]
fn c_lines_that_are_entered_in_the_middle_count_as_well() {
    // Of 30 numbers modulo 7, 0 and 1 come five times each, the others four times.
    let lines = [
        ("case 0: case 1:", 10),
        ("case 2: one();", 8),
        ("      ends++;", 8),
        ("case 4: break;", 12),
        ("case 6: one();", 4),
        ("fall(i % 7)", 30),
    ];
    check("passes.c", C, &["gcc", "-g", "-O0"], &lines);
    check("passes.c", C, &["gcc", "-g", "-O0", "-no-pie", "-fno-pie"], &lines);
}

#[test]
fn no_pass_is_lost_in_optimised_code() {
    let guest = Guest::compiled("passes.rs", RUST, &["rustc", "-g", "-O"]);
    let explorer = guest.recorded();
    let place = format!("passes.rs:{}", line_of(RUST, "map.insert("));
    let counted = explorer.last(&[format!("executions -c 0 {place}")]);
    assert!(counted.get("total").as_u64() >= Some(5), "{counted:?}");
}

#[test]
fn rust_lines_are_executed_once_for_each_pass() {
    let lines = [
        // The closure is a function of its own.
        ("map(|x| square(x))", 1 + 5),
        ("for x in all.iter()", 1 + 5),
        ("total += *x;", 5),
        ("map.insert(", 5),
        ("while total > 10", 1 + 3),
        ("total -= 7;", 3),
        ("5 => total += 5", 1),
        ("4 => total += 4", 0),
        // A loop that is one line is one pass, as in C.
        ("for i in 0..n", 1),
        ("println!", 1),
        ("// No code here.", 1),
    ];
    check("passes.rs", RUST, &["rustc", "-g"], &lines);
}

/// `next`, and back by `reverse-next`: the lines of a loop whose header is code of no line.
#[test]
fn steps_stop_in_each_round_of_a_loop() {
    let guest = Guest::compiled("passes.rs", RUST, &["rustc", "-g"]);
    let explorer = guest.recorded();
    let body = line_of(RUST, "map.insert(") as u64;
    let begin =
        [format!("break passes.rs:{}", line_of(RUST, "let mut map")), "continue".to_owned()];
    let forward = vec!["next".to_owned(); 7];
    let stops = explorer.ask(&[&begin[..], &forward].concat());
    let stops: Vec<(u64, u64)> =
        stops.iter().filter_map(|stop| Some((stop.line()?, stop.tracepoint()))).collect();
    let rounds: Vec<_> = stops.iter().filter(|(line, _)| *line == body).collect();
    assert_eq!(rounds.len(), 5, "{stops:?}");
    let backward = vec!["reverse-next".to_owned(); 6];
    let back = explorer.ask(&[&begin[..], &forward, &backward].concat());
    let back = back.iter().filter(|stop| stop.line() == Some(body));
    let back: Vec<_> = back.skip(5).map(|stop| (body, stop.tracepoint())).collect();
    let there: Vec<_> = rounds.iter().rev().map(|stop| **stop).collect();
    assert_eq!(back, there);
    // `until` does not go back in it.
    let behind = explorer.last(&[&begin[..], &["next 2".to_owned(), "until".to_owned()]].concat());
    assert_eq!(behind.line(), Some(line_of(RUST, "while total") as u64));
}
