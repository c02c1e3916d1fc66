//! Steps by lines through whole programs: forwards where gdb stops, and back at the same moments.

use rdb_tests::compile::must_run;
use rdb_tests::explorer::{Answer, Explorer, parse_hex};
use rdb_tests::guest::Guest;
use rdb_tests::oracle;
use std::process::Command;

/// A function without lines, which calls what it is given, and raises a signal if it is given 5.
const UNLINED: &str = "
#include <signal.h>
static int each(int (*function)(int), int x)
{
    int sum = 0;
    for (int i = 0; i < 2; i++)
        sum += function(x + i);
    return sum;
}
int unlined(int (*function)(int), int x)
{
    int sum = each(function, x);
    if (x == 5)
        raise(SIGUSR1);
    return sum + each(function, x);
}
";

const SIGNALLED: &str = "
#include <signal.h>
int unlined(int (*function)(int), int x);
static volatile int hits;
static void handle(int signal)
{
    hits++;
}
static int next(int x)
{
    return x + 1;
}
static int nested(int x)
{
    return unlined(next, x + 4);
}
int main(void)
{
    signal(SIGUSR1, handle);
    int sum = unlined(next, 4);
    sum += unlined(next, 5);
    sum++;
    sum += unlined(nested, 0);
    raise(SIGUSR1);
    sum += hits;
    return sum == 0;
}
";

const CLASSES: &str = "
#include <vector>
extern \"C\" int unlined(int (*)(int), int);
struct A { virtual int f(int x) {
    return x + 1; }
    long a = 1; };
struct B { virtual int g(int x) {
    return x + 2; }
    long b = 2; };
struct V : virtual A { int f(int x) override {
    return x + 5; } };
struct C : A, B {
    int f(int x) override {
        return x + a; }
    int g(int x) override {
        return x * b; } };
struct Guard { int id; Guard(int i) : id(i) {
    }
    ~Guard() {
        id = 0; } };
int thrower(int x)
{
    Guard guard(x);
    if (x > 5)
        throw x;
    return x;
}
int catcher(int x)
{
    Guard guard(x);
    try {
        int r = unlined(thrower, x);
        return r;
    } catch (int caught) {
        return -caught;
    }
}
int main()
{
    std::vector<int> list = {5, 3, 8};
    C c;
    A *a = &c;
    B *b = &c;
    V v;
    A *va = &v;
    int s = b->g(4);
    s += a->f(2);
    s += va->f(2);
    s += catcher(1);
    s += catcher(9);
    for (int i = 0; i < 2; i++) s += thrower(i);
    return s == 0;
}
";

const LOOPS: &str = "
static int fact(int n)
{
    if (n < 2)
        return 1;
    int rest = fact(n - 1);
    return n * rest;
}
int main(void)
{
    int sum = 0;
    for (int i = 0; i < 5; i++) {
        sum += i;
        if (i == 2)
            sum *= 2;
    }
    int n = 0;
    while (n < 4)
        n += sum > 3 ? 1 : 2;
    do {
        n--;
        sum += fact(n);
    } while (n > 0);
    for (int i = 0; i < 3; i++) sum += fact(i);
    return sum == 0;
}
";

/// Functions that are inlined where others begin or return to, and in loops.
const INLINED: &str = "\
static volatile int sink;
static int g;
struct Shape
{
  virtual int area(int k) const = 0;
  int twice(int k) const { return 2 * area(k); }
};
struct Square : Shape
{
  int s;
  explicit Square(int s) : s(s) { g += s; }
  int area(int k) const override
  {
    return s * s + k;
  }
};
struct Circle : Shape
{
  int area(int k) const override { int r = 3; r *= k; return r; }
};
static int larger(int a, int b)
{
  if (a > b)
    return a;
  return b;
}
int fib(int n)
{
  if (n < 2)
    return n;
  return fib(n - 1)
    + fib(n - 2);
}
static int guarded(int x)
{
  Square guard(x);
  if (x > 2)
    sink = guard.s;
  return x;
}
__attribute__((noinline)) int outer(int x)
{
  int r = guarded(x);
  r += larger(r, g);
  return r;
}
int main()
{
  Square a(3);
  Circle c;
  Shape *p[2] = { &a, &c };
  int t = 0;
  for (Shape *q : p)
    t += q->twice(2);
  t += larger(t, 2);
  t += fib(3);
  t += outer(1) + outer(5);
  sink = t;
  return t == 0;
}
";

/// A program of `source`, compiled as `name` with `flags`, statically linked with [`UNLINED`]:
/// no library has lines then.
fn built(name: &str, source: &str, flags: &[&str]) -> Guest {
    let mut guest = Guest::system("", &[]);
    let directory = guest.directory().to_owned();
    std::fs::write(directory.join("unlined.c"), UNLINED).expect("a source");
    std::fs::write(directory.join(name), source).expect("a source");
    let run = |program: &str, arguments: &[&str]| {
        must_run(Command::new(program).args(arguments).current_dir(&directory));
    };
    run("gcc", &["-fexceptions", "-c", "unlined.c"]);
    let compiler = if name.ends_with(".c") { "gcc" } else { "g++" };
    run(compiler, &[&["-g", "-c", name, "-o", "own.o"], flags].concat());
    run(compiler, &["-static", "own.o", "unlined.o", "-o", "program"]);
    guest.program = directory.join("program");
    guest
}

/// The first moment in `main`, and those after each of `commands`.
fn moments(explorer: &Explorer, commands: &[&str]) -> Vec<Answer> {
    let mut answers = explorer.ask(&[&["break main", "rc", "delete"], commands].concat());
    answers.remove(2);
    answers.split_off(1)
}

fn pc(answer: &Answer) -> u64 {
    parse_hex(answer.get("pc").as_str().unwrap_or_else(|| panic!("no pc in {answer:?}")))
}

/// How many of `moments` are in the program before it ends: the last one in `main`.
fn in_main(moments: &[Answer]) -> usize {
    let last = moments.iter().rposition(|answer| answer.function() == Some("main"));
    last.map_or(0, |last| last + 1)
}

/// Where gdb stops from `main` on: there, and after `count` times `command`.
fn stops_of_gdb(guest: &Guest, command: &str, count: usize) -> Option<Vec<u64>> {
    let once = [command.to_owned(), "print/x $pc".to_owned()];
    let commands: Vec<String> = (0..count).flat_map(|_| once.clone()).collect();
    let commands = [&["print/x $pc".to_owned()][..], &commands].concat();
    let answers = oracle::answers(guest, "main", 1, &commands)?;
    let value = |text: &String| parse_hex(text.split(" = ").nth(1).unwrap_or("0x0").trim());
    Some(answers.iter().step_by(2).map(value).collect())
}

/// Fails unless steps back come to the moments of steps.
fn assert_come_back(explorer: &Explorer, what: &str, count: usize) {
    let commands = [vec!["step"; count], vec!["reverse-step"; count]].concat();
    let all: Vec<_> = moments(explorer, &commands)
        .iter()
        .map(|answer| (answer.tracepoint(), answer.function().map(str::to_owned), answer.line()))
        .collect();
    let (there, back) = all.split_at(count + 1);
    for (step, (there, back)) in there.iter().rev().skip(1).zip(back).enumerate() {
        assert_eq!(back, there, "{what}: the {step}th step back of {count}");
    }
}

fn assert_steps_as_gdb(guest: &Guest, explorer: &Explorer, command: &str) {
    const COUNT: usize = 120;
    let own = moments(explorer, &[command; COUNT]);
    let count = in_main(&own);
    assert!(count > 4, "{own:?}");
    let Some(theirs) = stops_of_gdb(guest, command, count - 1) else { return };
    for (own, theirs) in own.iter().zip(theirs) {
        let place = (own.tracepoint(), own.function(), own.line());
        assert_eq!(pc(own), theirs, "{command} of {}: {place:?}", guest.program.display());
    }
}

#[test]
fn steps_stop_where_gdb_stops_and_come_back() {
    let programs = [("classes.cpp", CLASSES, &["-O0"][..]), ("loops.c", LOOPS, &["-O0"])];
    let optimised = [("loops.c", LOOPS, &["-Og"][..]), ("loops.c", LOOPS, &["-O1"])];
    for (name, source, flags) in programs.into_iter().chain(optimised) {
        let guest = built(name, source, flags);
        let explorer = guest.recorded();
        assert_steps_as_gdb(&guest, &explorer, "step");
        assert_steps_as_gdb(&guest, &explorer, "next");
        let count = in_main(&moments(&explorer, &["step"; 150])).min(150) - 1;
        assert_come_back(&explorer, name, count);
    }
}

#[test]
fn steps_enter_and_leave_inlined_functions_as_in_gdb() {
    for flags in [["-Og"], ["-O1"], ["-O2"], ["-O3"]] {
        let guest = built("shapes.cpp", INLINED, &flags);
        let explorer = guest.recorded();
        assert_steps_as_gdb(&guest, &explorer, "step");
        assert_steps_as_gdb(&guest, &explorer, "next");
        let count = in_main(&moments(&explorer, &["step"; 150])).min(150) - 1;
        assert_come_back(&explorer, &format!("shapes.cpp {flags:?}"), count);
    }
}

#[test]
fn breakpoints_on_lines_are_behind_prologues_beside_type_units() {
    let guest = built("shapes.cpp", INLINED, &["-O0", "-gdwarf-5", "-fdebug-types-section"]);
    let explorer = guest.recorded();
    let line = 1 + INLINED.lines().position(|line| line.contains("int twice")).expect("a line");
    let there = |place: &str| {
        let answers = explorer.ask(&[&format!("break {place}"), "rc", "print k"]);
        assert_eq!(answers[2].get("value").as_str(), Some("2"), "{place}");
        pc(&answers[1])
    };
    assert_eq!(there(&format!("shapes.cpp:{line}")), there("Shape::twice"));
}

#[test]
fn steps_come_back_through_handlers_of_signals() {
    for flags in [["-O0"], ["-O1"]] {
        let guest = built("signalled.c", SIGNALLED, &flags);
        let explorer = guest.recorded();
        let all = moments(&explorer, &["step"; 150]);
        let handled = all.iter().filter(|answer| answer.function() == Some("handle")).count();
        assert!(handled >= 4, "{all:?}");
        assert_come_back(&explorer, "signalled.c", in_main(&all) - 1);
    }
}

#[test]
fn until_goes_on_behind_loops_as_in_gdb() {
    for flags in [["-O0"], ["-Og"], ["-O1"]] {
        let guest = built("loops.c", LOOPS, &flags);
        assert_steps_as_gdb(&guest, &guest.recorded(), "until");
    }
    // A frame that is left ends it, as the end of the loop does in the frame.
    let guest = built("loops.c", LOOPS, &["-O0"]);
    let explorer = guest.recorded();
    let commands = ["break fact if n == 3", "rc", "delete", "until", "until", "until", "until"];
    let lines: Vec<_> = explorer.ask(&commands)[3..]
        .iter()
        .map(|at| (at.function().unwrap_or_default().to_owned(), at.line()))
        .collect();
    let expected = [("fact", 6), ("fact", 7), ("fact", 8), ("main", 23)];
    let expected = expected.map(|(name, line)| (name.to_owned(), Some(line)));
    assert_eq!(lines, expected);
}

/// Line, start and end of the row that `info line` tells of.
fn row(text: &str) -> Option<(u64, u64, u64)> {
    let mut words = text.split_whitespace();
    let line = words.nth(1)?.parse().ok()?;
    let mut bounds = words.filter(|word| word.starts_with("0x"));
    let mut bound = || bounds.next().map(|word| parse_hex(word.trim_end_matches('.')));
    Some((line, bound()?, bound()?))
}

/// The addresses of the rows of `maint info line-table`.
fn begins(text: &str) -> Vec<u64> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let number = words.next()?.parse::<u32>().ok().and(words.next());
        number.and(words.next()).filter(|word| word.starts_with("0x")).map(parse_hex)
    };
    text.lines().filter_map(address).collect()
}

#[test]
fn lines_begin_where_gdb_has_them() {
    for (name, source) in [("classes.cpp", CLASSES), ("loops.c", LOOPS)] {
        for flags in [["-O0"], ["-Og"], ["-O1"], ["-O2"], ["-O3"]] {
            let guest = built(name, source, &flags);
            let tables = format!("maint info line-table {name}\\|stl_vector\\|stl_alloc");
            let Some(tables) = oracle::answers(&guest, "main", 1, &[tables]) else { return };
            let asked: Vec<String> =
                begins(&tables[0]).iter().map(|at| format!("info line *{at:#x}")).collect();
            assert!(asked.len() > 20, "{tables:?}");
            let Some(theirs) = oracle::answers(&guest, "main", 1, &asked) else { return };
            let commands = [&["break main".to_owned(), "rc".to_owned()][..], &asked].concat();
            let (_, own) = guest.recorded().attempt(&commands);
            for (own, theirs) in own[2..].iter().zip(&theirs) {
                let Some(theirs) = row(theirs) else { continue };
                let code = &own.get("lines")[0];
                let bound = |name: &str| code[name].as_str().map(parse_hex).unwrap_or_default();
                let own = (code["line"].as_u64().unwrap_or_default(), bound("start"), bound("end"));
                assert_eq!(own, theirs, "{name} {flags:?}");
            }
        }
    }
}
