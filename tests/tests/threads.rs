//! Histories of several threads and processes, end to end on synthetic traces.

use rdb_tests::threads::Threads;
use std::sync::OnceLock;

/// The trace that all of these tests share.
fn threads() -> &'static Threads {
    static MADE: OnceLock<Threads> = OnceLock::new();
    MADE.get_or_init(Threads::make)
}

#[test]
fn the_synthetic_trace_has_three_threads_and_two_processes() {
    let made = threads();
    assert_eq!(made.processes.len(), 2);
    for process in 0..2 {
        assert_eq!(made.threads(process).len(), 3);
        assert!(made.turns[process].len() > 30, "{:?}", made.turns[process]);
    }
    let end = made.explore().last(&["rend"]);
    assert_eq!(end.tracepoint(), made.turns[0].last().expect("a turn").end);
}
