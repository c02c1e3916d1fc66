//! `effects`: the one place that says what an instruction changes.

mod effect;

pub use effect::{Address, Bulk, Effect, Effects, Extend, Form, Kind, Segment, Source, X87_BYTES};
use iced_x86::Instruction;

/// What `instruction` changes. Never fails: what is not known is [`Kind::Opaque`].
pub fn effects(instruction: &Instruction) -> Effects {
    let _ = instruction;
    Effects { kind: Kind::Opaque, list: Vec::new(), bulk: None }
}
