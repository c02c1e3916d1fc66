//! Inner nodes: what up to sixteen children hold together.

use super::keys::{self, RADIX};
use super::leaf::{Made, Piece, Summary};
use super::parts::Appender;
use super::written::{Stream, merge};
use std::io;

/// Most keys of a node; it takes granules together until there are no more.
const MAX_KEYS: usize = 1 << 18;

/// Keys of a piece.
const PIECE: usize = 8192;

/// A node above leaves, or above other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// log2 of how many granules are one key.
    pub shift: u8,
    /// Which children write which granules.
    pub granules: Vec<Piece>,
    /// Which children execute which blocks.
    pub blocks: Vec<Piece>,
    /// What children leave together in the pages that they write.
    pub written: Vec<Piece>,
    /// The children that have mapping changes, or of which nothing is known.
    pub always: u16,
    /// Of each child.
    pub children: Vec<Summary>,
}

/// What a parent has to know of its child.
pub struct Child {
    shift: u8,
    granules: Vec<u64>,
    blocks: Vec<u64>,
    written: Vec<Piece>,
    always: bool,
    summary: Summary,
}

impl Child {
    /// A leaf as a child.
    pub fn of(made: &mut Made) -> Self {
        Self {
            shift: 0,
            granules: std::mem::take(&mut made.granules),
            blocks: std::mem::take(&mut made.blocks),
            written: made.leaf.written.clone(),
            always: made.leaf.unsound.is_some() || !made.leaf.changes.is_empty(),
            summary: made.leaf.summary,
        }
    }
}

/// The node of `children`, at most sixteen, and the same as a child.
///
/// # Errors
/// The file's.
pub fn make(children: Vec<Child>, file: &Appender) -> io::Result<(Node, Child)> {
    let mut shift = children.iter().map(|child| child.shift).max().unwrap_or(0);
    let (mut granules, mut blocks, mut summaries) = (Vec::new(), Vec::new(), Vec::new());
    let (mut always, mut summary) = (0, Summary::NONE);
    let streams = children.iter().map(|child| Stream::of_pieces(&child.written, file));
    let pages = merge(&mut streams.collect::<io::Result<Vec<_>>>()?, file)?;
    for (index, child) in children.into_iter().take(RADIX).enumerate() {
        let more = shift.saturating_sub(child.shift);
        granules.push(coarser(child.granules, more));
        blocks.push(child.blocks);
        summaries.push(child.summary);
        summary.join(&child.summary);
        always |= u16::from(child.always) << index;
    }
    let mut written = keys::merge(&granules);
    drop(granules);
    while written.len() > MAX_KEYS {
        shift += 1;
        written.iter_mut().for_each(|(key, _)| *key >>= 1);
        keys::join(&mut written);
    }
    let executed = keys::merge(&blocks);
    let node = Node {
        shift,
        granules: append(&written, file)?,
        blocks: append(&executed, file)?,
        written: pages.clone(),
        always,
        children: summaries,
    };
    let of = |entries: &[keys::Entry]| entries.iter().map(|(key, _)| *key).collect();
    let always = always != 0;
    let (granules, blocks) = (of(&written), of(&executed));
    Ok((node, Child { shift, granules, blocks, written: pages, always, summary }))
}

fn coarser(mut keys: Vec<u64>, shift: u8) -> Vec<u64> {
    if shift > 0 {
        keys.iter_mut().for_each(|key| *key >>= shift);
        keys.dedup();
    }
    keys
}

fn append(entries: &[keys::Entry], file: &Appender) -> io::Result<Vec<Piece>> {
    let mut buffer = Vec::new();
    let piece = |entries: &[keys::Entry]| {
        buffer.clear();
        keys::encode(entries, &mut buffer);
        let key = |entry: Option<&keys::Entry>| entry.map_or(0, |(key, _)| *key);
        let (first, last) = (key(entries.first()), key(entries.last()));
        Ok(Piece { first, last, place: file.append(&buffer)? })
    };
    entries.chunks(PIECE).map(piece).collect()
}
