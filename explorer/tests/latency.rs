//! How long opening and jumping take on three million tracepoints; printed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::Rng;
use common::file::{Ending, File};
use common::program::mapping;
use rdb_explorer::timeline::{Direction, Timeline};
use rdb_schema::block::Block;
use rdb_schema::chunk::{BlockRows, Chunk, Dictionary, Execution};
use rdb_schema::container::FrameKind;
use rdb_schema::effects::{Address, Effect, Effects, Form, Kind, Source};
use rdb_schema::event::{Event, Exit};
use rdb_schema::message::{ChunkState, encode_blocks, encode_chunk};
use rdb_schema::pages::Pages;
use rdb_schema::registers::{Gpr, Registers};
use rdb_schema::replay::{Cursor, Sink};
use rdb_schema::space::{AddressSpace, Base, PAGE};
use std::collections::BTreeSet;
use std::time::Instant;

const CHUNKS: u64 = 12;
const EXECUTIONS: usize = 31_250;
const INSTRUCTIONS: u64 = 8;
const HEAP: u64 = 0x10_0000;

#[derive(Default)]
struct Dirty(BTreeSet<u64>);

impl Sink for Dirty {
    fn store(&mut self, _: u64, address: u64, _: &[u8]) {
        self.0.insert(address / PAGE);
    }
    fn event(&mut self, _: &Event) {}
}

fn dictionary(rng: &mut Rng) -> Dictionary {
    let mut dictionary = Dictionary::default();
    let fixed = |disp| Form { base: None, ..Form::offset(Gpr::RAX, disp) };
    for i in 0..50 {
        let mut block = Block::new(0x40_0000 + i * 64);
        for j in 0..INSTRUCTIONS {
            let register = Gpr::new((j + i) as u8 % 16).unwrap();
            let address =
                Address { form: fixed((HEAP + rng.below(64 * PAGE)) as i64), segment: None };
            let list = match j % 4 {
                0 => vec![Effect::Gpr { register, source: Source::Logged }, Effect::StatusFlags],
                1 => vec![Effect::Store {
                    address,
                    size: 8,
                    source: Source::Form(Form::offset(register, 1)),
                }],
                2 => {
                    vec![Effect::Gpr { register, source: Source::Form(Form::offset(register, 3)) }]
                }
                _ => vec![],
            };
            block.push(&[0x90; 4], &Effects { kind: Kind::Plain, list, bulk: None });
        }
        dictionary.push(block);
    }
    dictionary
}

fn chunk(rng: &mut Rng, dictionary: &Dictionary, first: u64, keyframe: Registers) -> Chunk {
    let mut chunk = Chunk { first, keyframe, end_pc: 0x40_0000, ..Chunk::default() };
    let mut block = 0;
    for _ in 0..EXECUTIONS {
        let known = chunk.blocks.iter().position(|b| b.id as usize == block);
        let local = known.unwrap_or_else(|| {
            chunk.blocks.push(BlockRows { id: block as u32, rows: Vec::new() });
            chunk.blocks.len() - 1
        });
        let rows = &mut chunk.blocks[local].rows;
        let length = dictionary.get(block as u32).unwrap().row_bytes();
        let row = (rows.len() / length) as u32;
        rows.extend((0..length).map(|_| if rng.chance(30) { rng.next() as u8 & 63 } else { 0 }));
        chunk.path.push(Execution { block: local as u32, row, start: chunk.count as u32 });
        chunk.count += INSTRUCTIONS;
        block = if rng.chance(80) { (block + 1) % 50 } else { rng.below(50) as usize };
    }
    // The keyframe's rip is the first block's start, and so is the end.
    chunk
}

/// `versions`: with page versions at chunk ends.
fn write(path: &std::path::Path, versions: bool) -> u64 {
    let mut rng = Rng::new(5);
    let dictionary = dictionary(&mut rng);
    let mut file = File::create(path);
    file.header();
    file.frame(FrameKind::Blocks, 0, 50, &encode_blocks(0, dictionary.since(0)));
    let space = AddressSpace::new([mapping(HEAP, HEAP + 64 * PAGE, 0, Base::Zero)]);
    let mut state = ChunkState { space, ..ChunkState::default() };
    let mut registers = Registers { rip: 0x40_0000, ..Registers::default() };
    let mut first = 0;
    for _ in 0..CHUNKS {
        let chunk = chunk(&mut rng, &dictionary, first, registers);
        let (mut cursor, mut dirty) = (Cursor::new(&chunk), Dirty::default());
        cursor.advance(&chunk, &dictionary, u64::MAX, &mut dirty).unwrap();
        registers = cursor.registers;
        let message = encode_chunk(&chunk, &state, &dictionary).unwrap();
        first = chunk.end();
        if versions {
            state.versioned = first;
            let mut pages = Pages::new(first);
            dirty.0.iter().for_each(|p| pages.push(*p, &[1; PAGE as usize]));
            file.pages(&pages);
        }
        file.frame(FrameKind::Chunk, chunk.first, chunk.count, &message);
    }
    file.end(first, Exit::Status(0), Ending::Indexed);
    first
}

#[test]
fn opening_and_jumping() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let end = write(&path, true);
    let start = Instant::now();
    let timeline = Timeline::open(&path).unwrap();
    println!("open, {end} tracepoints, {} KB: {:?}", timeline.file_bytes() >> 10, start.elapsed());
    let mut rng = Rng::new(8);
    for round in ["cold", "warm"] {
        let mut slowest = std::time::Duration::ZERO;
        let start = Instant::now();
        for _ in 0..50 {
            let one = Instant::now();
            let t = rng.below(end + 1);
            timeline.registers(t).unwrap();
            assert!(timeline.read(t, HEAP + 5 * PAGE, &mut [0; 64]));
            slowest = slowest.max(one.elapsed());
        }
        println!("random jump, {round}: mean {:?}, slowest {slowest:?}", start.elapsed() / 50);
    }
    let timeline = Timeline::open(&path).unwrap();
    let start = Instant::now();
    assert_eq!(timeline.find_pc(None, end, Direction::Backward, &[1], &|| false).unwrap(), None);
    println!("no such pc in all of it: {:?}", start.elapsed());
    let start = Instant::now();
    let mut sum = 0u64;
    let mut visit = |_, pc| {
        sum = sum.wrapping_add(pc);
        std::ops::ControlFlow::Continue(())
    };
    timeline.walk(None, 0, Direction::Forward, &mut visit).unwrap();
    println!("walking all of it: {:?} ({sum:x})", start.elapsed());
}

#[test]
fn memory_without_page_versions() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let end = write(&path, false);
    let timeline = Timeline::open(&path).unwrap();
    let start = Instant::now();
    timeline.registers(end).unwrap();
    println!("registers at the end, {end} tracepoints: {:?}", start.elapsed());
    for question in ["first", "second"] {
        let start = Instant::now();
        assert!(timeline.read(end, HEAP + 5 * PAGE, &mut [0; 64]));
        println!("memory at the end, {question} question: {:?}", start.elapsed());
    }
}
