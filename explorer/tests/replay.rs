//! Chunks replayed by plans, against the machine that made them and against replay instruction
//! by instruction.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::program::Program;
use proptest::prelude::*;
use rdb_explorer::trace::{BlockPlans, ChunkView};
use rdb_schema::event::Event;
use rdb_schema::replay::{Cursor, Sink};

#[derive(Default)]
struct Stored(Vec<(u64, u64, Vec<u8>)>);

impl Sink for Stored {
    fn store(&mut self, tracepoint: u64, address: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.push((tracepoint, address, bytes.to_vec()));
        }
    }
    fn event(&mut self, _: &Event) {}
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plans_replay_what_instructions_do(
        seed: u64, chunks in 1usize..5, executions in 1usize..60, least in 1usize..4,
    ) {
        let program = Program::random(seed, chunks, executions);
        let plans = BlockPlans::from(&program.dictionary, least);
        for (index, recorded) in program.chunks.iter().enumerate() {
            let (chunk, next) = (&recorded.chunk, program.chunks.get(index + 1));
            let next = next.filter(|next| next.chunk.thread == chunk.thread);
            let next = next.map(|next| &next.chunk.keyframe);
            let view = ChunkView::new(chunk.clone(), &program.dictionary, &plans, next);
            prop_assert_eq!(view.unsound(), None);
            for t in (chunk.first..=chunk.end()).rev() {
                let registers = view.registers(&program.dictionary, t).unwrap();
                // Other threads' registers are those of the state behind this chunk.
                let expected = program.states[t as usize].registers;
                prop_assert!(registers == expected || t == chunk.end() && next.is_none(), "at {t}");
            }
            let mut stored = Stored::default();
            let mut cursor = Cursor::new(chunk);
            cursor.advance(chunk, &program.dictionary, chunk.end(), &mut stored).unwrap();
            prop_assert!(view.registers(&program.dictionary, chunk.end()).unwrap() == cursor.registers);
            let found = view.stores().iter().map(|s| (s.tracepoint, s.address, s.bytes.to_vec()));
            prop_assert_eq!(found.collect::<Vec<_>>(), stored.0);
        }
    }
}
