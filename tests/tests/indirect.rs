//! Variables that are in memory where registers, references or other variables lead to.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::guest::Guest;

const BOUND: &str = "\
#include <cstdio>
struct Parts { int a; double b; long c; };
__attribute__((noinline)) int use(Parts *parts)
{
  auto &[a, b, c] = *parts;
  a += 3;
  b *= 2;
  c = 40;
  a -= 1;
  return a + (int)b + (int)c;
}
__attribute__((noinline)) void bump(int &r, Parts &s, const int *p)
{
  r += 1;
  s.a += *p;
  r *= 2;
  s.c -= 1;
}
int main()
{
  Parts parts = {1, 2.5, 3};
  int all = use(&parts);
  bump(all, parts, &all);
  printf(\"%d %d %g %ld\\n\", all, parts.a, parts.b, parts.c);
  return 0;
}
";

const VARIABLE: &str = "\
#include <stdio.h>
__attribute__((noinline)) int sum(int n)
{
  int squares[n];
  int all = 0;
  for (int i = 0; i < n; i++)
    squares[i] = i * i;
  for (int i = 0; i < n; i++)
    all += squares[i] * (i + 1);
  return all;
}
int main(int argc, char **argv)
{
  printf(\"%d\\n\", sum(argc + 4));
  return 0;
}
";

const INDEXED: &str = "\
use std::collections::BTreeMap;
#[inline(never)]
fn change(all: &mut Vec<u32>, named: &mut BTreeMap<u32, u8>, boxed: &Box<[u16; 3]>) -> u32 {
    all[1] += 5;
    named.insert(7, 9);
    all[1] + u32::from(boxed[2])
}
fn main() {
    let mut all = vec![1, 2, 3];
    let mut named = BTreeMap::new();
    named.insert(7, 1);
    let boxed = Box::new([4, 5, 6]);
    println!(\"{}\", change(&mut all, &mut named, &boxed));
}
";

/// The new values of what `mod list` lists.
fn written(answer: &Answer) -> Vec<String> {
    let rows = answer.get("modifications").as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["new_value"].as_str().unwrap_or("?").to_owned()).collect()
}

fn stopped(explorer: &Explorer, place: &str, ask: &str) -> Answer {
    explorer.last(&[&*format!("break {place}"), "rc", ask])
}

#[test]
fn what_a_register_leads_to_is_followed() {
    for level in ["-Og", "-O1", "-O2"] {
        let guest = Guest::compiled("bound.cpp", BOUND, &["g++", "-g", "-std=c++17", level]);
        let explorer = guest.recorded();
        // What the loads and stores of the level leave of `a`: the last value is the same.
        for (name, last) in [("a", "3"), ("b", "5"), ("c", "40")] {
            let answer = stopped(&explorer, "bound.cpp:9", &format!("mod list -w any {name}"));
            let values = written(&answer);
            assert_eq!(values.last().map(String::as_str), Some(last), "{level} {name}: {answer:?}");
        }
    }
}

#[test]
fn arrays_of_variable_length_are_followed() {
    let expected = ["0", "1", "4", "9", "16"];
    for level in ["-O0", "-Og", "-O1"] {
        let guest = Guest::compiled("variable.c", VARIABLE, &["gcc", "-g", level]);
        let explorer = guest.recorded();
        let answer = stopped(&explorer, "variable.c:9", "mod list squares");
        let values = written(&answer);
        assert_eq!(values.len(), expected.len(), "{level}: {answer:?}");
        assert_eq!(values.last().map(String::as_str), Some("{0, 1, 4, 9, 16}"), "{level}");
        let element = stopped(&explorer, "variable.c:9", "mod list squares[3]");
        assert_eq!(written(&element).last().map(String::as_str), Some("9"), "{level}");
        let stops = ["watch squares", "reverse-continue", "reverse-continue"];
        let begin = ["break variable.c:9", "rc", "delete"];
        let answers = explorer.ask(&[&begin[..], &stops[..]].concat());
        let times: Vec<_> =
            answers[4..].iter().map(|at| at.get("stop")["tracepoint"].clone()).collect();
        let rows = answer.get("modifications").as_array().cloned().unwrap_or_default();
        let listed: Vec<_> =
            rows.iter().rev().take(2).map(|row| row["tracepoint"].clone()).collect();
        assert_eq!(times, listed, "{level}");
    }
}

#[test]
fn a_reference_is_what_it_refers_to() {
    for level in ["-O0", "-O2"] {
        let guest = Guest::compiled("bound.cpp", BOUND, &["g++", "-g", "-std=c++17", level]);
        let explorer = guest.recorded();
        let answer = stopped(&explorer, "bound.cpp:14", "mod list -w future r");
        assert_eq!(written(&answer), ["49", "98"], "{level}: {answer:?}");
        let place = stopped(&explorer, "bound.cpp:14", "mod list -w future &r");
        // Beyond the frames that it is in, too.
        assert!(times(&place).starts_with(&times(&answer)), "{level}");
        let s = stopped(&explorer, "bound.cpp:14", "mod list -w future s");
        let parts = stopped(&explorer, "bound.cpp:14", "mod list -w future &s");
        assert!(times(&parts).starts_with(&times(&s)), "{level}");
        assert_eq!(times(&s).len(), 2, "{level}");
        let watched = ["break bound.cpp:14", "rc", "delete", "watch r", "rc"];
        let stop = explorer.last(&watched).get("stop").clone();
        assert_eq!((&stop["old_value"], &stop["new_value"]), (&"48".into(), &"49".into()));
    }
}

fn times(answer: &Answer) -> Vec<u64> {
    let rows = answer.get("modifications").as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| row["tracepoint"].as_u64()).collect()
}

#[test]
fn rusts_references_are_dereferenced_before_they_are_indexed() {
    let guest = Guest::compiled("indexed.rs", INDEXED, &["rustc", "-g"]);
    let explorer = guest.recorded();
    let value = |ask: &str| {
        let answer = stopped(&explorer, "indexed.rs:5", ask);
        answer.get("value").as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    };
    assert_eq!(value("print all[1]"), "7");
    assert_eq!(value("print named[7]"), "1");
    assert_eq!(value("print boxed[2]"), "6");
    let answer = stopped(&explorer, "indexed.rs:5", "mod list -w past all[1]");
    assert_eq!(written(&answer).last().map(String::as_str), Some("7"), "{answer:?}");
    // A name of another module's inlined method is none here.
    let (_, answers) = explorer.attempt(&["break indexed.rs:5", "rc", "print len", "print push"]);
    for answer in &answers[2..] {
        assert!(answer.error.is_some(), "{answer:?}");
    }
}
