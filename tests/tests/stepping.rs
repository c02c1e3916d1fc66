//! Steps by lines, where several functions share them.

use rdb_tests::compile::{Flavour, must_run};
use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::recording::{recording, recording_of};
use rdb_tests::values::assert_same;
use std::process::Command;

/// Function and line where a command stopped.
fn place(answer: &Answer) -> (&str, u64) {
    (answer.function().unwrap_or_default(), answer.line().unwrap_or_default())
}

/// What `commands` answer once the first `hit` of `location` was reached.
fn ask(explorer: &Explorer, location: &str, commands: &[&str]) -> Vec<Answer> {
    let go = [format!("break {location}"), "rc".to_owned(), "delete".to_owned()];
    let all = go.into_iter().chain(commands.iter().map(|one| (*one).to_owned()));
    explorer.ask(&all.collect::<Vec<_>>()).split_off(3)
}

#[test]
fn l7_next_stays_outside_of_inlined_functions_and_step_enters_them() {
    let fixture = Fixture::load("inlined_calls");
    let line = |mark: &str| u64::from(fixture.line(mark));
    for flavour in [Flavour::O0, Flavour::O2] {
        let explorer = recording_of(&fixture, flavour).explore();
        let before = fixture.place("before");
        // In main, then in middle: the call of an inlined function is a line like others.
        let over = ask(&explorer, &before, &["n", "n", "rn", "rn", "n", "info locals"]);
        let outer = ["outer", "after", "outer", "before", "outer"];
        for (answer, mark) in over.iter().zip(outer) {
            assert_eq!(place(answer), ("main", line(mark)), "{flavour:?} {mark}");
        }
        assert_eq!(over[0].tracepoint(), over[4].tracepoint(), "{flavour:?}");
        let within = ask(&explorer, &before, &["n", "s", "n", "s", "n", "reverse-next"]);
        assert_eq!(place(&within[0]), ("main", line("outer")), "{flavour:?}");
        assert_eq!(place(&within[1]), ("middle", line("first")), "{flavour:?}");
        assert_eq!(place(&within[2]), ("middle", line("inner")), "{flavour:?}");
        assert_eq!(place(&within[3]).0, "leaf", "{flavour:?}");
        assert_eq!(place(&within[4]).0, "leaf", "{flavour:?}");
        let over = ask(&explorer, &before, &["n", "s", "n", "n", "rn", "n"]);
        let there = ["inner", "behind", "inner", "behind"];
        for (answer, mark) in over[2..].iter().zip(there) {
            assert_eq!(place(answer), ("middle", line(mark)), "{flavour:?} {mark}");
        }
    }
}

#[test]
fn l2_callers_of_one_line_are_stops_on_the_way_back() {
    let fixture = Fixture::load("one_line");
    let explorer = recording("one_line").explore();
    let line = |mark: &str| u64::from(fixture.line(mark));
    for back in ["sb", "rn"] {
        let getters = ask(&explorer, "Box::size", &[back, back]);
        assert!(getters[0].function().is_some_and(|name| name.contains("empty")), "{getters:?}");
        assert_eq!(place(&getters[1]), ("main", line("asks")), "{back}");
        let nested = ask(&explorer, "twice", &[back, back]);
        let function = |answer: &Answer| answer.function().unwrap_or_default().to_owned();
        assert!(function(&nested[0]).starts_with("both"), "{nested:?}");
        assert_eq!(place(&nested[1]), ("main", line("calls")), "{back}");
        let commands = [back, "print n", back, "print n", back];
        let recursive = ask(&explorer, "down if n == 3", &commands);
        assert_eq!(
            (recursive[1].get("value"), recursive[3].get("value")),
            (&"2".into(), &"1".into())
        );
        assert_eq!(place(&recursive[4]), ("main", line("descends")), "{back}");
    }
    // Out of the second call in one line into the first, as a step comes from there.
    let commands = ["break twice", "rc", "rc", "delete", "sb", "sb", "s", "s"];
    let answers = explorer.ask(&commands);
    assert_eq!(answers[4].tracepoint(), answers[1].tracepoint(), "{answers:?}");
    assert!(answers[5].function().is_some_and(|name| name.starts_with("both")), "{answers:?}");
    assert_eq!(answers[6].tracepoint(), answers[1].tracepoint(), "{answers:?}");
    assert_eq!(answers[7].tracepoint(), answers[2].tracepoint(), "{answers:?}");
}

#[test]
fn nexti_and_reverse_nexti_pass_over_calls() {
    let fixture = Fixture::load("bases");
    let explorer = recording("bases").explore();
    let calls = fixture.place("calls");
    // As gdb steps.
    let mut commands = Vec::new();
    for _ in 0..12 {
        commands.extend(["nexti", "print/x $pc"]);
    }
    assert_same("bases", &[Flavour::O0], ("calls", 1), &commands);
    // Back the same way, and each name is the same command.
    for (forward, back) in [("nexti", "reverse-nexti"), ("ni", "rni")] {
        let there = ask(&explorer, &calls, &[forward; 12]);
        let again = [vec![forward; 12], vec![back; 12]].concat();
        let again = ask(&explorer, &calls, &again);
        let way: Vec<u64> = there.iter().map(Answer::tracepoint).collect();
        let back: Vec<u64> = again[12..].iter().map(Answer::tracepoint).collect();
        assert!(way.windows(2).all(|pair| pair[0] < pair[1]), "{way:?}");
        assert!(way.windows(2).any(|pair| pair[1] - pair[0] > 5), "a call: {way:?}");
        let expected: Vec<u64> = way[..11].iter().rev().copied().collect();
        assert_eq!(back[..11], expected);
        let whole = ask(&explorer, &calls, &[&*format!("{forward} 12")]);
        assert_eq!(whole[0].tracepoint(), way[11]);
    }
    // A breakpoint within stops both.
    let inside = fixture.place("int");
    let from = [format!("break {calls}"), "rc".to_owned(), format!("break {inside}")];
    let forward = [&from[..], &["nexti 12".to_owned()]].concat();
    let answers = explorer.ask(&forward);
    assert_eq!(place(&answers[3]), ("over", u64::from(fixture.line("int"))));
    let from = [format!("break {}", fixture.place("print")), "rc".to_owned()];
    let back = [format!("break {}", fixture.place("const")), "rni 40".to_owned()];
    let answers = explorer.ask(&[from, back].concat());
    assert_eq!(place(&answers[3]).1, u64::from(fixture.line("const")));
    // At a function's entry, back to the call of it.
    let answers = explorer.ask(&["break *'over(int)'", "rc", "rni"]);
    assert_eq!(place(&answers[2]), ("main", u64::from(fixture.line("calls"))));
}

/// A program that hands `square` on to a function without line information, which is compiled
/// with `flags` to `file`; with the guest, whose directory holds the trace.
fn calls_back(file: &str, flags: &[&str]) -> (Guest, Explorer) {
    let mut guest = Guest::system("", &[]);
    let directory = guest.directory().to_owned();
    let unlined = "int twice(int (*f)(int), int x) { return f(x) + f(x + 1); }\n";
    let program = "int twice(int (*f)(int), int x);\n\
                   static int square(int x) {\n    return x * x; }\n\
                   int main(void) {\n    int sum = 0;\n    sum += twice(square, 3);\n    \
                   sum += square(1);\n    return sum != 26; }\n";
    std::fs::write(directory.join("unlined.c"), unlined).expect("a source");
    std::fs::write(directory.join("program.c"), program).expect("a source");
    let compiler = || {
        let mut compiler = Command::new("gcc");
        compiler.current_dir(&directory);
        compiler
    };
    must_run(compiler().args(flags).args(["unlined.c", "-o", file]));
    let link = ["-g", "program.c", file, "-o", "program", "-Wl,-z,lazy", "-Wl,-rpath,$ORIGIN"];
    must_run(compiler().args(link));
    guest.program = directory.join("program");
    let recording = guest.record(&[]);
    assert_eq!(recording.output.code(), 0, "{}", recording.output.stderr_text());
    let explorer = recording.explore();
    (guest, explorer)
}

#[test]
fn functions_without_lines_are_stepped_over_with_all_that_they_call() {
    for (file, flags) in [("unlined.o", &["-c"][..]), ("libunlined.so", &["-shared", "-fPIC"])] {
        let (_guest, explorer) = calls_back(file, flags);
        let went = explorer.ask(&["until program.c:6", "s", "s", "s", "s"]);
        let places: Vec<_> = went.iter().map(place).collect();
        let lines = [("main", 6), ("main", 7), ("square", 3), ("square", 3), ("main", 8)];
        assert_eq!(places[..3], lines[..3], "{file}");
        assert!(went.iter().any(|answer| place(answer) == lines[4]), "{file}");
        let back = explorer.ask(&["until program.c:7", "sb", "sb", "s", "s"]);
        let places: Vec<_> = back.iter().map(place).collect();
        let lines = [("main", 7), ("main", 6), ("main", 5), ("main", 6), ("main", 7)];
        assert_eq!(places, lines, "{file}");
        // What a breakpoint is in stops it.
        for (from, step) in [(6, "s"), (7, "sb")] {
            let until = format!("until program.c:{from}");
            let stopped = explorer.last(&[&*until, "break square", step]);
            assert_eq!(place(&stopped), ("square", 3), "{file} {step}");
        }
    }
}
