//! Footer frames.

use super::events::{exit, set_exit};
use super::{Result, finish, open};
use crate::event::Exit;
use crate::trace_capnp::footer;
use capnp::message::Builder;

/// What seals a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// N: how many tracepoints were recorded.
    pub tracepoints: u64,
    /// How it ended.
    pub exit: Exit,
    /// How many frames precede the footer.
    pub frames: u32,
    /// What a translating engine left to single-stepping: why, and how many
    /// tracepoints.
    pub stepped: Vec<(String, u64)>,
}

/// A footer frame's payload.
pub fn encode_footer(value: &Footer) -> Vec<u8> {
    let mut message = Builder::new_default();
    let mut out = message.init_root::<footer::Builder>();
    out.set_tracepoints(value.tracepoints);
    out.set_frames(value.frames);
    let mut list = out.reborrow().init_stepped(value.stepped.len() as u32);
    for (index, (reason, count)) in value.stepped.iter().enumerate() {
        let mut one = list.reborrow().get(index as u32);
        one.set_reason(reason);
        one.set_count(*count);
    }
    set_exit(out.init_exit(), &value.exit);
    finish(&message)
}

/// The footer in a frame's payload.
///
/// # Errors
/// The payload is no footer.
pub fn decode_footer(payload: &[u8]) -> Result<Footer> {
    let message = open(payload)?;
    let from = message.get_root::<footer::Reader>()?;
    let stepped = from.get_stepped()?.iter();
    let reason = |s: &[u8]| String::from_utf8_lossy(s).into_owned();
    let stepped = stepped.map(|s| Ok((reason(s.get_reason()?.as_bytes()), s.get_count())));
    Ok(Footer {
        stepped: stepped.collect::<Result<_>>()?,
        tracepoints: from.get_tracepoints(),
        exit: exit(from.get_exit()?)?,
        frames: from.get_frames(),
    })
}
