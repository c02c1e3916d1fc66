//! Comparing synthetic recordings with altered copies of themselves.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::file::Ending;
use common::program::Program;
use rdb_explorer::compare::{Aspect, Comparison, compare};
use rdb_explorer::timeline::{StateError, Timeline};
use rdb_schema::chunk::Chunk;
use rdb_schema::event::{Event, EventKind, Syscall};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

fn compared(left: &Program, right: &Program) -> Result<Comparison, StateError> {
    let (_left, left) = left.written(Ending::Indexed);
    let (_right, right) = right.written(Ending::Indexed);
    compare(&Timeline::open(&left).unwrap(), &Timeline::open(&right).unwrap(), &|| false)
}

fn program(seed: u64) -> Program {
    Program::random(seed, 4, 30)
}

/// All chunks as one.
fn merged(mut program: Program) -> Program {
    let mut chunks = std::mem::take(&mut program.chunks).into_iter();
    let mut all = chunks.next().unwrap();
    for one in chunks {
        append(&mut all.chunk, one.chunk);
        all.pages.extend(one.pages);
        all.blocks = one.blocks;
    }
    program.chunks.push(all);
    program
}

fn append(to: &mut Chunk, mut from: Chunk) {
    let executions = to.path.len() as u32;
    for execution in &from.path {
        let rows = std::mem::take(&mut from.blocks[execution.block as usize]);
        let block = to.blocks.iter().position(|b| b.id == rows.id).unwrap_or_else(|| {
            to.blocks.push(rdb_schema::chunk::BlockRows { id: rows.id, rows: Vec::new() });
            to.blocks.len() - 1
        });
        let row = to.path.iter().filter(|e| e.block as usize == block).count() as u32;
        let start = execution.start + to.count as u32;
        to.path.push(rdb_schema::chunk::Execution { block: block as u32, row, start });
        let count = from.path.iter().filter(|e| e.block == execution.block).count();
        let length = rows.rows.len() / count;
        let begin = execution.row as usize * length;
        to.blocks[block].rows.extend(&rows.rows[begin..begin + length]);
        from.blocks[execution.block as usize] = rows;
    }
    from.cuts.iter_mut().for_each(|cut| cut.execution += executions);
    to.cuts.extend(from.cuts);
    to.bulk.extend(from.bulk);
    to.events.extend(from.events);
    to.count += from.count;
    to.end_pc = from.end_pc;
}

#[test]
fn a_recording_equals_itself_however_it_is_cut_into_chunks() {
    for seed in 0..20 {
        let (left, right) = (program(seed), merged(program(seed)));
        for found in [compared(&left, &left), compared(&left, &right), compared(&right, &left)] {
            let found = found.unwrap();
            assert_eq!(found.difference, None, "seed {seed}");
            assert_eq!(found.instructions, left.end());
        }
    }
}

/// Changes one logged byte; the tracepoint that logs it.
fn corrupt(program: &mut Program, seed: u64) -> Option<u64> {
    let index = seed as usize % program.chunks.len();
    let chunk = &mut program.chunks[index].chunk;
    for (number, execution) in chunk.path.iter().enumerate() {
        let rows = &mut chunk.blocks[execution.block as usize];
        let block = program.dictionary.get(rows.id).unwrap();
        let cut = chunk.cuts.iter().find(|cut| cut.execution as usize == number);
        let length = cut.map_or(block.instructions().len(), |cut| cut.tracepoints.into());
        let length = length - usize::from(cut.is_some_and(|cut| cut.faulted));
        let logged = |index: &usize| block.slots(*index).iter().any(|s| s.effect.slot_bytes() > 0);
        let Some(index) = (0..length).filter(logged).nth(seed as usize % 2) else { continue };
        let slot = block.slots(index).iter().find(|s| s.effect.slot_bytes() > 0).unwrap();
        let row = execution.row as usize * block.row_bytes();
        rows.rows[row + slot.offset as usize] ^= 1;
        return Some(chunk.first + u64::from(execution.start) + index as u64);
    }
    None
}

#[test]
fn the_first_difference_is_where_it_was_made() {
    let mut found = 0;
    for seed in 0..60 {
        let (left, mut right) = (program(seed), program(seed));
        let Some(expected) = corrupt(&mut right, seed) else { continue };
        let difference = compared(&left, &right).unwrap().difference.unwrap();
        assert_eq!(difference.tracepoint, expected, "seed {seed}: {difference:?}");
        assert!(!difference.parts.is_empty());
        let merged = compared(&merged(left), &right).unwrap().difference.unwrap();
        assert_eq!(merged, difference);
        found += 1;
    }
    assert!(found > 30);
}

#[test]
fn an_event_that_only_one_has_is_a_difference() {
    let (left, mut right) = (program(3), program(3));
    let chunk = &mut right.chunks[1].chunk;
    let at = chunk.first + chunk.count / 2;
    let place = chunk.events.partition_point(|event| event.tracepoint <= at);
    let call = Syscall { number: 1, finished: true, ..Syscall::default() };
    chunk.events.insert(place, Event::new(at, chunk.thread, EventKind::Syscall(call)));
    let difference = compared(&left, &right).unwrap().difference.unwrap();
    assert_eq!(difference.tracepoint, at);
    assert_eq!(difference.parts[0].aspect, Aspect::Event);
    assert!(difference.parts[0].right.contains("write"), "{difference:?}");
}

#[test]
fn a_recording_that_ends_earlier_differs_there() {
    let (left, mut right) = (program(5), program(5));
    right.chunks.pop();
    let end = right.chunks.last().map(|one| one.chunk.end()).unwrap();
    right.states.truncate(end as usize + 1);
    let found = compared(&left, &right).unwrap();
    assert_eq!(found.instructions, end);
    let difference = found.difference.unwrap();
    assert_eq!((difference.tracepoint, difference.parts[0].aspect), (end, Aspect::Ending));
}

/// The exit status and what was printed.
fn explore(trace: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rdb-explore"));
    let output = command.arg("--json").arg(trace).args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_exit_status_says_whether_recordings_differ() {
    let differing = |seed| {
        let mut right = program(seed);
        corrupt(&mut right, seed).map(|_| (program(seed), right))
    };
    let (left, right) = (1..).find_map(differing).unwrap();
    let (directory, left) = left.written(Ending::Indexed);
    let (_other, right) = right.written(Ending::Indexed);
    let (status, text, _) = explore(&left, &["compare", left.to_str().unwrap()]);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["result"]["equal"]), (0, &true.into()), "{text}");
    let (status, text, _) = explore(&left, &["compare", right.to_str().unwrap()]);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["result"]["equal"]), (8, &false.into()), "{text}");
    assert_eq!(answer["ok"], true);
    assert!(!answer["result"]["left"].as_array().unwrap().is_empty(), "{text}");

    let nothing = directory.path().join("nothing");
    for (path, content, complaint) in [
        (&nothing, None, "failed to open"),
        (&directory.path().join("text"), Some("no trace"), "not an rdb trace"),
    ] {
        content.inspect(|content| std::fs::write(path, content).unwrap());
        let (status, text, _) = explore(&left, &["compare", path.to_str().unwrap()]);
        assert_eq!(status, 1, "{text}");
        assert!(text.contains(complaint), "{text}");
    }
}

#[test]
fn damaged_recordings_end_the_comparison_and_never_panic() {
    let left = program(2);
    let (_left, whole) = left.written(Ending::Sealed);
    let bytes = std::fs::read(&whole).unwrap();
    let timeline = Timeline::open(&whole).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged.trace");
    for place in (0..bytes.len()).step_by(bytes.len() / 80) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x55;
        std::fs::write(&path, &damaged).unwrap();
        let Ok(other) = Timeline::open(&path) else { continue };
        let found = compare(&timeline, &other, &|| false);
        let whole = other.end() == timeline.end();
        assert!(whole || !found.is_ok_and(|found| found.difference.is_none()), "byte {place}");
    }
}
