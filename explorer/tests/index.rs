//! Indexed answers against a linear scan's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::Rng;
use common::file::Ending;
use common::program::{Program, WINDOW};
use proptest::prelude::*;
use rdb_explorer::index::{Above, Index, Write, register_bits};
use rdb_explorer::session::registers::read;
use rdb_explorer::session::{Session, Subject, Window};
use rdb_explorer::symbols::DebugSearch;
use rdb_explorer::timeline::{Direction, Timeline};
use rdb_schema::effects::Effect;
use rdb_schema::event::Event;
use rdb_schema::registers::Registers;
use rdb_schema::replay::{Cursor, Sink};
use rdb_schema::space::MappingChange;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::OnceLock;

const ENDINGS: [Ending; 3] = [Ending::Indexed, Ending::Sealed, Ending::Cut];
const DIRECTIONS: [Direction; 2] = [Direction::Forward, Direction::Backward];

/// Queries of each kind per random program; RDB_QUERIES overrides it.
fn queries() -> u64 {
    std::env::var("RDB_QUERIES").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

/// Every write: when, where, whether mappings changed.
#[derive(Default)]
struct Writes(Vec<(u64, Range<u64>, bool)>);

impl Sink for Writes {
    fn store(&mut self, tracepoint: u64, address: u64, bytes: &[u8]) {
        self.0.push((tracepoint, address..address.saturating_add(bytes.len() as u64), false));
    }

    fn event(&mut self, event: &Event) {
        for change in &event.mappings {
            if matches!(
                change,
                MappingChange::Map(_) | MappingChange::Unmap { .. } | MappingChange::Clear
            ) {
                self.0.push((event.tracepoint, change.range(), true));
            }
        }
    }
}

fn scan(program: &Program) -> Writes {
    let mut writes = Writes::default();
    for recorded in &program.chunks {
        let chunk = &recorded.chunk;
        let mut cursor = Cursor::new(chunk);
        cursor.advance(chunk, &program.dictionary, chunk.end(), &mut writes).unwrap();
    }
    writes
}

impl Writes {
    fn find(&self, addresses: &Range<u64>, times: &Range<u64>) -> Vec<Write> {
        let mut found: BTreeMap<u64, bool> = BTreeMap::new();
        for (tracepoint, range, mapped) in &self.0 {
            let overlaps = range.start < addresses.end && addresses.start < range.end;
            if overlaps && !range.is_empty() && !addresses.is_empty() && times.contains(tracepoint)
            {
                *found.entry(*tracepoint).or_default() |= mapped;
            }
        }
        found.into_iter().map(|(tracepoint, mapped)| Write { tracepoint, mapped }).collect()
    }
}

fn random_range(rng: &mut Rng, from: u64, length: u64) -> Range<u64> {
    let start = from + rng.below(length);
    let most = [1, 4, 8, 64, 5000][rng.below(5) as usize];
    start..start + 1 + rng.below(most)
}

fn check_writes(index: &Index, timeline: &Timeline, writes: &Writes, rng: &mut Rng) {
    let addresses = random_range(rng, WINDOW.0, WINDOW.1 as u64);
    let (a, b) = (rng.below(timeline.end() + 1), rng.below(timeline.end() + 2));
    let times = a.min(b)..a.max(b);
    let mut expected = writes.find(&addresses, &times);
    for direction in DIRECTIONS {
        let limit = if rng.chance(50) { 1 } else { usize::MAX };
        let mut found = Vec::new();
        let mut visit = |write: Write| {
            found.push(write);
            if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        index.writes(timeline, addresses.clone(), times.clone(), direction, &mut visit).unwrap();
        let wanted = &expected[..expected.len().min(limit)];
        assert_eq!(found, wanted, "{addresses:x?} {times:?} {direction:?}");
        expected.reverse();
    }
}

fn check_executions(index: &Index, timeline: &Timeline, program: &Program, rng: &mut Rng) {
    let from = rng.below(timeline.end() + 1);
    let pc = |rng: &mut Rng| program.states[rng.below(timeline.end() + 1) as usize].registers.rip;
    let mut pcs: Vec<u64> = (0..1 + rng.below(3)).map(|_| pc(rng)).collect();
    pcs.sort_unstable();
    pcs.dedup();
    for direction in DIRECTIONS {
        let scanned = timeline.find_pc(None, from, direction, &pcs, &|| false).unwrap();
        assert_eq!(index.find_pc(timeline, from, direction, &pcs).unwrap(), scanned);
    }
}

/// Where the stack pointer is in some range, for the frames' ends: against all states.
fn check_stack(index: &Index, timeline: &Timeline, program: &Program, rng: &mut Rng) {
    let state = |rng: &mut Rng| rng.below(timeline.end() + 1);
    let rsp = |t: u64| program.states[t as usize].registers.rsp();
    let start = rsp(state(rng)).saturating_sub(rng.below(3));
    let end = if rng.chance(50) { u64::MAX } else { start.saturating_add(rng.below(64)) };
    let thread = timeline.thread(state(rng)).unwrap();
    let above = Above { values: start..=end, thread };
    let (a, b) = (state(rng), rng.below(timeline.end() + 2));
    let states = a.min(b)..a.max(b);
    let wanted = |t: &u64| timeline.runs(*t, thread) && above.values.contains(&rsp(*t));
    for direction in DIRECTIONS {
        let found = index.find_above(timeline, states.clone(), direction, &above).unwrap();
        let expected = match direction {
            Direction::Forward => states.clone().find(wanted),
            Direction::Backward => states.clone().rev().find(wanted),
        };
        assert_eq!(found, expected, "{above:?} {states:?} {direction:?}");
    }
}

/// Registers that are asked about.
const NAMES: [&str; 6] = ["rax", "r11", "xmm1", "k2", "eflags", "rsp"];

fn bits_of(name: &str) -> u64 {
    static KNOWN: OnceLock<Vec<u64>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| NAMES.map(|n| register_bits(|all| read(all, n))).to_vec());
    known[NAMES.iter().position(|n| *n == name).unwrap()]
}

fn check_registers(index: &Index, timeline: &Timeline, program: &Program, rng: &mut Rng) {
    let name = NAMES[rng.below(NAMES.len() as u64) as usize];
    let bits = bits_of(name);
    let from = rng.below(timeline.end() + 1);
    for direction in DIRECTIONS {
        let times = match direction {
            Direction::Forward => from..timeline.end(),
            Direction::Backward => 0..from,
        };
        let mut found = Vec::new();
        let mut visit = |t: u64| {
            found.push(t);
            ControlFlow::Continue(())
        };
        index.register_writes(timeline, bits, times.clone(), direction, &mut visit).unwrap();
        // A write may leave the value as it was, but what changes it is a write.
        let value = |t: u64| read(&program.states[t as usize].registers, name);
        let changed: Vec<u64> = times.clone().filter(|t| value(*t) != value(t + 1)).collect();
        assert!(changed.iter().all(|t| found.contains(t)), "{name}: {changed:?} {found:?}");
        let writes = writers(program, bits, &times);
        match direction {
            Direction::Forward => assert!(found.is_sorted()),
            Direction::Backward => assert!(found.is_sorted_by(|a, b| a > b)),
        }
        found.sort_unstable();
        assert_eq!(found, writes, "{name} {times:?}");
    }
}

/// The tracepoints whose instruction or event has an effect on these registers.
fn writers(program: &Program, bits: u64, times: &Range<u64>) -> Vec<u64> {
    let mut found = Vec::new();
    for chunk in program.chunks.iter().map(|recorded| &recorded.chunk) {
        for (at, execution) in chunk.path.iter().enumerate() {
            let block = program.dictionary.get(chunk.blocks[execution.block as usize].id).unwrap();
            let faulted = chunk.cut(at).is_some_and(|cut| cut.faulted);
            for i in 0..chunk.execution_length(at) - u32::from(faulted) {
                let effects = block.slots(i as usize);
                if effects.iter().any(|slot| effect_bits(&slot.effect) & bits != 0) {
                    found.push(chunk.first + u64::from(execution.start + i));
                }
            }
        }
        for event in &chunk.events {
            let mut after = Registers::default();
            after.gpr.fill(u64::MAX / 3);
            after.rflags = 0x55;
            let before = after;
            event.registers.apply(&mut after);
            let changed = |name: &&str| {
                bits_of(name) & bits != 0 && read(&before, name) != read(&after, name)
            };
            if NAMES.iter().any(changed) {
                found.push(event.tracepoint);
            }
        }
    }
    found.retain(|t| times.contains(t));
    found.sort_unstable();
    found.dedup();
    found
}

/// Independent of the index: the registers that the machine's effects write.
fn effect_bits(effect: &Effect) -> u64 {
    match *effect {
        Effect::Gpr { register, .. } => 1 << register.number(),
        Effect::StatusFlags | Effect::FlagsOf { .. } => 1 << 16,
        Effect::Mask { register } => 1 << (24 + register),
        Effect::Vector { register, .. } => 1 << (32 + register),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_indexed_answer_is_that_of_a_scan(seed: u64, chunks in 1usize..40, executions in 1usize..12) {
        let program = Program::random(seed, chunks, executions);
        let mut rng = Rng::new(seed ^ 0x99);
        let (directory, path) = program.written(ENDINGS[rng.below(3) as usize]);
        let timeline = Timeline::open(&path).unwrap();
        let (made, notice) = Index::open(&timeline).unwrap();
        prop_assert_eq!(notice, None);
        let writes = scan(&program);
        let index = if rng.chance(50) { made } else { Index::existing(&timeline).unwrap() };
        for _ in 0..queries() {
            check_writes(&index, &timeline, &writes, &mut rng);
            check_executions(&index, &timeline, &program, &mut rng);
            check_stack(&index, &timeline, &program, &mut rng);
            check_registers(&index, &timeline, &program, &mut rng);
        }
        drop(directory);
    }
}

fn check_values(session: &mut Session, program: &Program, rng: &mut Rng) {
    session.jump(rng.below(program.end() + 1)).unwrap();
    let range = random_range(rng, WINDOW.0, WINDOW.1 as u64 - 5000);
    let bytes = range.end - range.start;
    let subject = Subject::Memory { address: range.start, bytes, bits: None };
    let window = Window { past: 3, future: 3 };
    let held = |t: u64| program.states[t as usize].memory(range.start, bytes as usize);
    let mut last = None;
    for one in session.modifications(&subject, 0..program.end(), window).unwrap() {
        let t = one.tracepoint;
        assert!(last < Some(t), "in order, each once");
        last = Some(t);
        assert_eq!(*one.old, *held(t), "{range:x?} before {t}");
        assert_eq!(*one.new, *held(t + 1), "{range:x?} after {t}");
        assert_eq!(one.current, t == session.cursor());
    }
    if rng.chance(10) {
        check_borders(session, &subject, program, rng);
    }
}

/// A list that is made in two parts is the same as in one.
fn check_borders(session: &Session, subject: &Subject, program: &Program, rng: &mut Rng) {
    let all = session.modifications_in(subject, 0..program.end(), 8).unwrap();
    if all.is_empty() {
        return;
    }
    let last = &all[rng.below(all.len() as u64) as usize];
    let rest = last.tracepoint + 1..program.end();
    let behind = session.modifications_behind(subject, rest, 8, Some(last)).unwrap();
    let expected: Vec<_> = all.iter().filter(|one| one.tracepoint > last.tracepoint).collect();
    assert!(behind.len() >= expected.len());
    assert!(behind.iter().zip(expected).all(|(one, other)| one == other), "{subject:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn modifications_have_the_values_of_their_states(seed: u64, chunks in 1usize..30, executions in 1usize..12) {
        let mut program = Program::random(seed, chunks, executions);
        let mut rng = Rng::new(seed ^ 0xaa);
        if rng.chance(50) {
            program.strip(0);
        }
        let (directory, path) = program.written(ENDINGS[rng.below(3) as usize]);
        let mut session = Session::new(Timeline::open(&path).unwrap(), DebugSearch::none());
        for _ in 0..queries() / 2 {
            check_values(&mut session, &program, &mut rng);
        }
        drop(directory);
    }
}

#[test]
fn calls_in_a_chunk_that_does_not_replay_are_refused() {
    let mut program = Program::random(3, 6, 8);
    program.give_to_one_thread();
    let t = program.chunks[1].chunk.first;
    let ask = |program: &Program| {
        let (_directory, path) = program.written(Ending::Sealed);
        let mut session = Session::new(Timeline::open(&path).unwrap(), DebugSearch::none());
        session.jump(t).unwrap();
        let pc = session.timeline().pc(t).unwrap();
        let window = Window { past: 0, future: 1 };
        let entries = session.entries_of(&format!("*{pc:#x}")).unwrap();
        session.calls(&entries, window).map(|calls| calls[0].arguments)
    };
    let sound = ask(&program).unwrap();
    let registers = &program.chunks[1].chunk.keyframe;
    assert_eq!(sound[..2], [registers.gpr[7], registers.gpr[6]], "rdi, rsi");
    program.chunks[2].chunk.keyframe.gpr[5] ^= 1;
    assert!(ask(&program).is_err());
}
