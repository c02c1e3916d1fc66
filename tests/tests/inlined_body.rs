//! Functions whose bodies begin inside of copies of what they call: asked for by name, they are
//! the frame that is seen.

use rdb_tests::explorer::Explorer;
use rdb_tests::guest::Guest;

const RUST: &str = "\
use std::sync::Arc;
#[inline(always)]
fn load(place: &[u64]) -> &u64 {
    &place[1]
}
#[inline(never)]
fn share(arc: &Arc<u64>, arg: u64) -> Arc<u64> {
    let other = Arc::clone(arc);
    if *other == arg {
        println!(\"same\");
    }
    other
}
#[inline(never)]
fn table(n: u64, arg: u64) -> u64 {
    let all: Vec<u64> = (0..n).map(|x| x * arg).collect();
    all.iter().sum::<u64>() + arg
}
#[inline(never)]
fn second(place: &Vec<u64>, arg: u64) -> u64 {
    let first = *load(place);
    println!(\"{first}\");
    first + arg
}
fn main() {
    let arc = Arc::new(3);
    let place = vec![1, 2];
    for arg in 1..5 {
        let total = table(arg, arg) + second(&place, arg);
        println!(\"{} {}\", share(&arc, arg), total);
    }
}
";

const C: &str = "\
#include <stdio.h>
static inline __attribute__((always_inline)) int twice(int y)
{
  int z = y * 2;
  return z + 1;
}
static inline __attribute__((always_inline)) int deep(int w)
{
  return twice(w) + w;
}
__attribute__((noinline)) int area(int arg)
{
  int s = deep(arg);
  return s + arg;
}
int main(void)
{
  for (int i = 1; i < 5; i++)
    printf(\"%d\\n\", area(i));
  return 0;
}
";

/// The line of the only one with that text.
fn line(source: &str, text: &str) -> u64 {
    let found = source.lines().position(|line| line.trim() == text);
    found.unwrap_or_else(|| panic!("no {text}")) as u64 + 1
}

/// A function with a parameter `arg`, which is 1 to 4 in its calls, and its first line.
struct Asked<'a> {
    place: &'a str,
    function: &'a str,
    first: u64,
}

impl Asked<'_> {
    fn is_seen(&self, explorer: &Explorer) {
        let Self { place, function, first } = *self;
        let set = format!("break {place} if arg == 3");
        let answers = explorer.ask(&[
            set.as_str(),
            "continue",
            "print arg",
            "info args",
            "finish",
            &format!("print-each arg at {place}"),
            "reverse-continue",
            "where",
        ]);
        let at = |index: usize| (answers[index].function(), answers[index].line());
        assert_eq!(answers[1].reason(), "breakpoint", "{place}: {:?}", answers[1]);
        assert_eq!(at(1), (Some(function), Some(first)), "{place}: {:?}", answers[1]);
        assert_eq!(answers[2].get("value"), "3", "{place}");
        assert!(answers[3].result.to_string().contains("\"arg\""), "{place}: {:?}", answers[3]);
        assert!(at(4).0.is_some_and(|name| name.ends_with("main")), "{place}: {:?}", answers[4]);
        let samples = answers[5].get("samples").as_array().expect("samples");
        let values: Vec<_> = samples.iter().map(|one| one["values"][0]["value"].as_str()).collect();
        assert_eq!(values, ["1", "2", "3", "4"].map(Some), "{place}");
        let executed = explorer.last(&[&format!("executions {place}")]);
        let rows = executed.get("executions").as_array().expect("executions");
        let seen: Vec<_> =
            rows.iter().map(|row| (row["function"].as_str(), row["line"].as_u64())).collect();
        assert_eq!(seen, [(Some(function), Some(first)); 4], "{place}");
        assert_eq!(answers[6].tracepoint(), answers[1].tracepoint(), "{place}");
        assert_eq!(at(7), at(1), "{place}");
    }
}

#[test]
fn rust_functions_that_begin_with_what_they_inline_are_seen_themselves() {
    for level in ["0", "1", "2"] {
        let level = format!("opt-level={level}");
        let guest = Guest::compiled("body.rs", RUST, &["rustc", "-g", "-C", &level]);
        let explorer = guest.recorded();
        let functions = [
            ("share", "let other = Arc::clone(arc);"),
            ("table", "let all: Vec<u64> = (0..n).map(|x| x * arg).collect();"),
            ("second", "let first = *load(place);"),
        ];
        for (name, first) in functions {
            let (function, first) = (format!("body::{name}"), line(RUST, first));
            Asked { place: name, function: &function, first }.is_seen(&explorer);
            let opening = RUST.lines().position(|line| line.starts_with(&format!("fn {name}(")));
            let opening = format!("body.rs:{}", opening.expect("the function") + 1);
            Asked { place: &opening, function: &function, first }.is_seen(&explorer);
        }
    }
}

#[test]
fn a_step_from_there_enters_the_copies_and_the_next_passes_them() {
    let guest = Guest::compiled("body.rs", RUST, &["rustc", "-g", "-C", "opt-level=2"]);
    let explorer = guest.recorded();
    let next = explorer.last(&["break share", "continue", "next"]);
    let second = Some(line(RUST, "if *other == arg {"));
    assert_eq!((next.function(), next.line()), (Some("body::share"), second));
    let entered = explorer.last(&["break share", "continue", "step"]);
    assert!(entered.function().is_some_and(|name| name.ends_with("clone")), "{entered:?}");
}

#[test]
fn c_functions_that_begin_with_what_they_inline_are_seen_themselves() {
    let guest = Guest::compiled("body.c", C, &["gcc", "-g", "-O0"]);
    let first = line(C, "int s = deep(arg);");
    Asked { place: "area", function: "area", first }.is_seen(&guest.recorded());
}

/// A function, optimised, whose first instruction is of a copy's line as well as of its own.
const OPENED: &str = "\
#include <stdio.h>
static inline __attribute__((always_inline)) int thrice(int x) {
  return x * 3;
}
volatile int sink;
__attribute__((noinline)) int outer(int x) {
  sink = thrice(x);
  return sink + 1;
}
int main(int count, char **words) {
  printf(\"%d\\n\", outer(count));
  return 0;
}
";

#[test]
fn the_line_that_opens_an_optimised_c_function_is_where_its_name_is() {
    let opening = line(OPENED, "__attribute__((noinline)) int outer(int x) {");
    for level in ["-O1", "-O2", "-Og"] {
        let guest = Guest::compiled("opened.c", OPENED, &["gcc", "-g", level]);
        let explorer = guest.recorded();
        let stop = |place: &str| explorer.last(&[&format!("break {place}"), "continue"]);
        let [named, opened] = [stop("outer"), stop(&format!("opened.c:{opening}"))];
        assert_eq!(named.function(), Some("outer"), "{level}");
        let at = |answer: &rdb_tests::explorer::Answer| {
            (answer.function().map(str::to_owned), answer.line(), answer.tracepoint())
        };
        assert_eq!(at(&opened), at(&named), "{level}");
    }
}
