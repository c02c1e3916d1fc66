//! The chunk under construction.

use super::rows::{Rows, Shape};
use rdb_schema::block::Block;
use rdb_schema::chunk::{BlockRows, Chunk, Cut, Execution, put_bulk};
use rdb_schema::draft::Draft;
use rdb_schema::event::{Event, EventKind, Syscall};
use rdb_schema::registers::Registers;

/// The id that marks a *bulk record* of a log.
pub const BULK_ID: u32 = 0x1f_ffff;

/// The id that marks a *call record*.
pub const CALL_ID: u32 = BULK_ID - 1;

/// Bytes of a call record: header, padding, number, six arguments, result.
pub const CALL_RECORD: usize = 8 + 8 * 8;

/// Bits of a log record's header that hold its length in units of 4 bytes.
const LENGTH_BITS: u32 = 11;

/// Builds one chunk after another: tracepoint by tracepoint, or out of a log of
/// whole executions.
#[derive(Default)]
pub struct Builder {
    draft: Draft,
    rows: Rows,
    event_bytes: usize,
    open: Option<Open>,
    /// The last execution absorbed has a bulk store that is still to come.
    awaits_bulk: bool,
    replica: Replica,
}

/// The open execution.
#[derive(Clone, Copy)]
struct Open {
    /// Offset of its row in the arena.
    row: usize,
    /// Tracepoints before it.
    start: u64,
}

/// A log that does not fit the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("internal error: malformed log record at byte {0}")]
pub struct BadLog(pub usize);

impl Builder {
    /// A builder whose first chunk starts at state `first` with these registers.
    pub fn new(first: u64, thread: u32, keyframe: Registers) -> Self {
        let mut builder = Self::default();
        builder.draft.restart(first, thread, keyframe);
        builder.replica.restart(&builder.draft);
        builder
    }

    /// Makes the next block of the dictionary known.
    pub fn add_block(&mut self, block: &Block) {
        self.rows.add(Shape::of(block));
    }

    /// The chunk's first tracepoint.
    pub fn first(&self) -> u64 {
        self.draft.first
    }

    /// How many tracepoints the chunk has so far.
    pub fn tracepoints(&self) -> u64 {
        self.draft.count
    }

    /// The chunk as far as it is built, without events to come. No execution may
    /// be open. Costs a copy of what came since the last call.
    pub fn chunk(&mut self) -> &Chunk {
        self.rows.settle(&mut self.draft);
        self.replica.follow(&self.draft, &self.rows);
        &self.replica.chunk
    }

    /// The next tracepoint.
    pub fn tracepoint(&self) -> u64 {
        self.draft.end()
    }

    /// Bytes of rows, bulk stores and event data so far.
    pub fn bytes(&self) -> usize {
        self.rows.used() + self.draft.bulk.len() + self.event_bytes
    }

    /// The block ids of the last whole executions of the chunk, at most `count`.
    pub fn recent(&self, count: usize) -> Vec<u32> {
        let path = &self.draft.path;
        let cut = self.draft.cuts.last().map_or(0, |cut| cut.execution as usize + 1);
        let start = path.len().saturating_sub(count).max(cut).min(path.len());
        let id = |local: &u32| self.draft.blocks.get(*local as usize).map(|block| block.id);
        path[start..].iter().filter_map(id).collect()
    }

    /// Begins an execution of block `id`, which must then count at least one
    /// tracepoint; its row is zero until it is filled.
    pub fn begin(&mut self, id: u32) {
        let Some(row) = self.rows.append(id, &mut self.draft) else { return };
        self.open = Some(Open { row, start: self.draft.count });
    }

    /// The row of the open execution, which is of `block`.
    pub fn row(&mut self, block: &Block) -> &mut [u8] {
        let Some(open) = self.open else { return &mut [] };
        self.draft.arena.get_mut(open.row..open.row + block.row_bytes()).unwrap_or(&mut [])
    }

    /// Counts one more tracepoint of the open execution; `pc` is what comes next.
    pub fn count(&mut self, pc: u64) {
        self.draft.count += 1;
        self.draft.end_pc = pc;
    }

    /// What comes next is at `pc` after all: an event moved it.
    pub fn set_pc(&mut self, pc: u64) {
        self.draft.end_pc = pc;
    }

    /// Adds a store whose place or length varies.
    pub fn bulk(&mut self, segments: &[(u64, Vec<u8>)]) {
        self.awaits_bulk = false;
        put_bulk(&mut self.draft.bulk, segments);
    }

    /// Adds an event; its tracepoint must not be earlier than the last event's.
    pub fn event(&mut self, event: Event) {
        self.event_bytes += size_of::<Event>();
        self.event_bytes += event.memory.iter().map(|(_, b)| b.len()).sum::<usize>();
        self.event_bytes += event.registers.0.iter().map(|(_, b)| b.len()).sum::<usize>();
        self.draft.events.push(event);
    }

    /// The last system call was not run again, although it was noted so.
    pub fn call_was_not_restarted(&mut self) {
        let kinds = self.draft.events.iter_mut().rev().map(|event| &mut event.kind);
        let mut calls = kinds.filter_map(|kind| match kind {
            EventKind::Syscall(call) => Some(call),
            _ => None,
        });
        if let Some(call) = calls.next() {
            call.restarted = false;
        }
    }

    /// Whether an execution is open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Ends the open execution: whole, or cut short. `faulted`: its last
    /// tracepoint changed nothing.
    pub fn end(&mut self, block_length: usize, faulted: bool) {
        let Some(open) = self.open.take() else { return };
        let tracepoints = self.draft.count - open.start;
        if faulted || (tracepoints as usize) < block_length {
            let execution = (self.draft.path.len() - 1) as u32;
            self.draft.cuts.push(Cut { execution, tracepoints: tracepoints as u16, faulted });
        }
    }

    /// Appends the whole executions that `log` holds, up to its end or a header of
    /// zero. No execution may be open, and [`Self::set_pc`] must follow.
    ///
    /// A record is a header, `id << 11 | length / 4` of the record with its header,
    /// the block's row, and padding. Behind the record of a block with a bulk store
    /// may stand a *bulk record*, of id [`BULK_ID`]: header, 4 bytes of padding,
    /// address, byte count, the bytes, and padding; if none does, the log must end
    /// there, and [`Self::bulk`] follow. Behind the record of a block that ends with a
    /// system call may stand a *call record*, of id [`CALL_ID`], which makes its event:
    /// header (whose length is zero), 4 bytes of padding, number, arguments, result. All
    /// integers are little-endian. Whether there was a call record.
    ///
    /// # Errors
    /// [`BadLog`]; the executions before the bad record are kept.
    pub fn absorb(&mut self, log: &[u8]) -> Result<bool, BadLog> {
        // What every record changes stays in registers.
        let (mut at, mut count, mut batch) = (0, 0, Batch::default());
        let mut calls = false;
        let result = loop {
            let record = log.get(at..).and_then(<[u8]>::split_first_chunk);
            let Some((header, rest)) = record else { break Ok(()) };
            let header = u32::from_le_bytes(*header);
            if header == 0 {
                break Ok(());
            }
            let length = (header & ((1 << LENGTH_BITS) - 1)) as usize * 4;
            let id = header >> LENGTH_BITS;
            if self.awaits_bulk {
                if self.take_bulk(id, &log[at..], length).is_none() {
                    break Err(BadLog(at));
                }
                at += length;
                continue;
            }
            let taken = self.rows.take_record(id, rest, length, &mut self.draft);
            let Some((local, shape)) = taken else {
                if length > 0 || self.take_call(id, &log[at..], count).is_none() {
                    break Err(BadLog(at));
                }
                calls = true;
                at += CALL_RECORD;
                continue;
            };
            batch.push(local, &mut self.draft.path);
            count += u64::from(shape.instructions());
            if shape.has_bulk() {
                self.awaits_bulk = true;
            }
            at += length;
        };
        batch.flush(&mut self.draft.path);
        self.draft.count += count;
        result.map(|()| calls)
    }

    /// Takes over the call record that `log` starts with, if it is one: an event of the
    /// last of `count` tracepoints that come to those of the chunk.
    #[cold]
    fn take_call(&mut self, id: u32, log: &[u8], count: u64) -> Option<()> {
        let record = log.get(..CALL_RECORD).filter(|_| id == CALL_ID)?;
        let mut words = record.get(8..)?.chunks_exact(8).map(|word| match word.try_into() {
            Ok(bytes) => u64::from_le_bytes(bytes),
            Err(_) => 0,
        });
        let mut next = || words.next();
        // The kernel takes the low half of rax (entry_64.S, do_syscall_64).
        let number = next()? & 0xffff_ffff;
        let arguments = [next()?, next()?, next()?, next()?, next()?, next()?];
        let result = next()?.cast_signed();
        let last = (self.draft.count + count).checked_sub(1)?;
        let tracepoint = self.draft.first + last;
        let (known, restarted, finished) = (true, false, true);
        let call = Syscall { number, arguments, result, known, restarted, finished };
        self.event(Event::new(tracepoint, self.draft.thread, EventKind::Syscall(call)));
        Some(())
    }

    /// Takes over the bulk record that `log` starts with, if it is one.
    fn take_bulk(&mut self, id: u32, log: &[u8], length: usize) -> Option<()> {
        let record = log.get(..length).filter(|_| id == BULK_ID)?;
        let word = |at: usize| Some(u64::from_le_bytes(*record.get(at..)?.first_chunk()?));
        let (address, count) = (word(8)?, usize::try_from(word(16)?).ok()?);
        let bytes = record.get(24..)?.get(..count)?;
        let segment = [(address, bytes)];
        put_bulk(&mut self.draft.bulk, if count == 0 { &[] } else { &segment });
        self.awaits_bulk = false;
        Some(())
    }

    /// The finished chunk; the next starts where it ends, with these registers, in
    /// the buffers of `spare`.
    pub fn finish(&mut self, keyframe: Registers, mut spare: Draft) -> Draft {
        spare.restart(self.draft.end(), self.draft.thread, keyframe);
        self.rows.settle(&mut self.draft);
        self.rows.restart(&self.draft);
        self.event_bytes = 0;
        self.open = None;
        self.replica.restart(&spare);
        std::mem::replace(&mut self.draft, spare)
    }
}

/// Executions on their way to a path.
struct Batch {
    locals: [u32; 64],
    used: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { locals: [0; 64], used: 0 }
    }
}

impl Batch {
    #[inline]
    fn push(&mut self, local: u32, path: &mut Vec<u32>) {
        if self.used == self.locals.len() {
            self.flush(path);
        }
        self.locals[self.used] = local;
        self.used += 1;
    }

    fn flush(&mut self, path: &mut Vec<u32>) {
        path.extend_from_slice(&self.locals[..self.used]);
        self.used = 0;
    }
}

/// The next row to take over of a block.
struct NextRow {
    index: u32,
    /// The piece that holds it, and its offset there.
    piece: u32,
    offset: u32,
}

/// The chunk as its reader will have it, as far as somebody asked for it.
#[derive(Default)]
struct Replica {
    chunk: Chunk,
    next: Vec<NextRow>,
    /// Tracepoints of the executions taken over.
    done: u64,
}

impl Replica {
    fn restart(&mut self, draft: &Draft) {
        let Draft { first, thread, keyframe, .. } = *draft;
        self.chunk = Chunk { first, thread, keyframe, ..Chunk::default() };
        self.next.clear();
        self.done = 0;
        self.copy_place(draft);
    }

    fn copy_place(&mut self, draft: &Draft) {
        self.chunk.count = draft.count;
        self.chunk.end_pc = draft.end_pc;
    }

    fn follow(&mut self, draft: &Draft, rows: &Rows) {
        for block in &draft.blocks[self.next.len()..] {
            self.next.push(NextRow { index: 0, piece: block.first, offset: 0 });
            self.chunk.blocks.push(BlockRows { id: block.id, rows: Vec::new() });
        }
        self.chunk.cuts.extend_from_slice(&draft.cuts[self.chunk.cuts.len()..]);
        self.chunk.bulk.extend_from_slice(&draft.bulk[self.chunk.bulk.len()..]);
        self.chunk.events.extend_from_slice(&draft.events[self.chunk.events.len()..]);
        self.copy_place(draft);
        for index in self.chunk.path.len()..draft.path.len() {
            self.take_execution(index, draft, rows);
        }
    }

    fn take_execution(&mut self, index: usize, draft: &Draft, rows: &Rows) {
        let local = draft.path[index];
        let shape = rows.shape(draft.blocks[local as usize].id);
        let taken = &mut self.chunk.blocks[local as usize].rows;
        let next = &mut self.next[local as usize];
        if let Some(mut piece) = draft.pieces.get(next.piece as usize) {
            if piece.start + next.offset == piece.end && shape.row_bytes() > 0 {
                (next.piece, next.offset) = (piece.next, 0);
                piece = draft.pieces.get(next.piece as usize).unwrap_or(piece);
            }
            let start = (piece.start + next.offset) as usize;
            taken.extend_from_slice(&draft.arena[start..start + shape.row_bytes()]);
            next.offset += shape.row_bytes() as u32;
        }
        let start = self.done as u32;
        self.chunk.path.push(Execution { block: local, row: next.index, start });
        next.index += 1;
        let cut = self.chunk.cut(index).map(|c| c.tracepoints.into());
        self.done += cut.unwrap_or(u64::from(shape.instructions()));
    }
}
