//! Damaged traces: an answer is right, an error, or past a reported shorter end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::Rng;
use common::file::{Ending, File};
use common::program::{ARENA, Program, WINDOW};
use rdb_explorer::timeline::{Direction, OpenError, StateError, Timeline};
use rdb_schema::container::{Directory, Encoded, FrameHeader, FrameKind, Writer};
use rdb_schema::event::Event;
use rdb_schema::message::{encode_blocks, encode_chunk, encode_index};
use rdb_schema::pages::{PageIndex, PageVersion};
use rdb_schema::space::PAGE;
use std::ops::ControlFlow;
use std::path::Path;

/// Opens `bytes` as a trace and compares what it answers with `program`.
fn check(path: &Path, bytes: &[u8], program: &Program, rng: &mut Rng) {
    std::fs::write(path, bytes).unwrap();
    let Ok(timeline) = Timeline::open(path) else { return };
    let end = timeline.end();
    assert!(end == program.end() || (end < program.end() && !timeline.notices().is_empty()));
    for t in [end, rng.below(end + 1), rng.below(end + 1)] {
        check_state(&timeline, program, t);
    }
}

fn check_state(timeline: &Timeline, program: &Program, t: u64) {
    let state = &program.states[t as usize];
    if let Ok(registers) = timeline.registers(t) {
        assert!(registers == state.registers);
    }
    if let Ok(pc) = timeline.pc(t) {
        assert_eq!(pc, state.registers.rip);
    }
    if let Ok(space) = timeline.space(t) {
        assert_eq!(space, state.space);
    }
    if let Ok(memory) = timeline.memory(t, WINDOW.0, WINDOW.1) {
        assert!(memory == state.memory(WINDOW.0, WINDOW.1));
    }
}

fn mutations(mutate: impl Fn(&mut Vec<u8>, &mut Rng)) {
    let mut rng = Rng::new(11);
    for (seed, ending) in [(1, Ending::Indexed), (2, Ending::Sealed), (4, Ending::Cut)] {
        let program = Program::random(seed, 4, 8);
        let (_directory, path) = program.written(ending);
        let intact = std::fs::read(&path).unwrap();
        for _ in 0..334 {
            let mut bytes = intact.clone();
            mutate(&mut bytes, &mut rng);
            check(&path, &bytes, &program, &mut rng);
        }
    }
}

#[test]
fn truncated_anywhere() {
    mutations(|bytes, rng| bytes.truncate(rng.below(bytes.len() as u64) as usize));
}

#[test]
fn a_byte_flipped_anywhere() {
    mutations(|bytes, rng| {
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 + rng.below(255) as u8;
    });
}

#[test]
fn what_is_no_trace_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    assert!(matches!(Timeline::open(&path), Err(OpenError::Io(..))));
    assert!(matches!(Timeline::open(directory.path()), Err(OpenError::Io(..))));
    for bytes in [&b""[..], b"RDBT", b"something else entirely"] {
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(Timeline::open(&path), Err(OpenError::Format(..))));
    }
    let mut newer = rdb_schema::container::head();
    newer[8] = 200;
    std::fs::write(&path, newer).unwrap();
    assert!(Timeline::open(&path).err().unwrap().to_string().contains("newer"));
    std::fs::write(&path, rdb_schema::container::head()).unwrap();
    assert!(matches!(Timeline::open(&path), Err(OpenError::Unusable(..))));
}

#[test]
fn frames_that_do_not_fit_end_the_history() {
    let program = Program::random(5, 3, 8);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let chunk = |file: &mut File, i: usize| {
        let one = &program.chunks[i];
        let message = encode_chunk(&one.chunk, &one.state, &program.dictionary).unwrap();
        file.frame(FrameKind::Chunk, one.chunk.first, one.chunk.count, &message);
    };
    // A chunk that is missing.
    let mut file = File::create(&path);
    file.header();
    file.frame(FrameKind::Blocks, 0, 0, &encode_blocks(0, program.dictionary.since(0)));
    chunk(&mut file, 0);
    chunk(&mut file, 2);
    drop(file);
    let timeline = Timeline::open(&path).unwrap();
    assert_eq!(timeline.end(), program.chunks[0].chunk.end());
    assert_eq!(timeline.notices().len(), 2, "{:?}", timeline.notices());
    // Blocks that are missing.
    let mut file = File::create(&path);
    file.header();
    file.frame(FrameKind::Blocks, 0, 0, &encode_blocks(1, program.dictionary.since(1)));
    chunk(&mut file, 0);
    drop(file);
    assert!(matches!(Timeline::open(&path), Err(OpenError::Unusable(..))));
    // Blocks that only a decoded chunk shows to be missing.
    let mut file = File::create(&path);
    file.header();
    chunk(&mut file, 0);
    drop(file);
    let timeline = Timeline::open(&path).unwrap();
    assert!(matches!(timeline.pc(0), Err(StateError::Damaged(..))));
    assert!(matches!(timeline.registers(0), Err(StateError::Damaged(..))));
}

#[test]
fn an_index_that_lies_is_damage() {
    for (frame, slot) in [(0, 0), (1, 0), (1, 9), (77, 0)] {
        let program = Program::random(6, 1, 4);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let mut file = File::create(&path);
        file.header();
        file.pages(&program.first_pages);
        let one = &program.chunks[0];
        file.frame(FrameKind::Blocks, 0, 0, &encode_blocks(0, program.dictionary.since(0)));
        let message = encode_chunk(&one.chunk, &one.state, &program.dictionary).unwrap();
        file.frame(FrameKind::Chunk, 0, one.chunk.count, &message);
        let page = ARENA / PAGE + 1;
        let index = PageIndex::new(vec![PageVersion { page, state: 0, frame, slot }]);
        file.frame(FrameKind::Index, 0, 1, &encode_index(&index));
        file.end(one.chunk.count, program.exit, Ending::Sealed);
        let timeline = Timeline::open(&path).unwrap();
        let memory = timeline.memory(0, page * PAGE, 1);
        assert!(matches!(memory, Err(StateError::Damaged(..))), "frame {frame} slot {slot}");
    }
}

/// `intact` with some bytes of one payload changed, and checksums that fit.
fn forge(intact: &[u8], path: &Path, rng: &mut Rng) {
    let directory = Directory::read(intact).unwrap();
    let victim = rng.below(directory.frames.len() as u64) as usize;
    let mut writer = Writer::new(std::fs::File::create(path).unwrap()).unwrap();
    for (index, frame) in directory.frames.iter().enumerate() {
        let mut message = frame.payload(intact).unwrap();
        if index == victim {
            for _ in 0..1 + rng.below(4) {
                let at = rng.below(message.len() as u64) as usize;
                message[at] = if rng.chance(50) { rng.next() as u8 } else { message[at] ^ 1 };
            }
        }
        let FrameHeader { kind, process, first, count, .. } = frame.header;
        let encoded = Encoded::new(kind, process, (first, count), &message, 1).unwrap();
        if kind == FrameKind::Footer {
            writer.seal(&encoded).unwrap();
            return;
        }
        writer.append(&encoded).unwrap();
    }
}

/// What a forged trace answers may be wrong, but asking it is safe.
#[test]
fn forged_frames_never_panic() {
    let mut rng = Rng::new(12);
    for (seed, ending) in [(7, Ending::Indexed), (8, Ending::Sealed)] {
        let program = Program::random(seed, 4, 8);
        let (_directory, path) = program.written(ending);
        let intact = std::fs::read(&path).unwrap();
        for _ in 0..500 {
            forge(&intact, &path, &mut rng);
            let Ok(timeline) = Timeline::open(&path) else { continue };
            let _ = timeline.modules();
            for t in [0, timeline.end(), rng.below(timeline.end() + 1)] {
                let _ = timeline.registers(t);
                let _ = timeline.instruction(t);
                let _ = timeline.system(t);
                let _ = timeline.memory(t, WINDOW.0, WINDOW.1);
                let _ = timeline.memory(t, u64::MAX - 5, 100);
                let _ = timeline.find_pc(None, t, Direction::Backward, &[0x40_0000], &|| false);
                let _ = timeline
                    .walk(None, t, Direction::Forward, &mut |_, _| ControlFlow::Continue(()));
                let range = 0..timeline.end();
                let visit = &mut |_: &Event| ControlFlow::Continue(());
                let _ = timeline.events(range, Direction::Backward, visit);
            }
        }
    }
}
