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

/// Stores with their bytes: tracepoint, address, bytes or how many they are.
#[derive(Default)]
struct Contents(Vec<(u64, u64, Result<Vec<u8>, Stored>)>);

impl Found for Contents {
    fn store(&mut self, stored: Stored) {
        panic!("no bytes were asked for at {stored:?}");
    }
    fn holds(&mut self, stored: Stored, bytes: Option<&[u8]>) {
        if stored.bytes > 0 {
            let bytes = bytes.map(<[u8]>::to_vec).ok_or(stored);
            self.0.push((stored.time.into(), stored.address, bytes));
        }
    }
    fn span(&mut self, _: Span) {}
    fn event(&mut self, _: &Event, _: u64) {}
}

impl Sink for Contents {
    fn store(&mut self, tracepoint: u64, address: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.push((tracepoint, address, Ok(bytes.to_vec())));
        }
    }
    fn event(&mut self, _: &Event) {}
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sweep_finds_what_is_stored(seed: u64, chunks in 1usize..5, executions in 1usize..16) {
        check_stored(seed, chunks, executions)?;
    }
}

#[test]
fn flags_are_kept_for_what_comes_behind_an_execution_that_is_cut() {
    check_stored(11_365_965_280_501_043_289, 2, 7).unwrap();
}

fn check_stored(seed: u64, chunks: usize, executions: usize) -> Result<(), TestCaseError> {
    let program = Program::random(seed, chunks, executions);
    let plans = Plans::with_values(&program.dictionary);
    for recorded in &program.chunks {
        let chunk = &recorded.chunk;
        let (mut swept, mut replayed) = (Contents::default(), Contents::default());
        sweep(chunk, &plans, &mut swept).unwrap();
        let mut cursor = Cursor::new(chunk);
        cursor.advance(chunk, &program.dictionary, chunk.end(), &mut replayed).unwrap();
        let known = |store: &(u64, u64, Result<_, Stored>)| store.2.is_ok();
        let (sure, vectors): (Vec<_>, Vec<_>) = swept.0.into_iter().partition(known);
        let mut sure =
            sure.into_iter().map(|(time, at, bytes)| (chunk.first + time, at, bytes)).peekable();
        for store in replayed.0 {
            // What comes from vectors lies within a store without bytes.
            let from_vector = |(time, start, held): &(u64, u64, Result<_, Stored>)| {
                let length = held.as_ref().err().map_or(0, |stored| stored.bytes);
                chunk.first + time == store.0 && store.1.wrapping_sub(*start) < length
            };
            let found = sure.next_if_eq(&store).is_some();
            prop_assert!(found || vectors.iter().any(from_vector), "only replayed: {store:x?}");
        }
        prop_assert_eq!(sure.next(), None);
    }
    Ok(())
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
