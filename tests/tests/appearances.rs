//! When bytes came to stand in memory, against a look at all of memory in every state; and when
//! an address was mapped, against the mappings of every state.

use rdb_explorer::session::{Session, find_pattern};
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::Timeline;
use rdb_tests::compile::Flavour;
use rdb_tests::fixture::Fixture;
use rdb_tests::guest::Guest;
use rdb_tests::recording::recording;
use std::collections::BTreeSet;

/// Instructions of the short history that is looked at state by state.
const LENGTH: u64 = 500;

/// Patterns that are looked for.
const PATTERNS: usize = 6;

fn at_state(session: &mut Session, t: u64, pattern: &[u8]) -> BTreeSet<u64> {
    session.jump(t).expect("a state");
    let (found, more) =
        session.find_bytes_at((session.cursor(), 0), pattern, 1 << 20).expect("an answer");
    assert!(!more);
    found.into_iter().collect()
}

#[test]
fn bytes_appear_when_a_look_at_every_state_says_so() {
    let guest = Guest::fixture(&Fixture::load("provenance"), Flavour::Static);
    let recorded = guest.record(&["--stop-after", &LENGTH.to_string()]);
    let timeline = Timeline::open(&recorded.trace).expect("a trace");
    let mut session = Session::new(timeline, DebugSearch::none());
    // Four bytes around stores spread over the history.
    let view = session.timeline().chunk_view(0).expect("a chunk");
    let stores: Vec<(u64, u64)> =
        view.stores().iter().map(|store| (store.tracepoint, store.address)).collect();
    drop(view);
    let mut appeared = 0;
    for (t, address) in stores.iter().step_by((stores.len() / PATTERNS).max(1)) {
        let bytes = session.timeline().memory(t + 1, address - 1, 4).expect("memory");
        let Some(pattern) = bytes.into_iter().collect::<Option<Vec<u8>>>() else { continue };
        // What stands everywhere takes too long to look for so slowly.
        if pattern.iter().filter(|byte| **byte == 0).count() > 2 {
            continue;
        }
        let mut before = at_state(&mut session, 0, &pattern);
        let mut expected: Vec<(Option<u64>, u64)> = before.iter().map(|at| (None, *at)).collect();
        for state in 1..=session.timeline().end() {
            let now = at_state(&mut session, state, &pattern);
            expected.extend(now.difference(&before).map(|at| (Some(state - 1), *at)));
            before = now;
        }
        let (found, more) = session.appearances(&pattern, 1 << 20).expect("an answer");
        let found: Vec<(Option<u64>, u64)> =
            found.iter().map(|one| (one.tracepoint, one.address)).collect();
        assert!(!more);
        assert_eq!(found, expected, "{pattern:x?}");
        appeared += expected.len();
    }
    assert!(appeared > PATTERNS / 3, "{appeared}");
}

#[test]
fn a_string_is_followed_through_all_its_copies() {
    let explorer = recording("provenance").explore();
    let answers = explorer.ask(&[
        "find --over all \"42 apples\"",
        "find -c 1 --over all \"42 apples\"",
        "find --over all \"no such text anywhere\"",
    ]);
    let found = answers[0].get("found").as_array().expect("rows");
    // The buffer of read, and memcpy's copy.
    assert_eq!(found.len(), 2, "{found:?}");
    let first = &found[0];
    assert_eq!(first["symbol"], "<line>");
    assert!(first["tracepoint"].as_u64() < found[1]["tracepoint"].as_u64());
    assert_eq!(answers[1].get("more"), true);
    assert_eq!(answers[2].get("found").as_array().map(Vec::len), Some(0));
    assert!(find_pattern("\"42 apples\"").is_ok());
}

#[test]
fn what_is_not_mapped_says_when_it_was() {
    let recorded = recording("address_space");
    let timeline = Timeline::open(&recorded.trace).expect("a trace");
    let end = timeline.end();
    let mut starts: BTreeSet<u64> = BTreeSet::new();
    let steps: Vec<u64> = (0..=end).step_by(97).chain([end]).collect();
    for t in &steps {
        starts.extend(timeline.shared_space(*t).expect("mappings").iter().map(|m| m.start));
    }
    let mut session = Session::new(timeline, DebugSearch::none());
    let mut unmapped = None;
    for address in starts {
        let times = session.mapped_times(address).expect("an answer");
        for t in &steps {
            let mapped =
                session.timeline().shared_space(*t).expect("mappings").find(address).is_some();
            assert_eq!(times.iter().any(|time| time.contains(t)), mapped, "{address:#x} at {t}");
        }
        if times.last().is_some_and(|time| time.end <= end) {
            unmapped = Some((address, times));
        }
    }
    session.jump(0).expect("a state");
    let (address, times) = unmapped.expect("something was unmapped");
    let explorer = recorded.explore();
    let (_, answers) = explorer.attempt(&[
        "rend".to_string(),
        format!("x {address:#x}"),
        format!("print *(int *) {address:#x}"),
        "x 0x10".to_string(),
    ]);
    let last = times.last().expect("a time");
    for answer in &answers[1..3] {
        let error = answer.error.as_deref().unwrap_or_default().replace(',', "");
        assert!(error.contains(&format!("it was mapped from #{}", last.start)), "{answer:?}");
        assert!(error.contains(&format!("to #{}", last.end - 1)), "{answer:?}");
    }
    let (_, watched) = explorer.attempt(&["watch *(int *) 0x10"]);
    assert!(watched[0].error.as_deref().unwrap_or_default().contains("never mapped"));
    let never = answers[3].error.as_deref().unwrap_or_default();
    assert!(never.contains("is never mapped"), "{never}");
}
