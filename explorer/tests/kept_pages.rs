//! Pages that are written all the time: between the stores of a chunk some of their states are
//! kept. Whatever was asked before, they hold what the stores before the state left there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::Rng;
use common::file::{Ending, File};
use common::program::mapping;
use rdb_explorer::timeline::Timeline;
use rdb_schema::block::Block;
use rdb_schema::chunk::{BlockRows, Chunk, Dictionary, Execution};
use rdb_schema::container::FrameKind;
use rdb_schema::effects::{Address, Effect, Effects, Form, Kind, Source};
use rdb_schema::event::Exit;
use rdb_schema::message::{ChunkState, encode_blocks, encode_chunk};
use rdb_schema::registers::{Gpr, Registers};
use rdb_schema::space::{AddressSpace, Base, PAGE};

/// Where two pages are written, and how often in each of the chunks: more often than pages are
/// kept in one question.
const HEAP: u64 = 0x10_0000;
const STORES: u64 = 150_000;
const CHUNKS: u64 = 2;
const PC: u64 = 0x40_0000;

/// A block of one instruction, which stores a logged word where a logged register points.
fn dictionary() -> Dictionary {
    let address = Address { form: Form::offset(Gpr::RAX, 0), segment: None };
    let mut block = Block::new(PC);
    for effect in [
        Effect::Gpr { register: Gpr::RAX, source: Source::Logged },
        Effect::Store { address, size: 4, source: Source::Logged },
    ] {
        let list = vec![effect];
        block.push(&[0x90], &Effects { kind: Kind::Plain, list, bulk: None });
    }
    let mut dictionary = Dictionary::default();
    dictionary.push(block);
    dictionary
}

/// Address and word of each store; its tracepoint is odd.
fn stores(rng: &mut Rng) -> Vec<(u64, u32)> {
    (0..STORES * CHUNKS).map(|_| (HEAP + rng.below(2 * PAGE - 3), rng.next() as u32)).collect()
}

fn write(path: &std::path::Path, stores: &[(u64, u32)]) {
    let dictionary = dictionary();
    let mut file = File::create(path);
    file.header();
    file.frame(FrameKind::Blocks, 0, 1, &encode_blocks(0, dictionary.since(0)));
    let space = AddressSpace::new([mapping(HEAP, HEAP + 2 * PAGE, 0, Base::Zero)]);
    let state = ChunkState { space, ..ChunkState::default() };
    let mut keyframe = Registers { rip: PC, ..Registers::default() };
    for (index, stores) in (0..).zip(stores.chunks(STORES as usize)) {
        let first = index * STORES * 2;
        let row = |(at, word): &(u64, u32)| [&at.to_le_bytes()[..], &word.to_le_bytes()].concat();
        let rows = stores.iter().flat_map(row).collect();
        let path = (0..STORES as u32).map(|row| Execution { block: 0, row, start: row * 2 });
        let chunk = Chunk {
            first,
            count: STORES * 2,
            keyframe,
            end_pc: PC,
            blocks: vec![BlockRows { id: 0, rows }],
            path: path.collect(),
            ..Chunk::default()
        };
        keyframe.gpr[Gpr::RAX.index()] = stores.last().unwrap().0;
        let message = encode_chunk(&chunk, &state, &dictionary).unwrap();
        file.frame(FrameKind::Chunk, chunk.first, chunk.count, &message);
    }
    file.end(STORES * CHUNKS * 2, Exit::Status(0), Ending::Indexed);
}

/// What the stores before state `t` left.
fn expected(stores: &[(u64, u32)], t: u64) -> Vec<Option<u8>> {
    let mut memory = vec![Some(0); 2 * PAGE as usize];
    for (address, word) in &stores[..(t / 2) as usize] {
        for (at, byte) in ((address - HEAP) as usize..).zip(word.to_le_bytes()) {
            memory[at] = Some(byte);
        }
    }
    memory
}

#[test]
fn a_page_is_what_its_stores_left_whatever_was_asked_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let mut rng = Rng::new(7);
    let stores = stores(&mut rng);
    write(&path, &stores);
    let end = STORES * CHUNKS * 2;
    let mut anywhere: Vec<u64> = (0..60).map(|_| rng.below(end + 1)).collect();
    // In any order; forwards, backwards, and in small steps across the chunks' border.
    let mut asked = anywhere.clone();
    anywhere.sort_unstable();
    asked.extend(&anywhere);
    asked.extend(anywhere.iter().rev());
    asked.extend(STORES * 2 - 12..STORES * 2 + 12);
    let timeline = Timeline::open(&path).unwrap();
    for t in asked {
        let found = timeline.memory(t, HEAP, 2 * PAGE as usize).unwrap();
        assert!(found == expected(&stores, t), "memory at {t}");
    }
}
