//! Leaves: the index of one chunk.

use super::parts::{Appender, Place};
use super::postings::{self, Posting, granules};
use super::sorter::Sorter;
use super::sweep::{Found, Plans, Span, Stored, sweep};
use super::written::{Collector, merge};
use crate::trace::{BlockPlans, Replay};
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::event::Event;
use rdb_schema::registers::Registers;
use rdb_schema::space::MappingChange;
use rdb_schema::varint::{Malformed, put};
use std::io;

/// Tracepoints of a stride, of which register writes and the stack are kept together.
pub const STRIDE: u32 = 4096;

/// Postings of a piece.
const PIECE: usize = 8192;

/// Most postings of a chunk, and most mapping changes: far above what
/// instructions can do in one.
const MAX_POSTINGS: usize = 32 << 20;
const MAX_CHANGES: usize = 1 << 20;

/// A part with its smallest and its largest key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Its first key.
    pub first: u64,
    /// Its last key.
    pub last: u64,
    /// Its content.
    pub place: Place,
}

/// The pieces that may have keys in `first..=last`.
pub fn pieces(pieces: &[Piece], (first, last): (u64, u64)) -> &[Piece] {
    let start = pieces.partition_point(|piece| piece.last < first);
    let end = pieces.partition_point(|piece| piece.first <= last);
    pieces.get(start..end).unwrap_or_default()
}

/// A change of mappings that changes what memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The tracepoint.
    pub tracepoint: u64,
    /// First address.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

/// What happens in a stretch of tracepoints, or in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Registers written.
    pub writes: u64,
    /// The lowest value of the stack pointer.
    pub low: u64,
    /// The highest.
    pub high: u64,
}

impl Summary {
    /// Of nothing.
    pub const NONE: Self = Self { writes: 0, low: u64::MAX, high: 0 };

    /// Of what may be anything.
    pub const ANY: Self = Self { writes: u64::MAX, low: 0, high: u64::MAX };

    /// Of both.
    pub fn join(&mut self, other: &Self) {
        self.writes |= other.writes;
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
    }
}

/// The index of one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Why the chunk cannot be trusted, if it cannot.
    pub unsound: Option<String>,
    /// Its write postings.
    pub postings: Vec<Piece>,
    /// Summaries of its strides.
    pub strides: Place,
    /// Its blocks with the number of their executions.
    pub blocks: Place,
    /// What it leaves in the pages that it writes.
    pub written: Vec<Piece>,
    /// Its mapping changes.
    pub changes: Vec<Change>,
    /// Of all of it.
    pub summary: Summary,
}

/// What is known of a leaf only while the tree is built.
pub struct Made {
    /// The leaf.
    pub leaf: Leaf,
    /// The granules that it writes, ascending.
    pub granules: Vec<u64>,
    /// The blocks that it executes, ascending.
    pub blocks: Vec<u64>,
    /// Registers that the chunk starts with.
    pub keyframe: Box<Registers>,
    /// Those that it ends with.
    pub end: End,
}

/// Registers at the end of a chunk.
#[derive(Default)]
pub struct End {
    /// Those.
    pub registers: Box<Registers>,
    /// Whether all of them count; else only the general ones and the bases of FS and GS.
    pub whole: bool,
}

impl Made {
    /// Of a chunk of which nothing can be said.
    pub fn unsound(why: String) -> Self {
        let leaf = Leaf {
            unsound: Some(why),
            postings: Vec::new(),
            strides: Place::default(),
            blocks: Place::default(),
            written: Vec::new(),
            changes: Vec::new(),
            summary: Summary::ANY,
        };
        let (keyframe, end) = (Box::default(), End::default());
        Self { leaf, granules: Vec::new(), blocks: Vec::new(), keyframe, end }
    }
}

/// Makes leaves; its buffers serve one after another.
pub struct Maker {
    postings: Vec<Posting>,
    sorter: Sorter,
    strides: Vec<Summary>,
    changes: Vec<Change>,
    collector: Collector,
    /// Whether a store's bytes are not known from the sweep.
    unknown: bool,
    overflow: bool,
    buffer: Vec<u8>,
}

impl Maker {
    /// Nothing collected yet.
    pub fn new() -> Self {
        Self {
            postings: Vec::new(),
            sorter: Sorter::new(),
            strides: Vec::new(),
            changes: Vec::new(),
            collector: Collector::new(),
            unknown: false,
            overflow: false,
            buffer: Vec::new(),
        }
    }

    /// The leaf of `chunk`; its parts are appended to `file`.
    ///
    /// # Errors
    /// The file's.
    pub fn make(
        &mut self,
        chunk: &Chunk,
        (plans, of_replay): (&Plans, &BlockPlans),
        file: &Appender,
    ) -> io::Result<Made> {
        self.postings.clear();
        self.strides.clear();
        self.strides.resize(chunk.count.div_ceil(STRIDE.into()) as usize, Summary::NONE);
        self.changes.clear();
        self.collector.clear();
        (self.unknown, self.overflow) = (false, false);
        let end = match sweep(chunk, plans, self) {
            Ok(end) if !self.overflow => end,
            Ok(_) => return Ok(Made::unsound("more stores than a chunk can make".into())),
            Err(error) => return Ok(Made::unsound(error.to_string())),
        };
        let end = match self.replay(chunk, plans.dictionary(), of_replay) {
            Ok(replayed) => replayed.unwrap_or(End { registers: Box::new(end), whole: false }),
            Err(error) => return Ok(Made::unsound(error.to_string())),
        };
        postings::normalise(&mut self.postings, &mut self.sorter);
        let mut granules: Vec<u64> = self.postings.iter().map(|posting| posting.granule).collect();
        granules.dedup();
        let mut counted = counts(chunk);
        counted.sort_unstable();
        let mut summary = Summary::NONE;
        self.strides.iter().for_each(|stride| summary.join(stride));
        let leaf = Leaf {
            unsound: None,
            postings: self.pieces(file)?,
            strides: self.append_strides(file)?,
            blocks: self.append_blocks(&counted, file)?,
            written: merge(&mut self.collector.finish(), file)?,
            changes: std::mem::take(&mut self.changes),
            summary,
        };
        let blocks = counted.iter().map(|(id, _)| u64::from(*id)).collect();
        let keyframe = Box::new(chunk.keyframe);
        Ok(Made { leaf, granules, blocks, keyframe, end })
    }

    /// Replays a chunk that stores what a sweep does not compute.
    fn replay(
        &mut self,
        chunk: &Chunk,
        dictionary: &Dictionary,
        plans: &BlockPlans,
    ) -> Result<Option<End>, Malformed> {
        if !self.unknown {
            return Ok(None);
        }
        self.collector.clear();
        let mut replay = Replay::new(chunk, dictionary, Some(plans));
        replay.advance(chunk.end(), &mut self.collector)?;
        Ok(Some(End { registers: Box::new(replay.cursor.registers), whole: true }))
    }

    fn pieces(&mut self, file: &Appender) -> io::Result<Vec<Piece>> {
        let piece = |postings: &[Posting]| {
            self.buffer.clear();
            postings::encode(postings, &mut self.buffer);
            let granule = |posting: Option<&Posting>| posting.map_or(0, |posting| posting.granule);
            let (first, last) = (granule(postings.first()), granule(postings.last()));
            Ok(Piece { first, last, place: file.append(&self.buffer)? })
        };
        self.postings.chunks(PIECE).map(piece).collect()
    }

    fn append_strides(&mut self, file: &Appender) -> io::Result<Place> {
        self.buffer.clear();
        for Summary { writes, low, high } in &self.strides {
            [writes, low, high].iter().for_each(|word| self.buffer.extend(word.to_le_bytes()));
        }
        file.append(&self.buffer)
    }

    fn append_blocks(&mut self, counted: &[(u32, u32)], file: &Appender) -> io::Result<Place> {
        self.buffer.clear();
        let mut before = 0;
        for (id, count) in counted {
            put(&mut self.buffer, (id - before).into());
            put(&mut self.buffer, (*count).into());
            before = *id;
        }
        file.append(&self.buffer)
    }
}

/// The blocks of a chunk with the number of their executions.
fn counts(chunk: &Chunk) -> Vec<(u32, u32)> {
    let mut counted: Vec<_> = chunk.blocks.iter().map(|rows| (rows.id, 0)).collect();
    for execution in &chunk.path {
        if let Some((_, count)) = counted.get_mut(execution.block as usize) {
            *count += 1;
        }
    }
    counted
}

impl Found for Maker {
    fn store(&mut self, stored: Stored) {
        let Stored { time, address, bytes, all } = stored;
        if self.postings.len() as u64 + bytes / 8 > MAX_POSTINGS as u64 {
            self.overflow = true;
            return;
        }
        granules(address, bytes, |granule, mask| {
            let mask = if all { mask } else { 0 };
            self.postings.push(Posting { granule, time, mask });
        });
    }

    fn holds(&mut self, stored: Stored, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) if !self.unknown => self.collector.put(stored.address, bytes),
            _ => self.unknown = true,
        }
        self.store(stored);
    }

    fn span(&mut self, span: Span) {
        let Span { start, end, writes, low, high } = span;
        let summary = Summary { writes, low, high };
        let last = end.saturating_sub(1).max(start) / STRIDE;
        let strides = self.strides.get_mut((start / STRIDE) as usize..=last as usize);
        strides.into_iter().flatten().for_each(|stride| stride.join(&summary));
    }

    fn event(&mut self, event: &Event, _: u64) {
        for change in &event.mappings {
            if matches!(change, MappingChange::Protect { .. } | MappingChange::Advise { .. }) {
                continue;
            }
            let range = change.range();
            let tracepoint = event.tracepoint;
            self.changes.push(Change { tracepoint, start: range.start, end: range.end });
            self.overflow |= self.changes.len() > MAX_CHANGES;
        }
    }
}
