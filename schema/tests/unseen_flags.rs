//! Replay leaves out status flags that nobody sees: whoever looks sees no difference.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use iced_x86::Decoder;
use proptest::prelude::*;
use rdb_schema::block::{Block, Composition, Entry};
use rdb_schema::chunk::{BlockRows, Chunk, Cut, Dictionary, Execution};
use rdb_schema::effects::effects;
use rdb_schema::event::Event;
use rdb_schema::registers::Registers;
use rdb_schema::replay::{Cursor, Sink};

/// Instructions that derive, log, keep, look at and leave alone status flags.
const CODE: [&[u8]; 16] = [
    &[0x48, 0x01, 0xd8],       // add rax, rbx
    &[0x48, 0x11, 0xc8],       // adc rax, rcx
    &[0x48, 0xff, 0xc3],       // inc rbx
    &[0x48, 0x39, 0xd8],       // cmp rax, rbx
    &[0x48, 0xc1, 0xe1, 0x0d], // shl rcx, 13
    &[0x48, 0xd3, 0xe3],       // shl rbx, cl
    &[0x48, 0xd1, 0xc0],       // rol rax, 1
    &[0x48, 0x31, 0xc1],       // xor rcx, rax
    &[0x0f, 0x92, 0xc0],       // setb al
    &[0x48, 0x0f, 0x44, 0xc1], // cmove rax, rcx
    &[0x48, 0x29, 0x07],       // sub [rdi], rax
    &[0x48, 0x89, 0x07],       // mov [rdi], rax
    &[0xf8],                   // clc
    &[0x9f],                   // lahf
    &[0x9d],                   // popfq
    &[0x48, 0x0f, 0xaf, 0xc3], // imul rax, rbx
];

/// What is stored.
#[derive(Default, Debug, PartialEq)]
struct Stores(Vec<(u64, u64, Vec<u8>)>);

impl Sink for Stores {
    fn store(&mut self, tracepoint: u64, address: u64, bytes: &[u8]) {
        self.0.push((tracepoint, address, bytes.to_vec()));
    }

    fn event(&mut self, _: &Event) {}
}

/// A block of these instructions, and the beginning of it.
fn dictionary(code: &[usize], prefix: usize) -> Dictionary {
    let mut block = Block::new(0x1000);
    for bytes in code.iter().map(|index| CODE[*index]) {
        let instruction = Decoder::with_ip(64, bytes, block.end(), 0).decode();
        block.push(bytes, &effects(&instruction));
    }
    let mut dictionary = Dictionary::default();
    dictionary.push(block);
    let prefix = Composition::Prefix(0, (prefix % code.len() + 1) as u8);
    dictionary.add(Entry::Composed(prefix)).unwrap();
    dictionary
}

/// Executes both blocks, the second one up to a cut.
fn chunk(dictionary: &Dictionary, rows: &[u8], cut: (u16, bool)) -> Chunk {
    let (whole, part) = (dictionary.get(0).unwrap(), dictionary.get(1).unwrap());
    let mut bytes = rows.iter().cycle().copied();
    let mut rows = |id: u32, block: &Block| BlockRows {
        id,
        rows: bytes.by_ref().take(block.row_bytes()).collect(),
    };
    let start = whole.instructions().len() as u32;
    let tracepoints = cut.0 % part.instructions().len() as u16 + 1;
    let execution = |block: u32, start: u32| Execution { block, row: 0, start };
    Chunk {
        count: u64::from(start) + u64::from(tracepoints),
        keyframe: Registers { rip: 0x1000, rflags: 0x202, ..Registers::default() },
        blocks: vec![rows(0, whole), rows(1, part)],
        path: vec![execution(0, 0), execution(1, start)],
        cuts: vec![Cut { execution: 1, tracepoints, faulted: cut.1 }],
        ..Chunk::default()
    }
}

proptest! {
    #[test]
    fn replay_in_one_go_is_replay_step_by_step(
        code in prop::collection::vec(0..CODE.len(), 1..20),
        prefix in 0..64usize,
        rows in prop::collection::vec(any::<u8>(), 1..64),
        cut in any::<(u16, bool)>(),
    ) {
        let dictionary = dictionary(&code, prefix);
        let chunk = chunk(&dictionary, &rows, cut);
        let (mut slow, mut slow_stores) = (Cursor::new(&chunk), Stores::default());
        for state in 1..=chunk.count {
            slow.advance(&chunk, &dictionary, state, &mut slow_stores).unwrap();
            for from in [0, state / 2] {
                let (mut cursor, mut stores) = (Cursor::new(&chunk), Stores::default());
                cursor.advance(&chunk, &dictionary, from, &mut stores).unwrap();
                cursor.advance(&chunk, &dictionary, state, &mut stores).unwrap();
                prop_assert!(cursor.registers == slow.registers, "from {} to {}", from, state);
                prop_assert_eq!(&stores, &slow_stores);
            }
        }
    }
}
