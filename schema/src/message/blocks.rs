//! Blocks frames.

use super::{Result, column, finish, open, to_column};
use crate::block::{Block, Composition, Entry};
use crate::trace_capnp::blocks;
use crate::varint::{Malformed, Reader};
use capnp::message::Builder;
use std::sync::Arc;

/// A blocks frame's payload: `list`, of which the first has id `first`.
pub fn encode_blocks(first: u32, list: &[Arc<Block>]) -> Vec<u8> {
    let starts: Vec<u64> = list.iter().map(|b| b.start()).collect();
    let own = || list.iter().filter(|b| *b.composition() == Composition::Own);
    let count = |b: &Arc<Block>| match b.composition() {
        Composition::Own => b.instructions().len() as u16,
        _ => 0,
    };
    let counts: Vec<u16> = list.iter().map(count).collect();
    let lengths: Vec<u8> = own().flat_map(|b| b.instructions().iter().map(|i| i.length)).collect();
    let code: Vec<u8> = own().flat_map(|b| b.code().iter().copied()).collect();
    let (mut templates, mut compositions) = (Vec::new(), Vec::new());
    let mut template_lengths = Vec::with_capacity(list.len());
    for (id, block) in (first..).zip(list) {
        let before = templates.len();
        match block.composition() {
            Composition::Own => block.encode_template(&mut templates),
            made => made.encode(id, &mut compositions),
        }
        template_lengths.push((templates.len() - before) as u32);
    }
    let mut message = Builder::new_default();
    let mut out = message.init_root::<blocks::Builder>();
    out.set_first_id(first);
    out.set_starts(&to_column(&starts, u64::to_le_bytes));
    out.set_counts(&to_column(&counts, u16::to_le_bytes));
    out.set_lengths(&lengths);
    out.set_code(&code);
    out.set_template_lengths(&to_column(&template_lengths, u32::to_le_bytes));
    out.set_templates(&templates);
    out.set_compositions(&compositions);
    finish(&message)
}

/// The dictionary entries in a frame's payload, and the id of the first.
///
/// # Errors
/// The payload is no blocks, or a block is malformed.
pub fn decode_blocks(payload: &[u8]) -> Result<(u32, Vec<Entry>)> {
    let message = open(payload)?;
    let from = message.get_root::<blocks::Reader>()?;
    let starts = column(from.get_starts()?, u64::from_le_bytes)?;
    let counts = column(from.get_counts()?, u16::from_le_bytes)?;
    let template_lengths = column(from.get_template_lengths()?, u32::from_le_bytes)?;
    if [counts.len(), template_lengths.len()] != [starts.len(); 2] {
        return Err(Malformed.into());
    }
    let mut lengths = Reader::new(from.get_lengths()?);
    let mut code = Reader::new(from.get_code()?);
    let mut templates = Reader::new(from.get_templates()?);
    let mut compositions = Reader::new(from.get_compositions()?);
    let first = from.get_first_id();
    let mut list = Vec::with_capacity(starts.len());
    for (id, ((start, count), template)) in
        (first..).zip(starts.into_iter().zip(counts).zip(template_lengths))
    {
        let template = templates.take(template as usize)?;
        if count == 0 {
            list.push(Entry::Composed(Composition::decode(id, &mut compositions)?));
            continue;
        }
        let lengths = lengths.take(count.into())?;
        let bytes = code.take(lengths.iter().map(|l| usize::from(*l)).sum())?;
        list.push(Entry::Block(Block::decode(start, lengths, bytes, template)?));
    }
    Ok((first, list))
}
