//! What a sweep finds, against what replay does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::program::Program;
use proptest::prelude::*;
use rdb_explorer::index::{Found, Plans, Span, Stored, sweep};
use rdb_schema::event::Event;
use rdb_schema::replay::{Cursor, Sink};

#[derive(Default)]
struct Swept {
    stores: Vec<Stored>,
    spans: Vec<Span>,
}

impl Found for Swept {
    fn store(&mut self, stored: Stored) {
        if stored.bytes > 0 {
            self.stores.push(stored);
        }
    }
    fn span(&mut self, span: Span) {
        self.spans.push(span);
    }
    fn event(&mut self, _: &Event, _: u64) {}
}

struct Replayed(Vec<(u64, u64, u64)>);

impl Sink for Replayed {
    fn store(&mut self, tracepoint: u64, address: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.push((tracepoint, address, bytes.len() as u64));
        }
    }
    fn event(&mut self, _: &Event) {}
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sweep_finds_what_replay_does(seed: u64, chunks in 1usize..5, executions in 1usize..16) {
        let program = Program::random(seed, chunks, executions);
        let plans = Plans::new(&program.dictionary);
        for recorded in &program.chunks {
            let chunk = &recorded.chunk;
            let mut swept = Swept::default();
            let end = sweep(chunk, &plans, &mut swept).unwrap();
            let mut cursor = Cursor::new(chunk);
            let mut replayed = Replayed(Vec::new());
            cursor.advance(chunk, &program.dictionary, chunk.end(), &mut replayed).unwrap();
            prop_assert_eq!(end.gpr, cursor.registers.gpr);
            prop_assert_eq!(end.fs_base, cursor.registers.fs_base);
            compare(chunk.first, swept.stores, replayed.0)?;
            check_stack(&program, chunk.first, chunk.end(), &swept.spans)?;
        }
    }
}

/// Every store of replay is one of the sweep; where not all bytes are sure, it
/// lies within one.
fn compare(
    first: u64,
    swept: Vec<Stored>,
    replayed: Vec<(u64, u64, u64)>,
) -> Result<(), TestCaseError> {
    let sure = |s: &&Stored| s.all;
    let mut exact: Vec<_> = swept
        .iter()
        .filter(sure)
        .map(|s| (first + u64::from(s.time), s.address, s.bytes))
        .collect();
    let within = |(t, address, bytes): &(u64, u64, u64)| {
        swept.iter().filter(|s| !s.all).any(|s| {
            let offset = address.wrapping_sub(s.address);
            first + u64::from(s.time) == *t && offset < s.bytes && offset + bytes <= s.bytes
        })
    };
    exact.sort_unstable();
    let mut others = Vec::new();
    for store in replayed {
        match exact.binary_search(&store) {
            Ok(at) => {
                exact.remove(at);
            }
            Err(_) => others.push(store),
        }
    }
    prop_assert!(exact.is_empty(), "only swept: {exact:x?}");
    prop_assert!(others.iter().all(within), "only replayed: {others:x?}");
    Ok(())
}

fn check_stack(
    program: &Program,
    first: u64,
    end: u64,
    spans: &[Span],
) -> Result<(), TestCaseError> {
    for t in first..end {
        let time = (t - first) as u32;
        let here = || spans.iter().filter(|s| s.start <= time && time < s.end);
        let low = here().map(|s| s.low).min().unwrap();
        let high = here().map(|s| s.high).max().unwrap();
        for state in [t, t + 1] {
            let at = program.states[state as usize].registers.rsp();
            prop_assert!(low <= at && at <= high, "state {state}: {low:#x} {at:#x} {high:#x}");
        }
    }
    Ok(())
}
