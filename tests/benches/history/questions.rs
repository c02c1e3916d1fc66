//! Questions in one session, with an index at hand.

use rdb_explorer::commands;
use rdb_explorer::session::{Session, Subject, Window};
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::{Direction, Timeline};
use rdb_tests::measure::report::{Bar, Report};
use rdb_tests::measure::statistics::{median, percentile};
use rdb_tests::random_program::Random;
use std::time::Instant;

/// Writes asked for, in each direction.
const WRITES: u64 = 500;

/// Most milliseconds of 99 in 100 of them.
const MOST_WRITE: f64 = 5.0;

/// Random jumps.
const JUMPS: u64 = 200;

/// Most milliseconds of 99 in 100 of them, with registers, call stack and locals.
const MOST_JUMP: f64 = 50.0;

/// Most milliseconds back to a breakpoint that was hit once.
const MOST_BACK: f64 = 20.0;

/// Rows of the longest list, and how many of them a second at least.
pub const ROWS: usize = 1_000_000;
pub const LEAST_ROWS: f64 = 1e6;

/// Words of a page.
const PAGE_WORDS: u64 = 512;

/// Measures questions to a session.
pub fn measure(name: &str, timeline: Timeline, report: &mut Report) {
    let mut session = Session::new(timeline, DebugSearch::system());
    let begun = Instant::now();
    session.jump(session.timeline().end()).expect("the end");
    session.evaluate("counter").expect("a variable");
    report.note(name, "first question about memory, s", begun.elapsed().as_secs_f64());
    writes(name, &mut session, report);
    jumps(name, &mut session, report);
    back(name, &mut session, report);
    rows(name, &mut session, report);
}

/// Measures random jumps in a session of their own.
pub fn measure_jumps(name: &str, timeline: Timeline, report: &mut Report) {
    let mut session = Session::new(timeline, DebugSearch::system());
    session.jump(session.timeline().end()).expect("the end");
    session.evaluate("counter").expect("a variable");
    jumps(name, &mut session, report);
}

/// The nearest writes to words of hot and of cold pages, from anywhere.
fn writes(name: &str, session: &mut Session, report: &mut Report) {
    let mut random = Random::new(1);
    for (array, pages) in [("hot", 100), ("cold", 10_000)] {
        let first = session.subject(array, Some(8)).expect("an array");
        let start = first.addresses().expect("memory").start;
        for direction in [Direction::Backward, Direction::Forward] {
            let mut one = |_| {
                let end = session.timeline().end();
                session.jump(random.below(end)).expect("a tracepoint");
                let address = start + random.below(pages * PAGE_WORDS) * 8;
                let word = Subject::Memory { address, bytes: 8, bits: None };
                let begun = Instant::now();
                session.nearest_write(&word, 0..end, direction).expect("an answer");
                begun.elapsed().as_secs_f64() * 1e3
            };
            // What is warm then: the upper nodes.
            (0..10).map(&mut one).for_each(|_| ());
            let times: Vec<f64> = (0..WRITES).map(&mut one).collect();
            let way = if direction == Direction::Backward { "last" } else { "next" };
            report.note(name, &format!("{way} write, {array}, p50, ms"), median(&times));
            let slowest = percentile(&times, 99);
            let what = format!("{way} write, {array}, p99, ms");
            report.add(name, &what, slowest, Bar::AtMost(MOST_WRITE));
        }
    }
}

/// Anywhere at random: registers, call stack and local variables there.
fn jumps(name: &str, session: &mut Session, report: &mut Report) {
    let mut random = Random::new(2);
    let mut one = |_| {
        let t = random.below(session.timeline().end());
        let begun = Instant::now();
        for command in [&format!("jump {t}"), "regs", "backtrace", "info locals"] {
            let answer = commands::run(session, command);
            // Code without debug information has no locals.
            assert!(answer.is_ok() || command == "info locals", "{command}");
        }
        begun.elapsed().as_secs_f64() * 1e3
    };
    (0..5).map(&mut one).for_each(|_| ());
    let times: Vec<f64> = (0..JUMPS).map(&mut one).collect();
    report.note(name, "random jump and its state, p50, ms", median(&times));
    let slowest = percentile(&times, 99);
    report.add(name, "random jump and its state, p99, ms", slowest, Bar::AtMost(MOST_JUMP));
}

/// Back from the end to the only hit of a breakpoint.
fn back(name: &str, session: &mut Session, report: &mut Report) {
    let targets = session.resolve("once").expect("a function");
    session.breakpoints.add("once", targets);
    let mut one = |_| {
        let end = session.timeline().end();
        session.jump(end).expect("the end");
        let begun = Instant::now();
        session.run(Direction::Backward).expect("an answer");
        let taken = begun.elapsed().as_secs_f64() * 1e3;
        assert!(session.cursor() > 0, "it is hit");
        taken
    };
    let times: Vec<f64> = (0..5).map(&mut one).collect();
    report.add(name, "back to a single hit, first, ms", times[0], Bar::AtMost(MOST_BACK));
    report.note(name, "back to a single hit, again, ms", median(&times));
    session.breakpoints.delete(None);
}

/// The writes of a variable that every step writes.
fn rows(name: &str, session: &mut Session, report: &mut Report) {
    let end = session.timeline().end();
    session.jump(end).expect("the end");
    let subject = session.subject("counter", None).expect("a variable");
    let begun = Instant::now();
    let window = Window { past: ROWS, future: 0 };
    let listed = session.modifications(&subject, 0..end, window).expect("an answer").len();
    let rate = listed as f64 / begun.elapsed().as_secs_f64();
    report.note(name, "modification list, rows", listed as f64);
    report.add(name, "modification list, rows/s", rate, Bar::AtLeast(LEAST_ROWS));
}
