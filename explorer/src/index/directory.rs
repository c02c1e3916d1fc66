//! The directory of an index file: leaves and nodes, as bytes.
//!
//! All numbers are varints. A list is its length, then its items.

use super::leaf::{Change, Leaf, Piece, Summary};
use super::node::Node;
use super::parts::Place;
use rdb_schema::varint::{Malformed, Reader, put};

/// What an index file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// One a chunk.
    pub leaves: Vec<Leaf>,
    /// The nodes above leaves, those above them, and so on up to a single one.
    pub levels: Vec<Vec<Node>>,
}

impl Directory {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_list(&mut out, &self.leaves, put_leaf);
        put_list(&mut out, &self.levels, |out, level| put_list(out, level, put_node));
        out
    }

    /// From bytes.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes);
        let leaves = take_list(&mut from, take_leaf)?;
        let levels = take_list(&mut from, |from| take_list(from, take_node))?;
        if from.is_empty() { Ok(Self { leaves, levels }) } else { Err(Malformed) }
    }
}

fn put_list<T>(out: &mut Vec<u8>, list: &[T], item: impl Fn(&mut Vec<u8>, &T)) {
    put(out, list.len() as u64);
    list.iter().for_each(|one| item(out, one));
}

fn take_list<T>(
    from: &mut Reader,
    item: impl Fn(&mut Reader) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = from.varint()?;
    let mut list = Vec::new();
    for _ in 0..count {
        // Every item takes a byte at least, so it ends where the bytes do.
        list.push(item(from)?);
    }
    Ok(list)
}

fn put_place(out: &mut Vec<u8>, place: &Place) {
    put(out, place.offset);
    put(out, place.stored.into());
    put(out, place.raw.into());
    out.extend(place.checksum.to_le_bytes());
}

fn take_place(from: &mut Reader) -> Result<Place, Malformed> {
    Ok(Place {
        offset: from.varint()?,
        stored: take_u32(from)?,
        raw: take_u32(from)?,
        checksum: from.integer(8)?,
    })
}

fn take_u32(from: &mut Reader) -> Result<u32, Malformed> {
    u32::try_from(from.varint()?).map_err(|_| Malformed)
}

fn put_piece(out: &mut Vec<u8>, piece: &Piece) {
    put(out, piece.first);
    put(out, piece.last);
    put_place(out, &piece.place);
}

fn take_piece(from: &mut Reader) -> Result<Piece, Malformed> {
    Ok(Piece { first: from.varint()?, last: from.varint()?, place: take_place(from)? })
}

fn put_summary(out: &mut Vec<u8>, summary: &Summary) {
    let words = [summary.writes, summary.low, summary.high];
    words.iter().for_each(|word| out.extend(word.to_le_bytes()));
}

/// A summary from its 24 bytes.
///
/// # Errors
/// [`Malformed`].
pub fn take_summary(from: &mut Reader) -> Result<Summary, Malformed> {
    Ok(Summary { writes: from.integer(8)?, low: from.integer(8)?, high: from.integer(8)? })
}

fn put_leaf(out: &mut Vec<u8>, leaf: &Leaf) {
    let why = leaf.unsound.as_deref().unwrap_or_default();
    put_list(out, why.as_bytes(), |out, byte| out.push(*byte));
    put_list(out, &leaf.postings, put_piece);
    put_place(out, &leaf.strides);
    put_place(out, &leaf.blocks);
    put_list(out, &leaf.written, put_piece);
    put_list(out, &leaf.changes, |out, change| {
        [change.tracepoint, change.start, change.end].iter().for_each(|word| put(out, *word));
    });
    put_summary(out, &leaf.summary);
}

fn take_leaf(from: &mut Reader) -> Result<Leaf, Malformed> {
    let why = take_list(from, |from| from.byte())?;
    let change = |from: &mut Reader| {
        Ok(Change { tracepoint: from.varint()?, start: from.varint()?, end: from.varint()? })
    };
    Ok(Leaf {
        unsound: (!why.is_empty()).then(|| String::from_utf8_lossy(&why).into_owned()),
        postings: take_list(from, take_piece)?,
        strides: take_place(from)?,
        blocks: take_place(from)?,
        written: take_list(from, take_piece)?,
        changes: take_list(from, change)?,
        summary: take_summary(from)?,
    })
}

fn put_node(out: &mut Vec<u8>, node: &Node) {
    out.push(node.shift);
    put_list(out, &node.granules, put_piece);
    put_list(out, &node.blocks, put_piece);
    put_list(out, &node.written, put_piece);
    put(out, node.always.into());
    put_list(out, &node.children, put_summary);
}

fn take_node(from: &mut Reader) -> Result<Node, Malformed> {
    Ok(Node {
        shift: from.byte()?,
        granules: take_list(from, take_piece)?,
        blocks: take_list(from, take_piece)?,
        written: take_list(from, take_piece)?,
        always: u16::try_from(from.varint()?).map_err(|_| Malformed)?,
        children: take_list(from, take_summary)?,
    })
}
