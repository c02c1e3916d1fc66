//! Running to a place within a frame: `until`, `advance`, and back.

use rdb_tests::explorer::{Answer, Explorer, parse_hex};
use rdb_tests::guest::Guest;
use rdb_tests::oracle;

const RECURSIVE: &str = "\
#include <setjmp.h>
#include <stdio.h>
static jmp_buf back;
__attribute__((noinline)) int helper(int n)
{
  int r = n * 2;
  return r + 1;
}
__attribute__((noinline)) int fact(int n)
{
  int r = 1;
  if (n > 1)
    r = n * fact(n - 1);
  r += helper(n);
  return r;
}
__attribute__((noinline)) int other(int n)
{
  return n + 3;
}
__attribute__((noinline)) int leaps(int n)
{
  if (n == 0)
    longjmp(back, 1);
  return leaps(n - 1) + 1;
}
int main(void)
{
  int a = fact(4);
  a += other(a);
  a += fact(2);
  if (setjmp(back) == 0)
    a += leaps(2);
  printf(\"%d\\n\", a);
  return 0;
}
";

fn built() -> Guest {
    Guest::compiled("recursive.c", RECURSIVE, &["gcc", "-g", "-O0", "-static"])
}

fn number(answer: &Answer) -> u64 {
    parse_hex(answer.get("value").as_str().unwrap_or_else(|| panic!("no value in {answer:?}")))
}

/// Where `commands` lead from the `hit`-th time at `place`: the program counter, and how far the
/// stack pointer has moved.
fn own_end(explorer: &Explorer, place: &str, hit: usize, commands: &[&str]) -> (u64, u64) {
    let begin = [format!("break {place}"), format!("ignore 1 {}", hit - 1), "rc".to_owned()];
    let mut all: Vec<&str> = begin.iter().map(String::as_str).collect();
    all.extend(["delete", "print/x (long)$rsp"]);
    all.extend(commands);
    all.extend(["print/x (long)$pc", "print/x (long)$rsp"]);
    let answers = explorer.ask(&all);
    let [.., pc, end] = &answers[..] else { panic!("{answers:?}") };
    (number(pc), number(end).wrapping_sub(number(&answers[4])))
}

/// Where they lead in gdb.
fn their_end(guest: &Guest, place: &str, hit: usize, commands: &[&str]) -> Option<(u64, u64)> {
    let mut all = ["delete", "print/x $rsp"].map(str::to_owned).to_vec();
    all.extend(commands.iter().map(|command| (*command).to_owned()));
    all.extend(["print/x $pc".to_owned(), "print/x $rsp".to_owned()]);
    let answers = oracle::answers(guest, place, hit, &all)?;
    let value = |text: &String| parse_hex(text.split(" = ").nth(1).unwrap_or("0x0").trim());
    let [_, begin, .., pc, end] = &answers[..] else { panic!("{answers:?}") };
    Some((value(pc), value(end).wrapping_sub(value(begin))))
}

#[test]
fn until_and_advance_end_where_they_do_in_gdb() {
    let guest = built();
    let explorer = guest.recorded();
    let ways: [(usize, &[&str]); 15] = [
        // In the frame itself, behind recursion.
        (1, &["until 14"]),
        (1, &["advance 14"]),
        (3, &["until 14"]),
        (3, &["until 12", "until 13", "until 15"]),
        // What the frame does not reach ends where it returns to.
        (3, &["until other"]),
        (3, &["advance other"]),
        (3, &["advance 31"]),
        // What is called from there is another frame.
        (3, &["until helper"]),
        (3, &["advance helper"]),
        (3, &["until fact"]),
        (3, &["advance fact"]),
        // Of another frame than the innermost.
        (3, &["up", "until 14"]),
        (3, &["up", "advance 14"]),
        (3, &["up", "until 30"]),
        (3, &["up", "up", "up", "until 30"]),
    ];
    for (hit, commands) in ways {
        let own = own_end(&explorer, "recursive.c:11", hit, commands);
        let Some(theirs) = their_end(&guest, "recursive.c:11", hit, commands) else { return };
        assert_eq!(own, theirs, "{commands:?} from the call {hit}");
    }
}

#[test]
fn runs_to_a_place_say_why_they_ended() {
    let guest = built();
    let explorer = guest.recorded();
    let begin = ["break fact if n == 2", "rc", "delete"];
    let end = |commands: &[&str]| {
        let answer = explorer.last(&[&begin[..], commands].concat());
        let function = answer.function().unwrap_or_default().to_owned();
        (function, answer.line(), answer.reason().to_owned())
    };
    let expected = |function: &str, line: u64, reason: &str| {
        (function.to_owned(), Some(line), reason.to_owned())
    };
    assert_eq!(end(&["until 14"]), expected("fact", 14, "until"));
    assert_eq!(end(&["until other"]), expected("fact", 13, "out"));
    assert_eq!(end(&["advance helper"]), expected("helper", 6, "until"));
    // Nothing bounds a run through history.
    assert_eq!(end(&["rl other"]), expected("other", 19, "until"));
    // Back: in the frame, to the call of it, or into what it called.
    let back = ["until 15", "reverse-until 12"];
    assert_eq!(end(&back), expected("fact", 12, "until"));
    let n = |commands: &[&str]| explorer.last(&[&begin[..], commands].concat()).clone();
    assert_eq!(n(&[&back[..], &["print n"]].concat()).get("value"), "2");
    assert_eq!(end(&["until 15", "reverse-until main"]), expected("fact", 13, "out"));
    assert_eq!(end(&["until 15", "reverse-advance helper"]), expected("helper", 6, "until"));
    assert_eq!(end(&["until 15", "reverse-until helper"]), expected("fact", 13, "out"));
    assert_eq!(end(&["until 15", "pl 29"]), expected("main", 29, "until"));
    // A breakpoint on the way stops it.
    assert_eq!(end(&["break helper", "until 15"]), expected("helper", 6, "breakpoint"));
}

#[test]
fn a_frame_that_is_jumped_out_of_ends_the_run() {
    let guest = built();
    let explorer = guest.recorded();
    for command in ["until 26", "advance 26", "until 34"] {
        let answer = explorer.last(&["break leaps if n == 1", "rc", "delete", command]);
        assert_eq!((answer.reason(), answer.function()), ("out", Some("main")), "{command}");
        assert_eq!(answer.line(), Some(32), "{command}");
    }
    let answer = explorer.last(&["break leaps if n == 1", "rc", "delete", "rl 34"]);
    assert_eq!((answer.reason(), answer.line()), ("until", Some(34)));
}

#[test]
fn a_frame_without_a_caller_does_not_bound_the_run() {
    let guest = built();
    let explorer = guest.recorded();
    for command in ["until helper", "advance helper", "rl helper"] {
        let answer = explorer.last(&[command]);
        assert_eq!((answer.reason(), answer.line()), ("until", Some(6)), "{command}");
    }
}
