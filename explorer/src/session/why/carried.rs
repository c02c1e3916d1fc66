//! Links that say nothing but that a value was kept somewhere for a while: registers saved
//! and restored, moves in the dynamic linker and in libraries without sources.

use super::Link;
use crate::session::locate::Owner;
use crate::session::{Place, Session};
use crate::timeline::StateError;
use iced_x86::Mnemonic;

impl Session {
    /// Whether a link only carries a value on, through code that is not the program's or by
    /// saving and restoring a register.
    pub(super) fn carries(&self, link: &Link) -> Result<bool, StateError> {
        let only_moves = link.computed_at.is_none() && link.origins.is_empty();
        let (Some(t), Some(place)) = (link.tracepoint, &link.place) else { return Ok(false) };
        if !only_moves || !link.notes.is_empty() || link.steps.is_empty() {
            return Ok(false);
        }
        match self.locator.owner(&self.timeline, t, place.pc) {
            Owner::Linker => Ok(true),
            Owner::Library if !self.has_source(place) => Ok(true),
            _ => link.steps.iter().try_fold(true, |all, t| Ok(all && self.saves(*t)?)),
        }
    }

    pub(super) fn has_source(&self, place: &Place) -> bool {
        place.file.as_deref().is_some_and(|file| self.sources.text(file).is_some())
    }

    /// Whether tracepoint `t` pushes or pops.
    fn saves(&self, t: u64) -> Result<bool, StateError> {
        let instruction = self.instruction_at(t)?;
        Ok(instruction.is_some_and(|i| matches!(i.mnemonic(), Mnemonic::Push | Mnemonic::Pop)))
    }
}
