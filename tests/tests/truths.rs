//! The fixtures' recorded histories against their truth: lines visited, counts, memory.

use rdb_tests::compile::{Flavour, first_flavour};
use rdb_tests::explorer::Answer;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::recording::{Recording, recording, recording_of};

/// Fixtures whose marks mean something in their first flavour.
fn walkable() -> impl Iterator<Item = (Fixture, Recording)> {
    let fixtures = Fixture::all().into_iter().filter(|fixture| !fixture.truth.interactive);
    let fixtures = fixtures.filter(|fixture| first_flavour(fixture) != Flavour::O2);
    let made = fixtures.filter(|fixture| !fixture.truth.visits.is_empty());
    made.map(|fixture| {
        let recording = recording(&fixture.name);
        (fixture, recording)
    })
}

/// Signals that a fixture receives before its last mark, at most: each is a stop of its own.
const SIGNALS: usize = 20;

/// For each mark, the first stop at a breakpoint there, going forwards from the start.
fn first_visits(fixture: &Fixture, recorded: &Recording, marks: &[String]) -> Vec<Answer> {
    let mut commands = Vec::new();
    for (number, mark) in (1..).zip(marks) {
        commands.extend(["sbs".into(), format!("break {}", fixture.place(mark))]);
        commands.extend(vec!["rc".to_string(); SIGNALS]);
        commands.push(format!("delete {number}"));
    }
    let answers = if commands.is_empty() { Vec::new() } else { recorded.explore().ask(&commands) };
    let first_hit = |stops: &[Answer]| {
        let stops = &stops[2..2 + SIGNALS];
        stops.iter().find(|stop| stop.reason() == "breakpoint").unwrap_or(&stops[0]).clone()
    };
    answers.chunks(3 + SIGNALS).map(first_hit).collect()
}

fn check_visits(fixture: &Fixture, recorded: &Recording) {
    let visits = first_visits(fixture, recorded, &fixture.truth.visits);
    for (mark, visit) in fixture.truth.visits.iter().zip(&visits) {
        let at = format!("{} {mark}: {visit:?}", fixture.name);
        assert_eq!(visit.reason(), "breakpoint", "{at}");
        assert_eq!(visit.line(), Some(u64::from(fixture.line(mark))), "{at}");
    }
    let times: Vec<u64> = visits.iter().map(Answer::tracepoint).collect();
    assert!(times.is_sorted(), "{}: {times:?}", fixture.name);
}

#[test]
fn every_marked_line_is_visited_in_the_order_its_truth_says() {
    for (fixture, recorded) in walkable() {
        check_visits(&fixture, &recorded);
    }
}

#[test]
fn lines_are_found_whatever_the_flavour() {
    let fixture = Fixture::load("tree");
    for name in fixture.truth.flavours.iter().filter(|name| *name != "O2") {
        check_visits(&fixture, &recording_of(&fixture, Flavour::named(name)));
    }
    let hello = Fixture::load("hello");
    check_visits(&hello, &recording_of(&hello, Flavour::Debuglink));
}

#[test]
fn lines_never_executed_are_never_reached() {
    for (fixture, recorded) in walkable() {
        for visit in first_visits(&fixture, &recorded, &fixture.truth.never) {
            assert_ne!(visit.reason(), "breakpoint", "{}: {visit:?}", fixture.name);
        }
    }
}

#[test]
fn lines_are_begun_as_often_as_their_truth_says() {
    for (fixture, recorded) in walkable() {
        for (mark, count) in &fixture.truth.hits {
            let place = format!("break {}", fixture.place(mark));
            let mut commands = vec!["sbs".to_string(), place];
            commands.extend(vec!["rc".to_string(); count + 1]);
            let answers = recorded.explore().ask(&commands);
            let stops = answers[2..].iter().filter(|answer| answer.reason() == "breakpoint");
            assert_eq!(stops.count(), *count, "{} {mark}", fixture.name);
        }
    }
}

#[test]
fn memory_at_marks_is_what_the_truth_says() {
    for (fixture, recorded) in walkable() {
        for value in &fixture.truth.values {
            let mut commands =
                vec!["sbs".to_string(), format!("break {}", fixture.place(&value.mark))];
            commands.extend(vec!["rc".to_string(); value.hit]);
            commands.push(value.examine.clone());
            let shown = recorded.explore().last(&commands).values();
            assert_eq!(shown, value.value, "{} {}", fixture.name, value.mark);
        }
    }
}

#[test]
fn a_stripped_program_is_still_usable() {
    let recorded = recording_of(&Fixture::load("hello"), Flavour::Stripped);
    let commands =
        ["rend", "sbi 10", "regs", "x/4xg $rsp", "disassemble", "backtrace", "sb", "list"];
    let (output, answers) = recorded.explore().attempt(&commands);
    assert!(output.code() <= 1);
    assert!(answers[..6].iter().all(|answer| answer.ok), "{answers:?}");
}

#[test]
fn every_command_answers_as_text_and_as_json() {
    let explorer = recording("tree").explore();
    let commands = [
        "info",
        "where",
        "replay-until-end",
        "backtrace",
        "regs",
        "x/4i $pc",
        "x/s $rsp",
        "disassemble",
        "maps",
        "modules",
        "syscalls",
        "break main",
        "info breakpoints",
        "continue-reverse",
        "list",
        "replay",
        "step-back",
        "replay-inst",
        "step-back-inst",
        "delete 1",
        "help",
        "step-back-until-start",
        "replay-continue",
    ];
    let answers = explorer.ask(&commands);
    assert!(answers.iter().all(|answer| answer.result.is_object()), "{answers:?}");
    let text = explorer.text(&commands);
    assert_eq!(text.code(), 0, "{}", text.stderr_text());
    assert!(!text.stdout_text().contains('\u{1b}'), "no colour outside a terminal");
}

#[test]
fn inlined_functions_are_frames_of_their_own() {
    let fixture = Fixture::load("inline");
    let place = format!("break {}", fixture.place("square"));
    let answer = recording("inline").explore().last(&["sbs", &place, "rc", "backtrace"]);
    assert_eq!(answer.functions()[..4], ["square", "poly", "outer", "main"]);
}

/// The kernel clears vector registers for a handler, also where it interrupts a call with a
/// signal mask of its own.
#[test]
fn registers_in_handlers_are_the_kernels() {
    let place = Fixture::load("temporary_mask").place("handler");
    let commands = [format!("break {place}"), "continue".to_string(), "print $xmm15".to_string()];
    let answers = recording("temporary_mask").explore().ask(&commands);
    assert_eq!(answers[2].get("value"), "{0 <repeats 16 times>}");
}

/// As the kernel leaves it to a debugger at the signal: behind the call, with -ERESTARTSYS
/// (linux/errno.h) in rax.
#[test]
fn a_call_that_a_fatal_signal_ends_is_not_run_again() {
    let fixture = Fixture::load("killed_waiting");
    let guest = Guest::fixture(&fixture, Flavour::O0);
    for engine in ["step", "auto"] {
        let recording = guest.record(&["--engine", engine]);
        let is_behind = "print *(unsigned short*)($rip - 2) == 0x050f";
        let commands = ["rend", "print (long)$rax", is_behind, "syscalls --name read"];
        let answers = recording.explore().ask(&commands);
        assert_eq!(answers[0].reason(), "signal", "{engine}");
        assert_eq!(answers[1].get("value"), "-512", "{engine}");
        assert_eq!(answers[2].get("value"), "1", "{engine}");
        let calls = answers[3].get("syscalls").as_array().expect("a list");
        let last = calls.last().expect("a call");
        assert_eq!(last["value"], -512);
        assert!(last.get("restarted").is_none(), "{last}");
    }
}
