//! Handlers of signals on a stack of their own (sigaltstack(2)): frames end where the interrupted
//! stack goes on, and what lies between both stacks belongs to no frame.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;
use serde_json::Value;

fn explorer() -> Explorer {
    recording("other_stack").explore()
}

fn line(text: &str) -> String {
    let fixture = Fixture::load("other_stack");
    let source = std::fs::read_to_string(&fixture.source).expect("a source");
    let number = source.lines().position(|line| line.trim() == text).expect("the line") + 1;
    format!("other_stack.c:{number}")
}

fn rows(answer: &Answer, field: &str) -> Vec<Value> {
    answer.get(field).as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
}

fn number(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_else(|| panic!("no {field} in {row}"))
}

#[test]
fn a_handler_that_jumps_out_is_left_where_it_jumps_to() {
    let explorer = explorer();
    let calls = rows(&explorer.last(&["calls jumps"]), "calls");
    assert_eq!(calls.len(), 3);
    let next = rows(&explorer.last(&[format!("executions {}", line("hits++;"))]), "executions");
    for (call, next) in calls.iter().zip(&next) {
        assert_eq!(call["ending"], "left", "{call}");
        let (begin, end) = (number(call, "tracepoint"), number(call, "end"));
        assert!(begin < end && end < number(next, "tracepoint"), "{call} {next}");
        let jump = format!("jump {begin}");
        let commands = [&*jump, "next", "next", "next", "next", "next"];
        let left = explorer.last(&commands);
        assert_eq!((left.function(), left.reason()), (Some("main"), "step"), "{left:?}");
        assert!(left.tracepoint() <= number(next, "tracepoint"), "{left:?}");
        let finished = explorer.last(&[&jump, "next", "finish"]);
        assert_eq!((finished.function(), finished.reason()), (Some("main"), "out"));
        assert!((end..=number(next, "tracepoint")).contains(&finished.tracepoint()));
        // Its variable is its own, not that of other activations.
        let written = explorer.last(&[&jump, "next", "mod list h"]);
        let values = rows(&written, "modifications");
        let within = values.iter().all(|row| (begin..end).contains(&number(row, "tracepoint")));
        assert!(values.len() == 2 && within, "{written:?}");
        let back = explorer.last(&[&jump, "next", "next", "reverse-finish"]);
        assert_eq!((back.tracepoint(), back.function()), (begin - 1, Some("main")));
    }
}

#[test]
fn a_handler_that_returns_was_entered_where_its_signal_came() {
    let explorer = explorer();
    let calls = rows(&explorer.last(&["calls returns"]), "calls");
    assert_eq!(calls.len(), 2);
    for call in &calls {
        let begin = number(call, "tracepoint");
        assert_eq!(call["ending"], "returned");
        let jump = format!("jump {begin}");
        let back = explorer.last(&[&*jump, "next", "next", "reverse-finish"]);
        assert_eq!(back.tracepoint(), begin - 1);
    }
}

#[test]
fn what_lies_between_two_stacks_belongs_to_no_frame() {
    let explorer = explorer();
    let begin = number(&rows(&explorer.last(&["calls returns"]), "calls")[0], "tracepoint");
    let there = [&*format!("jump {begin}"), "next", "next", "next"];
    let written = explorer.last(&[&there[..], &["mod list p->v"]].concat());
    let values = rows(&written, "modifications");
    let last = values.last().expect("the write in main");
    assert_eq!(last["function"], "main", "{written:?}");
    let stops = explorer.ask(&[&there[..], &["watch p->v", "c", "c", "c"]].concat());
    let stops: Vec<String> = stops[5..].iter().map(|stop| stop.reason().to_owned()).collect();
    assert!(!stops.contains(&"scope".to_owned()), "{stops:?}");
    // The same without a local variable.
    let global = explorer.ask(&[&there[..], &["watch (*head).v", "c", "c", "c"]].concat());
    assert!(global[5..].iter().all(|stop| stop.reason() != "scope"), "{global:?}");
}
