//! The selected frame: registers, code and places are its own; and after a return, it is the
//! caller's, whatever is inlined right there.

use rdb_tests::explorer::Explorer;
use rdb_tests::guest::Guest;
use rdb_tests::oracle;

const SOURCE: &str = "\
#include <setjmp.h>
#include <stdio.h>
struct s { int a, b; };
static struct s gs;
static jmp_buf back;
static inline __attribute__((always_inline)) int inner(struct s *p)
{
  int q = p->a * 3;
  p->b += q;
  return q;
}
static inline __attribute__((always_inline)) int outer(struct s *p)
{
  int z = inner(p);
  return z + p->b;
}
__attribute__((noinline)) int work(int k)
{
  gs.a += k;
  return gs.a * 2;
}
__attribute__((noinline)) void thrower(int k)
{
  gs.b += k;
  if (k > 1)
    longjmp(back, k);
}
static inline __attribute__((always_inline)) void wrap(int k)
{
  thrower(k);
  gs.a++;
}
int main(int argc, char **argv)
{
  int t = 0;
  work(argc + 3);
  t += outer(&gs);
  work(t);
  t += outer(&gs);
  if (setjmp(back) == 0)
    wrap(argc + 1);
  printf(\"%d\\n\", t);
  return 0;
}
";

fn guest() -> Guest {
    Guest::compiled("selected.c", SOURCE, &["gcc", "-g", "-O1"])
}

fn line(text: &str) -> u64 {
    SOURCE.lines().position(|line| line.trim() == text).expect("the line") as u64 + 1
}

fn in_work(explorer: &Explorer, more: &[&str]) -> String {
    explorer.text(&[&["break work", "continue"], more].concat()).stdout_text()
}

#[test]
fn registers_code_and_breakpoints_are_the_selected_frames() {
    let guest = guest();
    let explorer = guest.recorded();
    let answers =
        explorer.ask(&["break work", "continue", "up", "regs rip rsp", "p $rip", "p/x $rsp"]);
    let registers = answers[3].get("registers").clone();
    let value = |at: usize| answers[at].get("value").as_str().expect("a value").to_owned();
    assert!(value(4).contains(registers["rip"].as_str().expect("rip")), "{registers}");
    assert_eq!(value(5), registers["rsp"].as_str().expect("rsp"));
    let text = in_work(&explorer, &["up", "disassemble"]);
    assert!(text.contains("Code of main:") && text.contains("=> "), "{text}");
    let set = explorer.last(&["break work", "continue", "up", "tbreak"]);
    assert!(set.result.to_string().contains(registers["rip"].as_str().expect("rip")), "{set:?}");
    let place = format!("selected.c:{}", line("gs.a += k;"));
    let commands = ["up".to_owned(), "info registers rip rsp".to_owned()];
    let Some(told) = oracle::answers(&guest, &place, 1, &commands) else { return };
    for name in ["rip", "rsp"] {
        let theirs = told[1].lines().find(|line| line.starts_with(name)).expect("gdb's register");
        let theirs = theirs.split_whitespace().nth(1).expect("a value");
        assert_eq!(registers[name], theirs, "{}", told[1]);
    }
}

#[test]
fn a_return_comes_to_the_callers_line_whatever_is_inlined_there() {
    let guest = guest();
    let explorer = guest.recorded();
    let called = line("t += outer(&gs);");
    for way in [&["next", "next", "next"][..], &["finish"]] {
        let commands = [&["break work", "continue"], way].concat();
        let answers = explorer.ask(&commands);
        let at = answers.iter().position(|answer| answer.function() == Some("main"));
        let at = at.unwrap_or_else(|| panic!("{answers:?}"));
        assert_eq!(answers[at].line(), Some(called), "{way:?}: {:?}", answers[at]);
        let on = explorer.last(&[&commands[..=at], &["next"]].concat());
        assert_eq!((on.function(), on.line()), (Some("main"), Some(line("work(t);"))), "{on:?}");
    }
}

#[test]
fn a_copy_that_is_jumped_out_of_is_left_where_that_leads() {
    let guest = guest();
    let explorer = guest.recorded();
    let left = explorer.ask(&["break thrower", "continue", "up", "finish"]);
    assert_eq!((left[3].function(), left[3].reason()), (Some("main"), "out"), "{:?}", left[3]);
    let whole = explorer.last(&["break thrower", "continue", "finish"]);
    assert_eq!(left[3].tracepoint(), whole.tracepoint());
}

#[test]
fn as_many_frames_as_there_are_are_all() {
    let guest = guest();
    let explorer = guest.recorded();
    let backtrace = explorer.last(&["break work", "continue", "backtrace"]);
    let all = backtrace.get("frames").as_array().expect("frames").len();
    let exact = in_work(&explorer, &[&format!("backtrace {all}")]);
    assert!(!exact.contains("more frames follow"), "{exact}");
    let fewer = in_work(&explorer, &[&format!("backtrace {}", all - 1)]);
    assert!(fewer.contains("more frames follow"), "{fewer}");
}

#[test]
fn a_negative_number_of_frames_are_the_outermost() {
    let guest = guest();
    let explorer = guest.recorded();
    let all = explorer.last(&["break work", "continue", "backtrace"]).functions();
    for count in [1, 2, all.len(), all.len() + 5] {
        let last = explorer.last(&["break work", "continue", &format!("backtrace -{count}")]);
        assert_eq!(last.functions(), all[all.len().saturating_sub(count)..], "{count}");
        let level = last.get("frames")[0]["level"].as_u64();
        assert_eq!(level, Some(all.len().saturating_sub(count) as u64), "{count}");
    }
}
