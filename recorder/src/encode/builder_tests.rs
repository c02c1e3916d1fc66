//! A log absorbed at once is the same chunk as its executions built one by one.

use super::{BULK_ID, BadLog, Builder, CALL_ID};
use proptest::prelude::*;
use rdb_schema::block::Block;
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::draft::Draft;
use rdb_schema::effects::{Address, Effect, Effects, Form, Kind, Source};
use rdb_schema::event::EventKind;
use rdb_schema::message::{ChunkEncoder, ChunkState, decode_chunk};
use rdb_schema::registers::{Gpr, Registers};
use std::sync::Arc;

/// An execution: its block, what its row and bulk store are made of, whether it is
/// cut short.
type Run = (usize, u8, bool);

/// Blocks by what their instructions log: bytes, or `None` for a bulk store.
const SHAPES: [&[Option<u16>]; 7] = [
    &[Some(8)],
    &[Some(0), Some(0), Some(0)],
    &[None],
    &[Some(8), Some(3), Some(8)],
    &[Some(24), Some(8), Some(1)],
    &[Some(1), Some(100)],
    &[Some(600), Some(600), Some(600)],
];

fn blocks() -> Vec<Arc<Block>> {
    let place = Address { form: Form::offset(Gpr::RDI, 0), segment: None };
    let effect = |bytes: &Option<u16>| match *bytes {
        None => Effect::StoreBulk,
        Some(8) => Effect::Gpr { register: Gpr::RAX, source: Source::Logged },
        Some(bytes) => Effect::StoreBytes { address: place, bytes },
    };
    let block = |(start, shape): (u64, &&[Option<u16>])| {
        let mut block = Block::new(start);
        for slot in *shape {
            block.push(
                &[0x90],
                &Effects { kind: Kind::Plain, list: vec![effect(slot)], bulk: None },
            );
        }
        Arc::new(block)
    };
    (0x1000..).step_by(0x100).zip(&SHAPES).map(block).collect()
}

fn builder(blocks: &[Arc<Block>]) -> Builder {
    let mut builder = Builder::new(5, 7, Registers { rip: 0x1000, ..Registers::default() });
    blocks.iter().for_each(|block| builder.add_block(block));
    builder
}

fn row(block: &Block, seed: u8, execution: usize) -> Vec<u8> {
    (0..block.row_bytes()).map(|i| seed.wrapping_mul(i as u8) ^ (execution / 3) as u8).collect()
}

fn bulk(block: &Block, seed: u8) -> Option<Vec<(u64, Vec<u8>)>> {
    let segment = (u64::from(seed) << 20, vec![seed; seed.into()]);
    let segments = if seed == 0 { Vec::new() } else { vec![segment] };
    block.all_slots().iter().any(|s| s.effect == Effect::StoreBulk).then_some(segments)
}

/// Appends a record whose length is a multiple of 4.
fn put_record(log: &mut Vec<u8>, id: u32, content: &[u8]) {
    let length = (content.len() + 4).next_multiple_of(4);
    log.extend((id << 11 | (length as u32 / 4)).to_le_bytes());
    log.extend_from_slice(content);
    log.resize(log.len() + length - 4 - content.len(), 0xee);
}

fn put_run(log: &mut Vec<u8>, block: &Block, id: u32, seed: u8, execution: usize) {
    put_record(log, id, &row(block, seed, execution));
    if let Some(segments) = bulk(block, seed) {
        let (address, bytes) = segments.into_iter().next().unwrap_or_default();
        let count = bytes.len() as u64;
        let head = [&[0; 4][..], &address.to_le_bytes(), &count.to_le_bytes()].concat();
        put_record(log, BULK_ID, &[head, bytes].concat());
    }
}

fn step(builder: &mut Builder, block: &Block, run: Run, execution: usize) {
    let (id, seed, cut) = run;
    builder.begin(id as u32);
    builder.row(block).copy_from_slice(&row(block, seed, execution));
    let count = if cut { 1 } else { block.instructions().len() };
    (1..=count).for_each(|index| builder.count(block.address(index)));
    if let Some(segments) = bulk(block, seed) {
        builder.bulk(&segments);
    }
    builder.end(block.instructions().len(), cut);
}

/// Builds `runs` twice, the second time with logs of what is not cut.
fn build(blocks: &[Arc<Block>], runs: &[Run], one: &mut Builder, all: &mut Builder) {
    let mut log = Vec::new();
    for (execution, run) in runs.iter().enumerate() {
        let block = &blocks[run.0];
        step(one, block, *run, execution);
        if run.2 {
            all.absorb(&log).unwrap();
            log.clear();
            step(all, block, *run, execution);
        } else {
            put_run(&mut log, block, run.0 as u32, run.1, execution);
        }
    }
    log.resize(log.len() + 16, 0);
    all.absorb(&log).unwrap();
    one.set_pc(9);
    all.set_pc(9);
}

/// The chunk that a reader finds.
fn read(draft: &Draft, dictionary: &Dictionary) -> (Vec<u8>, Chunk) {
    let blocks = dictionary.of(draft).unwrap();
    let mut encoder = ChunkEncoder::default();
    let payload = encoder.encode(draft, &ChunkState::default(), &blocks).to_vec();
    let chunk = decode_chunk(&payload, Vec::new(), dictionary).unwrap();
    (payload, chunk)
}

fn check(runs: &[Run], later: &[Run]) {
    let blocks = blocks();
    let mut dictionary = Dictionary::default();
    blocks.iter().for_each(|block| {
        dictionary.push(Arc::clone(block));
    });
    let (mut one, mut all) = (builder(&blocks), builder(&blocks));
    let mut spare = Draft::default();
    for runs in [runs, later] {
        // The replica follows in two steps.
        let (before, after) = runs.split_at(runs.len() / 2);
        build(&blocks, before, &mut one, &mut all);
        assert!(one.chunk() == all.chunk());
        build(&blocks, after, &mut one, &mut all);
        let chunk = all.chunk().clone();
        assert!(*one.chunk() == chunk);
        let next = Registers::default();
        let drafts = [one.finish(next, Draft::default()), all.finish(next, spare)];
        let [one, all] = drafts.each_ref().map(|draft| read(draft, &dictionary));
        assert!(one == all, "the payloads differ");
        assert!(all.1 == chunk, "the reader's chunk differs");
        [_, spare] = drafts;
    }
}

proptest! {
    #[test]
    fn absorbing_equals_stepping(
        runs in prop::collection::vec((0..SHAPES.len(), 0u8..40, prop::bool::weighted(0.1)), 0..300),
        later in prop::collection::vec((0..SHAPES.len(), 0u8..40, prop::bool::weighted(0.1)), 0..300),
    ) {
        check(&runs, &later);
    }

    #[test]
    fn any_bytes_are_absorbed_or_refused(log in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = builder(&blocks()).absorb(&log);
    }
}

#[test]
fn long_runs_fill_many_tiles() {
    let runs: Vec<Run> =
        (0..5000).map(|i| (i % 17 % 5 % SHAPES.len(), (i % 7) as u8, false)).collect();
    check(&runs, &runs[..999]);
}

/// Appends a call record.
fn put_call(log: &mut Vec<u8>, number: u64, result: i64) {
    log.extend((CALL_ID << 11).to_le_bytes());
    log.extend([0; 4]);
    let words = [number, 1, 2, 3, 4, 5, 6, result.cast_unsigned()];
    log.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

#[test]
fn call_records_become_events_of_the_tracepoint_before() {
    let blocks = blocks();
    let mut log = Vec::new();
    put_record(&mut log, 0, &[0; 8]);
    put_call(&mut log, 0x9_0000_0027, -2);
    put_record(&mut log, 0, &[0; 8]);
    put_call(&mut log, 102, 7);
    let mut one = builder(&blocks);
    assert_eq!(one.absorb(&log), Ok(true));
    assert_eq!(one.absorb(&[]), Ok(false));
    one.set_pc(9);
    let (first, arguments) = (one.first(), [1, 2, 3, 4, 5, 6]);
    let length = blocks[0].instructions().len() as u64;
    let told = one.chunk().events.iter().map(|event| match &event.kind {
        EventKind::Syscall(call) => (event.tracepoint, call.number, call.arguments, call.result),
        other => panic!("{other:?}"),
    });
    let expected =
        [(first + length - 1, 39, arguments, -2), (first + 2 * length - 1, 102, arguments, 7)];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn bad_records_are_refused() {
    let blocks = blocks();
    let log = |records: &[(u32, &[u8])]| {
        let mut log = Vec::new();
        records.iter().for_each(|(id, content)| put_record(&mut log, *id, content));
        log
    };
    let refused = |log: &[u8], at| assert_eq!(builder(&blocks).absorb(log), Err(BadLog(at)));
    refused(&log(&[(0, &[0; 8]), (99, &[])]), 12);
    refused(&log(&[(3, &[0; 12])]), 0);
    refused(&log(&[(0, &[0; 8])])[..8], 0);
    // A bulk record without its store, and a store without its bulk record.
    refused(&log(&[(BULK_ID, &[0; 20])]), 0);
    refused(&log(&[(2, &[]), (0, &[0; 8])]), 4);
    let mut beyond = [0; 20];
    beyond[12] = 1;
    refused(&log(&[(2, &[]), (BULK_ID, &beyond)]), 4);
    // A call record without a tracepoint before it, one with a length, one cut short.
    let mut call = Vec::new();
    put_call(&mut call, 1, 1);
    refused(&call, 0);
    refused(&log(&[(0, &[0; 8]), (CALL_ID, &call[4..])]), 12);
    refused(&[log(&[(0, &[0; 8])]), call[..call.len() - 1].to_vec()].concat(), 12);
}
