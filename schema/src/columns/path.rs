//! The block path: which block follows which. The next block is predicted to
//! be the one that followed this block last time; only misses are written.

use crate::chunk::{BlockRows, Cut, Dictionary, Execution, MAX_TRACEPOINTS};
use crate::varint::{Malformed, Reader, put};

/// A path as columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedPath {
    /// u32 block ids, in order of first execution.
    pub blocks: Vec<u8>,
    /// u32 executions of each.
    pub executions: Vec<u8>,
    /// Varints: how many predictions held, then the local index of the block
    /// that came instead; and so on.
    pub misses: Vec<u8>,
    /// Per cut, varints: executions since the last, tracepoints × 2 + faulted.
    pub cuts: Vec<u8>,
}

/// Encodes a path.
pub fn encode_path(blocks: &[BlockRows], path: &[Execution], cuts: &[Cut]) -> EncodedPath {
    let mut executions = vec![0u32; blocks.len()];
    let mut successors = vec![u32::MAX; blocks.len()];
    let mut out = EncodedPath::default();
    let (mut hits, mut previous) = (0u64, None);
    for execution in path {
        let block = execution.block;
        executions[block as usize] += 1;
        let predicted =
            previous.map(|p: u32| std::mem::replace(&mut successors[p as usize], block));
        if predicted == Some(block) {
            hits += 1;
        } else {
            put(&mut out.misses, hits);
            put(&mut out.misses, block.into());
            hits = 0;
        }
        previous = Some(block);
    }
    out.blocks = blocks.iter().flat_map(|b| b.id.to_le_bytes()).collect();
    out.executions = executions.iter().flat_map(|n| n.to_le_bytes()).collect();
    let mut last = 0;
    for cut in cuts {
        put(&mut out.cuts, (cut.execution - last).into());
        put(&mut out.cuts, u64::from(cut.tracepoints) << 1 | u64::from(cut.faulted));
        last = cut.execution;
    }
    out
}

/// The decoded path of a chunk.
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
    let blocks = decode_blocks(encoded)?;
    let lengths = block_lengths(&blocks, dictionary)?;
    let total: u64 = blocks.iter().map(|(_, n)| u64::from(*n)).sum();
    if total > count {
        return Err(Malformed);
    }
    let mut cuts = Vec::new();
    let mut cut_reader = CutReader::new(&encoded.cuts)?;
    let mut path = Vec::with_capacity(total as usize);
    let mut rows = vec![0u32; blocks.len()];
    let mut start = 0u64;
    walk(&encoded.misses, total, blocks.len(), |block| {
        let execution = path.len() as u32;
        path.push(Execution { block, row: rows[block as usize], start: start as u32 });
        rows[block as usize] += 1;
        let length = lengths[block as usize];
        start += match cut_reader.take(execution, length)? {
            None => u64::from(length),
            Some(cut) => {
                cuts.push(cut);
                u64::from(cut.tracepoints)
            }
        };
        Ok(())
    })?;
    let counted = blocks.iter().zip(&rows).all(|((_, expected), found)| expected == found);
    if start != count || !counted || cut_reader.next.is_some() {
        return Err(Malformed);
    }
    Ok(DecodedPath { blocks, path, cuts })
}

fn decode_blocks(encoded: &EncodedPath) -> Result<Vec<(u32, u32)>, Malformed> {
    if encoded.blocks.len() != encoded.executions.len() || !encoded.blocks.len().is_multiple_of(4) {
        return Err(Malformed);
    }
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |v, b| v << 8 | u32::from(*b));
    let ids = encoded.blocks.chunks(4).map(word);
    Ok(ids.zip(encoded.executions.chunks(4).map(word)).collect())
}

fn block_lengths(blocks: &[(u32, u32)], dictionary: &Dictionary) -> Result<Vec<u32>, Malformed> {
    let length = |(id, _): &(u32, u32)| {
        dictionary.get(*id).map(|b| b.instructions().len() as u32).ok_or(Malformed)
    };
    blocks.iter().map(length).collect()
}

/// Calls `visit` with each of the `total` executions' block.
fn walk(
    misses: &[u8],
    total: u64,
    blocks: usize,
    mut visit: impl FnMut(u32) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut successors = vec![u32::MAX; blocks];
    let mut from = Reader::new(misses);
    let mut previous: Option<u32> = None;
    let mut hits = if total == 0 { 0 } else { from.varint()? };
    for _ in 0..total {
        let block = match previous {
            Some(previous) if hits > 0 => {
                hits -= 1;
                successors[previous as usize]
            }
            _ if hits > 0 => return Err(Malformed),
            _ => {
                let block = from.varint()?;
                // The last run of hits is not followed by a miss, nor written when it is empty.
                hits = if from.is_empty() { u64::MAX } else { from.varint()? };
                u32::try_from(block).map_err(|_| Malformed)?
            }
        };
        if block as usize >= blocks {
            return Err(Malformed);
        }
        if let Some(previous) = previous.replace(block) {
            successors[previous as usize] = block;
        }
        visit(block)?;
    }
    if from.is_empty() { Ok(()) } else { Err(Malformed) }
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
