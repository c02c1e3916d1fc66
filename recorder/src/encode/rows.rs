//! The rows of the chunk under construction: the hot loop of absorbing a log ends
//! here, once per execution.
//!
//! Rows go to one arena, those of a block in pieces that grow, so that nothing is
//! moved or allocated while a chunk grows.

use rdb_schema::block::Block;
use rdb_schema::columns::TILE_ROWS;
use rdb_schema::draft::{Draft, DraftBlock, NO_PIECE, Piece};
use rdb_schema::effects::Effect;

/// Rows in a block's first piece.
const FIRST_ROWS: usize = 2;

/// Bytes after which pieces stop doubling.
const MAX_PIECE: usize = 1 << 20;

/// Bytes of an arena at first: hardly any chunk needs more.
const ARENA: usize = 64 << 20;

/// Bytes of rows that are copied without a loop.
const SHORT: usize = 32;
const MEDIUM: usize = 64;

/// Bytes behind each piece that copies may write, and lose, what they like to.
const SLACK: usize = MEDIUM;

/// What of a block the log and the arena depend on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape(u32);

impl Shape {
    pub(super) fn of(block: &Block) -> Self {
        let bulk = block.all_slots().iter().any(|s| s.effect == Effect::StoreBulk);
        let instructions = block.instructions().len() as u32;
        Self((block.row_bytes() as u32) << 8 | u32::from(bulk) << 7 | instructions)
    }

    pub(super) fn row_bytes(self) -> usize {
        (self.0 >> 8) as usize
    }

    /// At most [`rdb_schema::block::MAX_INSTRUCTIONS`], 64.
    pub(super) fn instructions(self) -> u32 {
        self.0 & 0x7f
    }

    pub(super) fn has_bulk(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// A dictionary entry in the chunk under construction.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where its next row goes in the arena.
    at: u32,
    /// The end of its last piece's room.
    end: u32,
    /// Its index among the chunk's blocks.
    local: u32,
    shape: Shape,
}

impl Entry {
    /// An entry without a piece, which has no room even for a row of no bytes.
    fn unused(shape: Shape) -> Self {
        Self { at: 1, end: 0, local: u32::MAX, shape }
    }
}

/// Copies a row of `bytes` bytes, and what follows it in `from` if that is faster.
#[inline]
fn copy_row(from: &[u8], to: &mut [u8], bytes: usize) -> Option<()> {
    if let (Some(from), Some(to)) = (from.first_chunk::<MEDIUM>(), to.first_chunk_mut::<MEDIUM>())
        && bytes <= MEDIUM
    {
        to[..SHORT].copy_from_slice(&from[..SHORT]);
        if bytes > SHORT {
            to[SHORT..].copy_from_slice(&from[SHORT..]);
        }
    } else {
        to.get_mut(..bytes)?.copy_from_slice(from.get(..bytes)?);
    }
    Some(())
}

/// Makes `arena` larger. What is added comes zeroed from the system, which
/// provides it page by page as it is used; `resize` would touch all of it.
fn grow(arena: &mut Vec<u8>, length: usize) {
    let mut larger = vec![0; length];
    larger[..arena.len()].copy_from_slice(arena);
    *arena = larger;
}

/// Where rows go, for every block of the dictionary.
#[derive(Default)]
pub(super) struct Rows {
    entries: Vec<Entry>,
    used: usize,
}

impl Rows {
    /// Adds the next block of the dictionary.
    pub(super) fn add(&mut self, shape: Shape) {
        self.entries.push(Entry::unused(shape));
    }

    /// Bytes of the arena in use.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// The shape of block `id`.
    pub(super) fn shape(&self, id: u32) -> Shape {
        self.entries.get(id as usize).map_or(Shape::default(), |e| e.shape)
    }

    /// Adds the row that `record` starts with, of block `id`; `length` is that of the
    /// record with its header of 4 bytes. The block's local index, for the path, and
    /// its shape; `None` if there is no such block, or the record is too short for it.
    #[inline]
    pub(super) fn take_record(
        &mut self,
        id: u32,
        record: &[u8],
        length: usize,
        draft: &mut Draft,
    ) -> Option<(u32, Shape)> {
        let mut entry = self.entries.get_mut(id as usize)?;
        let bytes = entry.shape.row_bytes();
        if bytes + 4 > length {
            return None;
        }
        if entry.at as usize + bytes > entry.end as usize {
            self.make_room(id, draft);
            entry = self.entries.get_mut(id as usize)?;
        }
        copy_row(record, draft.arena.get_mut(entry.at as usize..)?, bytes)?;
        entry.at += bytes as u32;
        Some((entry.local, entry.shape))
    }

    /// Adds an execution of block `id`, with a row of zeros: the row's offset in the
    /// arena. `None` if there is no such block.
    pub(super) fn append(&mut self, id: u32, draft: &mut Draft) -> Option<usize> {
        let entry = self.entries.get(id as usize)?;
        let bytes = entry.shape.row_bytes();
        if entry.at as usize + bytes > entry.end as usize {
            self.make_room(id, draft);
        }
        let entry = self.entries.get_mut(id as usize)?;
        let row = entry.at as usize;
        entry.at += bytes as u32;
        draft.arena.get_mut(row..row + bytes)?.fill(0);
        draft.path.push(entry.local);
        Some(row)
    }

    /// Gives block `id` a new piece, and a local index if it has none.
    #[cold]
    fn make_room(&mut self, id: u32, draft: &mut Draft) {
        let Some(entry) = self.entries.get_mut(id as usize) else { return };
        let (piece, row) = (draft.pieces.len() as u32, entry.shape.row_bytes());
        let mut room = row * FIRST_ROWS;
        match draft.blocks.get_mut(entry.local as usize) {
            None => {
                entry.local = draft.blocks.len() as u32;
                draft.blocks.push(DraftBlock { id, first: piece, last: piece });
            }
            Some(block) => {
                if let Some(last) = draft.pieces.get_mut(block.last as usize) {
                    (last.end, last.next) = (entry.at, piece);
                    let before = (entry.at - last.start) as usize;
                    // As much as all pieces so far, so that whole tiles lie in one.
                    room = if block.first == block.last { before } else { before * 2 };
                    room = room.clamp(row, (row * TILE_ROWS).min(MAX_PIECE).max(row));
                }
                block.last = piece;
            }
        }
        (entry.at, entry.end) = (self.used as u32, (self.used + room) as u32);
        draft.pieces.push(Piece { start: entry.at, end: entry.at, next: NO_PIECE });
        self.used += room + SLACK;
        if draft.arena.len() < self.used {
            grow(&mut draft.arena, self.used.next_power_of_two().max(ARENA));
        }
    }

    /// Notes in `draft` where its pieces end.
    pub(super) fn settle(&self, draft: &mut Draft) {
        for block in &draft.blocks {
            if let (Some(entry), Some(piece)) =
                (self.entries.get(block.id as usize), draft.pieces.get_mut(block.last as usize))
            {
                piece.end = entry.at;
            }
        }
    }

    /// Forgets the rows of `draft`; the next are another's.
    pub(super) fn restart(&mut self, draft: &Draft) {
        self.used = 0;
        for block in &draft.blocks {
            if let Some(entry) = self.entries.get_mut(block.id as usize) {
                *entry = Entry::unused(entry.shape);
            }
        }
    }
}
