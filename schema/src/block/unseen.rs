//! Status flags that nobody sees: one instruction derives them, a later one of the same
//! block replaces them, and none in between looks at them.

use super::{Body, Slot};
use crate::effects::{Effect, Source};

/// The index that stands for no instruction of a block.
pub(super) const NEVER: u8 = u8::MAX;

impl Body {
    /// Notes with the instructions before the last that their flags are replaced by it.
    pub(super) fn mark_replaced(&mut self) {
        let Some(last) = self.instructions.len().checked_sub(1) else { return };
        let own = self.slots_from(last, self.slots.len());
        if looks(own) || !replaces(own) {
            return;
        }
        let mut end = self.slots.len() - own.len();
        for index in (0..last).rev() {
            let slots = self.slots_from(index, end);
            end -= slots.len();
            let (looks, replaces) = (looks(slots), replaces(slots));
            if let (Some(instruction), Ok(last)) =
                (self.instructions.get_mut(index), u8::try_from(last))
            {
                instruction.replaced = last;
            }
            // What stands before is seen by it, or was replaced by it already.
            if looks || replaces {
                return;
            }
        }
    }

    fn slots_from(&self, index: usize, end: usize) -> &[Slot] {
        let first = self.instructions.get(index).map_or(end, |own| own.first as usize);
        self.slots.get(first..end).unwrap_or(&[])
    }
}

/// Whether one of the effects may depend on the status flags before the instruction.
fn looks(slots: &[Slot]) -> bool {
    slots.iter().any(|slot| match slot.effect {
        Effect::Gpr { source: Source::Computed(computation), .. }
        | Effect::Store { source: Source::Computed(computation), .. } => {
            computation.operation.depends_on_flags()
        }
        Effect::FlagsOf { rule, inputs } => inputs.keep_flags(rule),
        _ => false,
    })
}

/// Whether they leave none of the status flags as it was, if they do not look at them.
fn replaces(slots: &[Slot]) -> bool {
    let whole =
        |effect| matches!(effect, Effect::FlagsOf { .. } | Effect::StatusFlags | Effect::Flags);
    slots.iter().any(|slot| whole(slot.effect))
}
