//! A recorded program's executions, as logs that an engine might have written.

use rdb_recorder::encode::Builder;
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::container::{Directory, FrameKind};
use rdb_schema::effects::Effect;
use rdb_schema::message::{decode_blocks, decode_chunk};
use rdb_schema::registers::Registers;
use std::path::Path;

/// Bytes of one log.
const LOG_BYTES: usize = 1 << 20;

/// Fewest tracepoints; a shorter trace is repeated.
const TRACEPOINTS: u64 = 2 << 20;

/// What to measure.
pub struct Workload {
    /// The blocks.
    pub dictionary: Dictionary,
    /// The executions.
    pub logs: Vec<Vec<u8>>,
}

impl Workload {
    /// Reads a trace.
    pub fn read(path: &Path) -> Self {
        let file = std::fs::read(path).expect("a trace");
        let directory = Directory::read(&file).expect("a trace");
        let mut workload = Self { dictionary: Dictionary::default(), logs: vec![Vec::new()] };
        let mut count = 0;
        for frame in &directory.frames {
            let payload = || frame.payload(&file).expect("a frame");
            match frame.header.kind {
                FrameKind::Blocks => {
                    let (_, blocks) = decode_blocks(&payload()).expect("blocks");
                    for block in blocks {
                        workload.dictionary.add(block).expect("blocks");
                    }
                }
                FrameKind::Chunk => {
                    let chunk = decode_chunk(&payload(), Vec::new(), &workload.dictionary);
                    let chunk = chunk.expect("a chunk");
                    count += chunk.count;
                    workload.add(&chunk);
                }
                _ => {}
            }
        }
        let once = workload.logs.clone();
        for _ in 1..TRACEPOINTS.div_ceil(count.max(1)) {
            workload.logs.extend_from_slice(&once);
        }
        workload
    }

    fn add(&mut self, chunk: &Chunk) {
        for (index, execution) in chunk.path.iter().enumerate() {
            let id = chunk.blocks[execution.block as usize].id;
            let block = self.dictionary.get(id).expect("a block");
            let bulk = block.all_slots().iter().any(|slot| slot.effect == Effect::StoreBulk);
            if bulk || chunk.cut(index).is_some() {
                continue;
            }
            if self.logs.last().is_some_and(|log| log.len() > LOG_BYTES) {
                self.logs.push(Vec::new());
            }
            let row = chunk.row(execution, block.row_bytes()).expect("a row");
            let length = (row.len() + 4).next_multiple_of(4);
            let log = self.logs.last_mut().expect("a log");
            log.extend((id << 11 | (length as u32 / 4)).to_le_bytes());
            log.extend_from_slice(row);
            log.resize(log.len() + length - 4 - row.len(), 0);
        }
    }

    /// A builder that knows the blocks.
    pub fn builder(&self) -> Builder {
        let mut builder = Builder::new(0, 1, Registers::default());
        self.dictionary.since(0).iter().for_each(|block| builder.add_block(block));
        builder
    }
}
