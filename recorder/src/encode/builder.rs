//! The chunk under construction.

use rdb_schema::block::Block;
use rdb_schema::chunk::{BlockRows, Chunk, Cut, Execution, put_bulk};
use rdb_schema::event::Event;
use rdb_schema::registers::Registers;
use std::collections::HashMap;

/// Builds one chunk, tracepoint by tracepoint.
pub struct Builder {
    chunk: Chunk,
    local: HashMap<u32, u32>,
    executions: Vec<u32>,
    open: bool,
    bytes: usize,
}

impl Builder {
    /// An empty chunk that starts at state `first` with these registers.
    pub fn new(first: u64, thread: u32, keyframe: Registers) -> Self {
        let chunk = Chunk { first, thread, keyframe, end_pc: keyframe.rip, ..Chunk::default() };
        Self { chunk, local: HashMap::new(), executions: Vec::new(), open: false, bytes: 0 }
    }

    /// The chunk as far as it is built. It can be replayed between executions.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// The next tracepoint.
    pub fn tracepoint(&self) -> u64 {
        self.chunk.end()
    }

    /// Bytes of rows, bulk stores and event data so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Begins an execution of block `id`, which must then count at least one
    /// tracepoint; its row is zero until it is filled.
    pub fn begin(&mut self, id: u32, block: &Block) {
        let blocks = &mut self.chunk.blocks;
        let local = *self.local.entry(id).or_insert_with(|| {
            blocks.push(BlockRows { id, rows: Vec::new() });
            (blocks.len() - 1) as u32
        });
        self.executions.resize(blocks.len(), 0);
        let rows = &mut blocks[local as usize].rows;
        let row = self.executions[local as usize];
        self.executions[local as usize] += 1;
        rows.resize(rows.len() + block.row_bytes(), 0);
        self.bytes += block.row_bytes();
        self.chunk.path.push(Execution { block: local, row, start: self.chunk.count as u32 });
        self.open = true;
    }

    /// The row of the open execution.
    pub fn row(&mut self, block: &Block) -> &mut [u8] {
        let Some(execution) = self.chunk.path.last() else { return &mut [] };
        let rows = &mut self.chunk.blocks[execution.block as usize].rows;
        let start = rows.len() - block.row_bytes();
        &mut rows[start..]
    }

    /// Counts one more tracepoint of the open execution; `pc` is what comes next.
    pub fn count(&mut self, pc: u64) {
        self.chunk.count += 1;
        self.chunk.end_pc = pc;
    }

    /// What comes next is at `pc` after all: an event moved it.
    pub fn set_pc(&mut self, pc: u64) {
        self.chunk.end_pc = pc;
    }

    /// Adds a store whose place or length varies.
    pub fn bulk(&mut self, segments: &[(u64, Vec<u8>)]) {
        let before = self.chunk.bulk.len();
        put_bulk(&mut self.chunk.bulk, segments);
        self.bytes += self.chunk.bulk.len() - before;
    }

    /// Adds an event; its tracepoint must not be earlier than the last event's.
    pub fn event(&mut self, event: Event) {
        self.bytes += event.memory.iter().map(|(_, b)| b.len()).sum::<usize>();
        self.bytes += event.registers.0.iter().map(|(_, b)| b.len()).sum::<usize>();
        self.chunk.events.push(event);
    }

    /// Whether an execution is open.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Ends the open execution: whole, or cut short. `faulted`: its last
    /// tracepoint changed nothing.
    pub fn end(&mut self, block_length: usize, faulted: bool) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let index = self.chunk.path.len() - 1;
        let tracepoints = self.chunk.execution_length(index);
        if faulted || (tracepoints as usize) < block_length {
            let execution = index as u32;
            self.chunk.cuts.push(Cut { execution, tracepoints: tracepoints as u16, faulted });
        }
    }

    /// The finished chunk.
    pub fn finish(self) -> Chunk {
        self.chunk
    }
}
