//! Tail calls in backtraces: gdb's frames of them, and those that it does not know.

use rdb_tests::explorer::Answer;
use rdb_tests::guest::Guest;
use rdb_tests::oracle;
use serde_json::Value;

const SOURCE: &str = "\
#include <stdio.h>
volatile int sink;
__attribute__((noinline)) static int leaf(int x)
{
  sink = x;
  return x * 3;
}
__attribute__((noinline)) static int middle(int x)
{
  sink += 2;
  return leaf(x + 1);
}
__attribute__((noinline)) static int outer(int x)
{
  sink += 1;
  return middle(x * 2);
}
__attribute__((noinline)) static int rounds(int n, int (*then)(int))
{
  if (n == 0)
    return then(7);
  sink = n;
  return rounds(n - 1, then);
}
__attribute__((noinline)) static int says(const char *text)
{
  sink = text[0];
  return puts(text);
}
int main(void)
{
  int total = outer(4) + rounds(3, leaf) + leaf(1);
  says(\"said\");
  says(\"again\");
  return total > 50 ? 0 : 1;
}
";

fn guest() -> Guest {
    Guest::compiled("tail.c", SOURCE, &["gcc", "-g", "-O2", "-fno-ipa-cp", "-fno-ipa-sra"])
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

fn rows<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// The functions of a backtrace up to main, with those that handed their frames on.
fn functions(backtrace: &Answer) -> Vec<String> {
    let mut all = Vec::new();
    for frame in rows(&backtrace.result, "frames") {
        all.push(text(frame, "function"));
        all.extend(rows(frame, "tail_calls").iter().map(|call| text(call, "function")));
    }
    let main = all.iter().position(|name| name == "main").expect("main");
    all.truncate(main + 1);
    all
}

/// The same of gdb's text.
fn gdbs_functions(text: &str) -> Vec<String> {
    let frames = text.lines().filter(|line| line.starts_with('#'));
    let name = |line: &str| {
        let call = line.split_once(" (").expect("arguments").0;
        call.rsplit(' ').next().expect("a name").to_owned()
    };
    frames.map(name).collect()
}

#[test]
fn functions_that_handed_their_frames_on_are_told_as_gdb_tells_them() {
    let guest = guest();
    let explorer = guest.recorded();
    let place = format!("tail.c:{}", 1 + SOURCE.lines().position(|l| l == "  sink = x;").unwrap());
    let commands = ["backtrace".to_owned()];
    let own = |hits: usize| {
        let mut all = vec![format!("break {place}")];
        all.extend(vec!["continue".to_owned(); hits]);
        functions(&explorer.last(&[all, vec!["backtrace".into()]].concat()))
    };
    assert_eq!(own(1), ["leaf", "middle", "outer", "main"]);
    // What a loop, or a pointer, does in the same frame is not known to gdb.
    assert_eq!(own(2), ["leaf", "rounds", "main"]);
    assert_eq!(own(3), ["leaf", "main"]);
    for hit in [1, 3] {
        let Some(told) = oracle::answers(&guest, &place, hit, &commands) else { return };
        assert_eq!(own(hit), gdbs_functions(&told[0]), "{}", told[0]);
    }
}

#[test]
fn tail_calls_are_jumps_in_history_also_through_stubs() {
    let guest = guest();
    let explorer = guest.recorded();
    for hit in 1..=2 {
        let commands = [&["break puts"][..], &vec!["continue"; hit], &["backtrace"]].concat();
        let backtrace = explorer.last(&commands);
        assert_eq!(functions(&backtrace)[1..], ["says", "main"], "{backtrace:?}");
        // What it calls does not change what led to it.
        let inside = [&["break puts"][..], &vec!["continue"; hit], &["stepi 40", "backtrace"]];
        let within = functions(&explorer.last(&inside.concat()));
        assert!(within.ends_with(&["says".into(), "main".into()]), "{within:?}");
        let call = &rows(&backtrace.get("frames")[0], "tail_calls")[0];
        let jump = format!("jump {}", call["tracepoint"]);
        let jumped = explorer.ask(&[&*jump, "x/i $pc", "stepi"]);
        assert!(jumped[1].result.to_string().contains("jmp"), "{:?}", jumped[1]);
        assert_eq!(text(&jumped[0].result, "function"), "says");
        assert_ne!(text(&jumped[2].result, "function"), "says");
    }
    let shown = explorer.text(&["break leaf", "continue", "backtrace"]).stdout_text();
    let line = shown.lines().find(|line| line.contains("tail call")).expect("a tail call");
    assert!(line.starts_with("    (tail call #") && line.contains(" in middle"), "{line}");
}

#[test]
fn frames_are_told_where_history_ends() {
    for name in ["planted", "many_hits"] {
        let explorer = rdb_tests::recording::recording(name).explore();
        let backtrace = explorer.last(&["rend", "backtrace"]);
        let frames = rows(&backtrace.result, "frames").to_vec();
        assert!(frames.len() > 1, "{name}: {backtrace:?}");
        let first = explorer.last(&["backtrace"]);
        assert!(!rows(&first.result, "frames").is_empty(), "{name}: {first:?}");
    }
}
