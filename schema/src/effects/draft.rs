//! The effects of one instruction while they are collected.

use super::effect::{Bulk, Effect, Effects, Kind, Source};
use crate::registers::Gpr;

/// A list in the making. It can turn out that an instruction is not understood.
#[derive(Default)]
pub(super) struct Draft {
    list: Vec<Effect>,
    bulk: Option<Bulk>,
    unknown: bool,
}

impl Draft {
    /// An empty one, in the room of `list`.
    pub(super) fn reusing(mut list: Vec<Effect>) -> Self {
        list.clear();
        Self { list, ..Self::default() }
    }

    /// Adds an effect, unless it is there already.
    pub(super) fn add(&mut self, effect: Effect) {
        if !self.list.contains(&effect) {
            self.list.push(effect);
        }
    }

    /// A general register and its value. Two different claims about one
    /// register leave only the log to tell.
    pub(super) fn gpr(&mut self, register: Gpr, source: Source) {
        match self.find(register) {
            None => self.list.push(Effect::Gpr { register, source }),
            Some(old) if *old != source => *old = Source::Logged,
            Some(_) => {}
        }
    }

    /// A general register that is logged if nothing better is known.
    pub(super) fn gpr_written(&mut self, register: Gpr) {
        if self.find(register).is_none() {
            self.gpr(register, Source::Logged);
        }
    }

    /// Stores whose places `bulk` describes.
    pub(super) fn bulk(&mut self, bulk: Bulk) {
        self.add(Effect::StoreBulk);
        self.bulk = Some(bulk);
    }

    /// The instruction does something that effects cannot say.
    pub(super) fn unknown(&mut self) {
        self.unknown = true;
    }

    /// Whether a vector register is in the list.
    pub(super) fn has_vector(&self, number: u8) -> bool {
        self.list.iter().any(|effect| match effect {
            Effect::Vector { register, .. } => *register == number,
            Effect::VectorOf(vector) => vector.register == number,
            _ => false,
        })
    }

    /// Logs a mask register, unless it is derived.
    pub(super) fn mask_written(&mut self, number: u8) {
        let is = |e: &Effect| matches!(e, Effect::MaskOf { register, .. } if *register == number);
        if !self.list.iter().any(is) {
            self.add(Effect::Mask { register: number });
        }
    }

    /// The finished list; `None` if the instruction is not understood.
    pub(super) fn finish(self, kind: Kind) -> Option<Effects> {
        (!self.unknown).then_some(Effects { kind, list: self.list, bulk: self.bulk })
    }

    fn find(&mut self, gpr: Gpr) -> Option<&mut Source> {
        self.list.iter_mut().find_map(|effect| match effect {
            Effect::Gpr { register, source } if *register == gpr => Some(source),
            _ => None,
        })
    }
}
