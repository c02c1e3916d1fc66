//! Coroutines (ucontext) are each on a stack of their own: what happens on another ends no frame.

use rdb_tests::explorer::{Answer, Explorer};
use rdb_tests::fixture::Fixture;
use rdb_tests::recording::recording;

fn explorer() -> Explorer {
    recording("contexts").explore()
}

fn place(mark: &str) -> String {
    Fixture::load("contexts").place(mark)
}

/// The tracepoints at which coroutine `id` executes a marked line.
fn executed(mark: &str, id: u32) -> Vec<u64> {
    let ask = format!("print-each id at {} if id == {id}", place(mark));
    let answer = explorer().last(&[ask]);
    let samples = answer.get("samples").as_array().cloned().unwrap_or_default();
    samples.iter().filter_map(|sample| sample["tracepoint"].as_u64()).collect()
}

#[test]
fn a_coroutine_is_left_when_it_returns() {
    let explorer = explorer();
    for id in 0..2 {
        let (began, last) = (executed("begin", id)[0], executed("print", id)[0]);
        for from in [began, executed("swap", id)[1]] {
            let left = explorer.last(&[format!("jump {from}"), "finish".to_owned()]);
            assert_eq!(left.reason(), "out");
            assert!(left.tracepoint() > last, "{id} from {from}: {left:?}");
            assert_ne!(left.function(), Some("main"), "{left:?}");
        }
    }
    let calls = explorer.last(&["calls coroutine"]);
    let rows = calls.get("calls").as_array().cloned().expect("calls");
    assert_eq!(rows.len(), 2);
    for (id, row) in (0..).zip(&rows) {
        let (tracepoint, end) = (row["tracepoint"].as_u64(), row["end"].as_u64());
        assert_eq!(row["ending"], "returned", "{row}");
        assert!(tracepoint.is_some_and(|t| t <= executed("begin", id)[0]), "{row}");
        assert!(end.is_some_and(|end| end > executed("print", id)[0]), "{row}");
    }
}

#[test]
fn a_step_over_a_switch_ends_when_it_is_switched_back() {
    let explorer = explorer();
    for id in 0..2 {
        let swaps = executed("swap", id);
        let adds = executed("add", id);
        for (swap, add) in swaps.iter().zip(&adds[1..]) {
            let jump = format!("jump {swap}");
            let answers =
                explorer.ask(&[&*jump, "next", "next", "print id", "reverse-next", "reverse-next"]);
            assert_eq!(answers[2].tracepoint(), *add, "{id}: {:?}", answers[2]);
            assert_eq!(answers[3].get("value"), id.to_string().as_str());
            assert_eq!(answers[5].tracepoint(), *swap, "{id}: {:?}", answers[5]);
        }
    }
}

#[test]
fn a_coroutines_variable_is_there_from_its_entry_on() {
    let explorer = explorer();
    let entries: Vec<Answer> = (0..2)
        .map(|id| {
            let jump = format!("jump {}", executed("swap", id)[1]);
            explorer.last(&[jump, "mod list total".to_owned()])
        })
        .collect();
    let calls = explorer.last(&["calls coroutine"]);
    for (id, answer) in entries.iter().enumerate() {
        let entered = calls.get("calls")[id]["tracepoint"].as_u64().expect("a call");
        // Where the switch to its stack begins.
        let begin = answer.get("life")["begin"].as_u64().expect("a beginning");
        assert!(begin < entered && entered - begin < 64, "{answer:?}");
        let rows = answer.get("modifications").as_array().map(Vec::len);
        // Its first value, and one a turn.
        assert_eq!(rows, Some(5), "{answer:?}");
    }
}
