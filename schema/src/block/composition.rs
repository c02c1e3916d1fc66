//! Blocks made of others, as bytes.
//!
//! ```text
//! composition = n id:varint × n          n blocks, joined
//!             | 0 id:varint count:1      the first instructions of a block
//! ```
//! n is a varint; an id is written as its distance from the block's own.

use super::{Block, MAX_INSTRUCTIONS};
use crate::varint::{Malformed, Reader, put};

/// How the trace writes a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Composition {
    /// By itself.
    #[default]
    Own,
    /// These blocks, joined.
    Joined(Vec<u32>),
    /// The first instructions of a block: its id, and how many.
    Prefix(u32, u8),
}

impl Composition {
    /// Appends it, for the block of this id; nothing for a block of its own.
    pub fn encode(&self, own: u32, out: &mut Vec<u8>) {
        let put_id = |out: &mut Vec<u8>, id: u32| put(out, own.wrapping_sub(id).into());
        match self {
            Self::Own => {}
            Self::Joined(ids) => {
                put(out, ids.len() as u64);
                ids.iter().for_each(|id| put_id(out, *id));
            }
            Self::Prefix(id, count) => {
                out.push(0);
                put_id(out, *id);
                out.push(*count);
            }
        }
    }

    /// Reads that of the block of this id.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(own: u32, from: &mut Reader) -> Result<Self, Malformed> {
        let id = |from: &mut Reader| {
            let distance = u32::try_from(from.varint()?).map_err(|_| Malformed)?;
            own.checked_sub(distance).ok_or(Malformed)
        };
        match from.varint()? as usize {
            0 => Ok(Self::Prefix(id(from)?, from.byte()?)),
            parts @ 1..=MAX_INSTRUCTIONS => {
                (0..parts).map(|_| id(from)).collect::<Result<_, _>>().map(Self::Joined)
            }
            _ => Err(Malformed),
        }
    }
}

/// A dictionary entry as a trace holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A block of its own.
    Block(Block),
    /// One made of earlier ones.
    Composed(Composition),
}
