//! The block path: which block follows which. Only what the predictor misses is
//! written.

use super::predictor::Predictor;
use crate::chunk::{Cut, Dictionary, Execution, MAX_EXECUTIONS, MAX_TRACEPOINTS};
use crate::draft::Draft;
use crate::varint::{Malformed, Reader, put, put_signed};

/// A miss: the predictor's second guess came.
const SECOND: u64 = 0;
/// A miss: a new block came.
const NEW: u64 = 1;
/// A miss: the block of this index less this number came.
const OTHERS: u64 = 2;

/// A path as columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedPath {
    /// Zigzag varints: block ids, in order of first execution, each less the one before.
    pub blocks: Vec<u8>,
    /// Varints: how many predictions held before each miss.
    pub runs: Vec<u8>,
    /// Varints: what came instead: 0 the predictor's second guess, 1 a new block,
    /// else 2 + its index.
    pub misses: Vec<u8>,
    /// Per cut, varints: executions since the last, tracepoints × 2 + faulted.
    pub cuts: Vec<u8>,
}

/// Encodes paths; its buffers serve one chunk after another.
#[derive(Default)]
pub struct PathEncoder {
    predictor: Predictor,
    out: EncodedPath,
}

impl PathEncoder {
    /// The path of `draft` as columns.
    pub fn encode(&mut self, draft: &Draft) -> &EncodedPath {
        let out = &mut self.out;
        out.blocks.clear();
        let mut last = 0;
        for block in &draft.blocks {
            put_signed(&mut out.blocks, i64::from(block.id) - last);
            last = block.id.into();
        }
        self.predictor.restart(draft.count, draft.blocks.len());
        encode_blocks(&mut self.predictor, &draft.path, out);
        encode_cuts(&draft.cuts, &mut out.cuts);
        &self.out
    }
}

fn encode_blocks(predictor: &mut Predictor, path: &[u32], out: &mut EncodedPath) {
    out.runs.clear();
    out.misses.clear();
    let mut hits = 0;
    for &block in path {
        let expected = predictor.expected();
        if expected.first == block {
            hits += 1;
        } else {
            put(&mut out.runs, std::mem::take(&mut hits));
            let miss = match block {
                _ if block == expected.second => SECOND,
                _ if block == predictor.met => NEW,
                _ => u64::from(block) + OTHERS,
            };
            put(&mut out.misses, miss);
        }
        predictor.learn(block);
    }
}

fn encode_cuts(cuts: &[Cut], out: &mut Vec<u8>) {
    out.clear();
    let mut last = 0;
    for cut in cuts {
        put(out, (cut.execution - last).into());
        put(out, u64::from(cut.tracepoints) << 1 | u64::from(cut.faulted));
        last = cut.execution;
    }
}

/// The decoded path of a chunk.
#[derive(Debug)]
pub struct DecodedPath {
    /// Block ids with the number of their executions.
    pub blocks: Vec<(u32, u32)>,
    /// Every execution.
    pub path: Vec<Execution>,
    /// The cuts.
    pub cuts: Vec<Cut>,
}

/// Decodes a path of `count` tracepoints.
///
/// # Errors
/// [`Malformed`] when the columns contradict each other or the dictionary.
pub fn decode_path(
    encoded: &EncodedPath,
    count: u64,
    dictionary: &Dictionary,
) -> Result<DecodedPath, Malformed> {
    if count > MAX_TRACEPOINTS {
        return Err(Malformed);
    }
    let mut blocks = decode_blocks(&encoded.blocks)?;
    let lengths = block_lengths(&blocks, dictionary)?;
    let mut walk = Walk::new(encoded, count, blocks.len())?;
    let mut cuts = Vec::new();
    let mut cut_reader = CutReader::new(&encoded.cuts)?;
    let mut path = Vec::with_capacity((count / 4).min(1 << 20) as usize);
    let mut start = 0u64;
    while start < count {
        if path.len() == MAX_EXECUTIONS {
            return Err(Malformed);
        }
        let block = walk.next()?;
        let (_, row) = blocks.get_mut(block as usize).ok_or(Malformed)?;
        let execution = path.len() as u32;
        path.push(Execution { block, row: *row, start: start as u32 });
        *row += 1;
        let length = *lengths.get(block as usize).ok_or(Malformed)?;
        start += match cut_reader.take(execution, length)? {
            None => u64::from(length),
            Some(cut) => {
                cuts.push(cut);
                u64::from(cut.tracepoints)
            }
        };
    }
    if start != count || !walk.is_done(blocks.len()) || cut_reader.next.is_some() {
        return Err(Malformed);
    }
    Ok(DecodedPath { blocks, path, cuts })
}

/// Block ids, each without executions yet.
fn decode_blocks(column: &[u8]) -> Result<Vec<(u32, u32)>, Malformed> {
    let mut from = Reader::new(column);
    let (mut blocks, mut last) = (Vec::new(), 0i64);
    while !from.is_empty() {
        last = last.checked_add(from.signed()?).ok_or(Malformed)?;
        blocks.push((u32::try_from(last).map_err(|_| Malformed)?, 0));
    }
    Ok(blocks)
}

/// Instructions of each block, at least one.
fn block_lengths(blocks: &[(u32, u32)], dictionary: &Dictionary) -> Result<Vec<u32>, Malformed> {
    let length = |(id, _): &(u32, u32)| {
        let block = dictionary.get(*id).filter(|b| !b.instructions().is_empty());
        block.map(|b| b.instructions().len() as u32).ok_or(Malformed)
    };
    blocks.iter().map(length).collect()
}

/// The blocks of a path, one after the other.
struct Walk<'a> {
    predictor: Predictor,
    runs: Reader<'a>,
    misses: Reader<'a>,
    hits: u64,
}

impl<'a> Walk<'a> {
    fn new(encoded: &'a EncodedPath, count: u64, blocks: usize) -> Result<Self, Malformed> {
        let mut predictor = Predictor::default();
        predictor.restart(count, blocks);
        let (runs, misses) = (Reader::new(&encoded.runs), Reader::new(&encoded.misses));
        let mut walk = Self { predictor, runs, misses, hits: 0 };
        walk.read_run()?;
        Ok(walk)
    }

    /// The last run of hits is not written.
    fn read_run(&mut self) -> Result<(), Malformed> {
        self.hits = if self.runs.is_empty() { u64::MAX } else { self.runs.varint()? };
        Ok(())
    }

    /// The next block: one met before, or the next new one, which may not exist.
    #[inline]
    fn next(&mut self) -> Result<u32, Malformed> {
        let expected = self.predictor.expected();
        let block = if self.hits > 0 {
            self.hits -= 1;
            expected.first
        } else {
            let miss = self.misses.varint()?;
            self.read_run()?;
            match miss {
                SECOND => expected.second,
                NEW => self.predictor.met,
                other => u32::try_from(other - OTHERS).map_err(|_| Malformed)?,
            }
        };
        if block > self.predictor.met {
            return Err(Malformed);
        }
        self.predictor.learn(block);
        Ok(block)
    }

    /// Whether all was read, and all `blocks` blocks came.
    fn is_done(&self, blocks: usize) -> bool {
        self.runs.is_empty() && self.misses.is_empty() && self.predictor.met as usize == blocks
    }
}

struct CutReader<'a> {
    from: Reader<'a>,
    next: Option<Cut>,
}

impl<'a> CutReader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Self { from: Reader::new(bytes), next: None };
        reader.read(0)?;
        Ok(reader)
    }

    fn read(&mut self, last: u32) -> Result<(), Malformed> {
        self.next = None;
        if self.from.is_empty() {
            return Ok(());
        }
        let distance = u32::try_from(self.from.varint()?).map_err(|_| Malformed)?;
        let packed = self.from.varint()?;
        self.next = Some(Cut {
            execution: last.checked_add(distance).ok_or(Malformed)?,
            tracepoints: u16::try_from(packed >> 1).map_err(|_| Malformed)?,
            faulted: packed & 1 == 1,
        });
        Ok(())
    }

    /// The cut of `execution`, of a block of `length` instructions, if it has one.
    fn take(&mut self, execution: u32, length: u32) -> Result<Option<Cut>, Malformed> {
        let Some(cut) = self.next.filter(|c| c.execution == execution) else { return Ok(None) };
        if cut.tracepoints == 0 || u32::from(cut.tracepoints) > length {
            return Err(Malformed);
        }
        self.read(execution)?;
        Ok(Some(cut))
    }
}
