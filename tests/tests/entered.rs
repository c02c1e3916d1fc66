//! Breakpoints at functions whose code begins with an inlined copy, or is split.

use rdb_tests::explorer::Explorer;
use rdb_tests::guest::Guest;
use rdb_tests::oracle;
use std::process::Command;

const BEGINS_INLINED: &str = "\
#include <stdio.h>
static inline int clamp(int v)
{
  return v > 100 ? 100 : v;
}
__attribute__((noinline)) int within(int v)
{
  return clamp(v);
}
int main(void)
{
  printf(\"%d\\n\", within(7) + within(700));
  return 0;
}
";

const SPLIT: &str = "\
#include <cstdio>
__attribute__((noinline)) void thrower(int k)
{
  if (k > 1)
    throw k;
}
__attribute__((noinline)) int catcher(int k)
{
  try {
    thrower(k);
  } catch (int thrown) {
    return thrown + 10;
  }
  return k;
}
int main()
{
  int all = 0;
  for (int k = 0; k < 4; k++)
    all += catcher(k);
  std::printf(\"%d\\n\", all);
  return 0;
}
";

fn value(explorer: &Explorer, commands: &[&str]) -> String {
    let answer = explorer.last(commands);
    answer.get("value").as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

#[test]
fn a_breakpoint_at_a_function_stops_in_it_not_in_what_is_inlined_there() {
    let flags = ["gcc", "-g", "-O2", "-static"];
    let guest = Guest::compiled("begins.c", BEGINS_INLINED, &flags);
    let explorer = guest.recorded();
    let stop = explorer.last(&["break within", "rc"]);
    assert_eq!((stop.function(), stop.line()), (Some("within"), Some(8)), "{stop:?}");
    assert_eq!(value(&explorer, &["break within", "rc", "print v"]), "7");
    if let Some(theirs) = oracle::answers(&guest, "within", 1, &["frame".to_owned()]) {
        assert!(theirs[0].contains("within (v=") && theirs[0].contains("begins.c:8"), "{theirs:?}");
    }
    // The copy is the innermost frame all the same, and a step is into it, without moving.
    let frames = explorer.last(&["break within", "rc", "bt"]);
    let names: Vec<_> = (0..2).map(|n| frames.get("frames")[n]["function"].clone()).collect();
    assert_eq!(names, ["clamp", "within"]);
    let inside = explorer.last(&["break within", "rc", "step"]);
    assert_eq!((inside.function(), inside.tracepoint()), (Some("clamp"), stop.tracepoint()));
    // Breakpoints at the copy stop in that.
    let copy = explorer.last(&["break clamp", "rc"]);
    assert_eq!((copy.function(), copy.tracepoint()), (Some("clamp"), stop.tracepoint()));
    let both = explorer.last(&["break within", "break clamp", "rc"]);
    assert_eq!(both.function(), Some("clamp"));
    // Conditions and samples are about the function.
    let second = ["break within if v == 700", "rc"];
    assert_eq!(value(&explorer, &[&second[..], &["print v"]].concat()), "700");
    let each = explorer.last(&["print-each v at within if v > 1"]);
    let values: Vec<_> =
        (0..2).map(|n| each.get("samples")[n]["values"][0]["value"].clone()).collect();
    assert_eq!(values, ["7", "700"], "{each:?}");
}

#[test]
fn a_function_is_not_entered_at_its_cold_part() {
    let flags = ["g++", "-g", "-O2", "-static"];
    let guest = Guest::compiled("split.cpp", SPLIT, &flags);
    let symbols = Command::new("nm").arg(&guest.program).output().expect("nm");
    let symbols = String::from_utf8_lossy(&symbols.stdout).into_owned();
    assert!(symbols.contains("catcheri.cold"), "the compiler split nothing");
    let explorer = guest.recorded();
    let set = explorer.last(&["break catcher"]);
    assert_eq!(set.get("breakpoint")["targets"].as_array().map(Vec::len), Some(1), "{set:?}");
    let executed = explorer.last(&["executions -c 0 catcher"]);
    let called = explorer.last(&["calls -c 0 catcher"]);
    assert_eq!(executed.get("count"), called.get("count"));
    let answers = explorer.ask(&["break catcher", "rc", "rc", "rc", "rc", "rc"]);
    let reasons: Vec<_> = answers[1..].iter().map(|answer| answer.reason().to_owned()).collect();
    assert_eq!(reasons, ["breakpoint", "breakpoint", "breakpoint", "breakpoint", "exit"]);
}
