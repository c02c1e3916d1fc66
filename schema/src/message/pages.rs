//! Pages and index frames.

use super::{Result, column, finish, open, to_column};
use crate::pages::{PageIndex, Pages};
use crate::space::PAGE;
use crate::trace_capnp::{index, pages};
use crate::varint::Malformed;
use capnp::message::Builder;

/// A pages frame's payload.
pub fn encode_pages(value: &Pages) -> Vec<u8> {
    let mut message = Builder::new_default();
    let mut out = message.init_root::<pages::Builder>();
    out.set_state(value.state);
    out.set_numbers(&to_column(&value.numbers, u64::to_le_bytes));
    out.set_contents(&value.contents);
    finish(&message)
}

/// The pages in a frame's payload.
///
/// # Errors
/// The payload is no pages, or has not 4096 bytes for each.
pub fn decode_pages(payload: &[u8]) -> Result<Pages> {
    let message = open(payload)?;
    let from = message.get_root::<pages::Reader>()?;
    let numbers = column(from.get_numbers()?, u64::from_le_bytes)?;
    let contents = from.get_contents()?;
    if numbers.len().checked_mul(PAGE as usize) != Some(contents.len()) {
        return Err(Malformed.into());
    }
    Ok(Pages { state: from.get_state(), numbers, contents: contents.to_vec() })
}

/// Only the state and page numbers of a pages frame's payload.
///
/// # Errors
/// The payload is no pages.
pub fn decode_page_numbers(payload: &[u8]) -> Result<(u64, Vec<u64>)> {
    let message = open(payload)?;
    let from = message.get_root::<pages::Reader>()?;
    Ok((from.get_state(), column(from.get_numbers()?, u64::from_le_bytes)?))
}

/// An index frame's payload.
pub fn encode_index(value: &PageIndex) -> Vec<u8> {
    let mut message = Builder::new_default();
    let mut out = message.init_root::<index::Builder>();
    out.set_pages(&to_column(&value.pages, u64::to_le_bytes));
    out.set_states(&to_column(&value.states, u64::to_le_bytes));
    out.set_frames(&to_column(&value.frames, u32::to_le_bytes));
    out.set_slots(&to_column(&value.slots, u32::to_le_bytes));
    finish(&message)
}

/// The index in a frame's payload.
///
/// # Errors
/// The payload is no index, or its columns are of different lengths or unsorted.
pub fn decode_index(payload: &[u8]) -> Result<PageIndex> {
    let message = open(payload)?;
    let from = message.get_root::<index::Reader>()?;
    let index = PageIndex {
        pages: column(from.get_pages()?, u64::from_le_bytes)?,
        states: column(from.get_states()?, u64::from_le_bytes)?,
        frames: column(from.get_frames()?, u32::from_le_bytes)?,
        slots: column(from.get_slots()?, u32::from_le_bytes)?,
    };
    let length = index.pages.len();
    let equal = [index.states.len(), index.frames.len(), index.slots.len()] == [length; 3];
    let ascending =
        |i: usize| (index.pages[i], index.states[i]) <= (index.pages[i + 1], index.states[i + 1]);
    if !equal || !(1..length).all(|i| ascending(i - 1)) {
        return Err(Malformed.into());
    }
    Ok(index)
}
