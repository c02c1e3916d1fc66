//! Timelines of synthetic traces against the machine that made them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::Rng;
use common::file::Ending;
use common::program::{ARENA, Program, WINDOW};
use proptest::prelude::*;
use rdb_explorer::timeline::{Direction, StateError, Timeline};
use rdb_schema::event::Exit;
use std::ops::ControlFlow;

const ENDINGS: [Ending; 3] = [Ending::Indexed, Ending::Sealed, Ending::Cut];

fn open(program: &Program, ending: Ending) -> Timeline {
    let (_directory, path) = program.written(ending);
    let timeline = Timeline::open(&path).unwrap();
    assert_eq!(timeline.end(), program.end());
    timeline
}

fn check_state(timeline: &Timeline, program: &Program, t: u64) {
    let state = &program.states[t as usize];
    assert!(timeline.registers(t).unwrap() == state.registers, "registers at {t}");
    assert_eq!(timeline.pc(t).unwrap(), state.registers.rip, "pc at {t}");
    assert_eq!(timeline.stack_pointer(t).unwrap(), state.registers.rsp(), "rsp at {t}");
    assert_eq!(timeline.space(t).unwrap(), state.space, "space at {t}");
    let memory = timeline.memory(t, WINDOW.0, WINDOW.1).unwrap();
    let expected = state.memory(WINDOW.0, WINDOW.1);
    let wrong = (0..WINDOW.1).find(|i| memory[*i] != expected[*i]);
    if let Some(i) = wrong {
        let at = WINDOW.0 + i as u64;
        panic!("memory at {t}, {at:#x}: expected {:?}, got {:?}", expected[i], memory[i]);
    }
    let instruction = timeline.instruction(t).unwrap();
    assert_eq!(instruction.is_none(), t == program.end());
    assert!(instruction.is_none_or(|i| i.pc == state.registers.rip && !i.bytes.is_empty()));
}

fn check_search(timeline: &Timeline, program: &Program, rng: &mut Rng) {
    let pcs: Vec<u64> = program.states.iter().map(|s| s.registers.rip).collect();
    let end = program.end();
    for direction in [Direction::Forward, Direction::Backward] {
        let from = rng.below(end + 1);
        let states = || -> Box<dyn Iterator<Item = u64>> {
            match direction {
                Direction::Forward => Box::new(from + 1..=end),
                Direction::Backward => Box::new((0..from).rev()),
            }
        };
        let mut wanted: Vec<u64> =
            (0..1 + rng.below(3)).map(|_| pcs[rng.below(end + 1) as usize]).collect();
        wanted.push(0x1234);
        wanted.sort_unstable();
        wanted.dedup();
        let expected = states().find(|t| wanted.contains(&pcs[*t as usize]));
        let found = timeline.find_pc(None, from, direction, &wanted, &|| false).unwrap();
        assert_eq!(found, expected, "from {from} {direction:?}");
        let mut walked = Vec::new();
        let mut visit = |t: u64, pc: u64| {
            walked.push((t, pc));
            ControlFlow::Continue(())
        };
        timeline.walk(None, from, direction, &mut visit).unwrap();
        let expected: Vec<_> = states().map(|t| (t, pcs[t as usize])).collect();
        assert_eq!(walked, expected);
    }
}

fn check_entered(timeline: &Timeline, program: &Program, rng: &mut Rng) {
    let pcs: Vec<u64> = program.states.iter().map(|s| s.registers.rip).collect();
    let mut some = || pcs[rng.below(program.end()) as usize];
    let (a, b, border) = (some(), some(), some());
    let part_of = |pc: u64| {
        let code = a.min(b)..=a.max(b);
        code.contains(&pc).then_some((usize::from(pc >= border), pc == border))
    };
    for chunk in program.chunks.iter().map(|c| &c.chunk) {
        let range = chunk.first..chunk.first + rng.below(chunk.count + 1);
        let (mut last, mut expected) = (None, Vec::new());
        for t in range.clone() {
            let Some((part, begins)) = part_of(pcs[t as usize]) else { continue };
            if begins || last != Some(part) {
                expected.push(t);
            }
            last = Some(part);
        }
        let index = timeline.chunk_at(chunk.first).unwrap();
        assert_eq!(timeline.find_entered(index, range, &part_of).unwrap(), expected);
    }
}

fn check_events(timeline: &Timeline, program: &Program, rng: &mut Rng) {
    let all: Vec<_> = program.chunks.iter().flat_map(|c| c.chunk.events.clone()).collect();
    let (a, b) = (rng.below(program.end() + 1), rng.below(program.end() + 2));
    let range = a.min(b)..a.max(b);
    let mut expected: Vec<_> =
        all.iter().filter(|e| range.contains(&e.tracepoint)).cloned().collect();
    for direction in [Direction::Forward, Direction::Backward] {
        let mut found = Vec::new();
        let mut visit = |e: &rdb_schema::event::Event| {
            found.push(e.clone());
            ControlFlow::Continue(())
        };
        timeline.events(range.clone(), direction, &mut visit).unwrap();
        assert_eq!(found, expected);
        expected.reverse();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_state_is_the_machines(seed: u64, chunks in 1usize..6, executions in 1usize..16) {
        let program = Program::random(seed, chunks, executions);
        let mut rng = Rng::new(seed ^ 0x55);
        let timeline = open(&program, ENDINGS[rng.below(3) as usize]);
        if rng.chance(50) {
            (0..=program.end()).for_each(|t| check_state(&timeline, &program, t));
        } else {
            for _ in 0..program.end() + 1 {
                check_state(&timeline, &program, rng.below(program.end() + 1));
            }
        }
        for _ in 0..20 {
            check_search(&timeline, &program, &mut rng);
            check_entered(&timeline, &program, &mut rng);
            check_events(&timeline, &program, &mut rng);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_needs_no_page_versions(seed: u64, chunks in 1usize..50, executions in 1usize..6) {
        let mut program = Program::random(seed, chunks, executions);
        let mut rng = Rng::new(seed ^ 0x77);
        let kept = if rng.chance(50) { 0 } else { rng.below(chunks as u64) };
        program.strip(kept as usize);
        let timeline = open(&program, ENDINGS[rng.below(3) as usize]);
        for _ in 0..program.end().min(100) {
            check_state(&timeline, &program, rng.below(program.end() + 1));
        }
    }
}

#[test]
fn a_question_that_replays_everything_can_be_interrupted() {
    let mut program = Program::random(12, 20, 8);
    program.strip(0);
    let timeline = open(&program, Ending::Sealed);
    timeline.interrupt().raise();
    assert!(timeline.registers(program.end()).is_ok());
    assert!(matches!(timeline.memory(program.end(), ARENA, 8), Err(StateError::Interrupted)));
    timeline.interrupt().clear();
    check_state(&timeline, &program, program.end());
}

#[test]
fn memory_after_a_chunk_that_does_not_replay_is_not_known() {
    let mut program = Program::random(3, 6, 8);
    program.strip(0);
    program.give_to_one_thread();
    program.chunks[2].chunk.keyframe.gpr[5] ^= 1;
    let timeline = open(&program, Ending::Indexed);
    let before = program.chunks[1].chunk.first;
    check_state(&timeline, &program, before);
    let after = timeline.memory(program.end(), WINDOW.0, WINDOW.1);
    assert!(matches!(after, Err(StateError::Damaged(..))));
}

#[test]
fn a_sealed_trace_says_how_the_program_ended_and_a_cut_one_that_it_is_cut() {
    let program = Program::random(1, 3, 8);
    let sealed = open(&program, Ending::Indexed);
    assert_eq!((sealed.exit(), sealed.notices()), (Exit::Status(3), &[][..]));
    let cut = open(&program, Ending::Cut);
    assert_eq!(cut.exit(), Exit::Unknown);
    let expected = format!("recording was cut short: history ends at tracepoint {}", program.end());
    assert_eq!(cut.notices(), [expected]);
}

#[test]
fn threads_modules_and_kernel_state_are_the_recorded_ones() {
    let program = Program::random(2, 3, 8);
    let timeline = open(&program, Ending::Sealed);
    let last = &program.chunks[2].chunk;
    assert_eq!(timeline.thread(0).unwrap(), 7);
    assert_eq!(timeline.thread(program.end()).unwrap(), 9);
    let (state, system) = timeline.system(program.end()).unwrap();
    assert_eq!((state, system.umask), (last.first, 2));
    assert_eq!(timeline.modules().len(), 1);
    assert_eq!(timeline.modules()[0].path, "/bin/synthetic");
    assert_eq!(&*timeline.module_bytes(0).unwrap(), &program.module[..]);
    assert!(timeline.module_bytes(5).is_err());
    let out = timeline.registers(program.end() + 1);
    assert!(matches!(out, Err(StateError::OutOfRange(..))));
    let interrupted = timeline.find_pc(None, 0, Direction::Forward, &[1], &|| true);
    assert!(matches!(interrupted, Err(StateError::Interrupted)));
}

#[test]
fn a_keyframe_that_replay_does_not_reach_is_damage() {
    let mut program = Program::random(3, 3, 8);
    program.give_to_one_thread();
    program.chunks[1].chunk.keyframe.gpr[5] ^= 1;
    let timeline = open(&program, Ending::Indexed);
    let middle = program.chunks[1].chunk.first;
    assert!(matches!(timeline.registers(middle - 1), Err(StateError::Damaged(..))));
    assert!(timeline.registers(0).is_ok());
}

#[test]
fn a_timeline_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Timeline>();
}
