//! Local variables that are kept in registers: in which of them, and when, is told by their
//! location lists (DWARF 5, 2.6.2), and a register is theirs only there.

use super::value::Bytes;
use super::{Scene, Session, Subject};
use crate::index::Index;
use crate::symbols::Variable;
use crate::symbols::location::Frame;
use crate::symbols::unwind::register_name;
use crate::timeline::{Direction, StateError};
use crate::values::Place;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Inlined copies around code that are looked through for a variable.
const MAX_COPIES: usize = 64;

/// The widest registers.
const MAX_BYTES: u64 = 64;

/// A local variable that is kept in a register where it is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name.
    pub variable: String,
    /// Where its DIE is in `.debug_info`.
    die: usize,
    /// The canonical address of its frame.
    cfa: u64,
    /// How large it is, bytes.
    bytes: u64,
    /// The registers that its location list names.
    pub registers: Vec<String>,
    /// Whether the list says nothing else than those.
    pub whole: bool,
}

impl Scene<'_> {
    /// The variable of the selected frame that `name` means, if it is in a register.
    pub(super) fn kept_variable(&self, name: &str) -> Option<Kept> {
        let view = self.view()?;
        let variables = self.variables()?;
        let variable = variables.iter().rev().find(|one| one.in_scope && &*one.name == name)?;
        let value = self.value_of(variable);
        let Place::Register(_) = value.place else { return None };
        let (numbers, whole) = view.dies()?.registers_of(variable.die)?;
        let mut registers: Vec<String> = numbers.into_iter().map(register_name).collect();
        registers.sort();
        registers.dedup();
        Some(Kept {
            variable: name.to_owned(),
            die: variable.die.offset,
            cfa: view.cfa()?,
            bytes: value.size()?,
            registers,
            whole,
        })
    }

    /// The same variable here, if this is its frame's state and its function is the innermost.
    fn find_kept(&self, kept: &Kept) -> Option<(Self, Variable)> {
        for level in 0..MAX_COPIES {
            let scene = self.at_level(level);
            let view = scene.view()?;
            if !view.is_innermost() || view.cfa() != Some(kept.cfa) {
                return None;
            }
            let variables = scene.variables().unwrap_or_default();
            let own = |one: &&Variable| one.die.offset == kept.die && *one.name == *kept.variable;
            let found = variables.iter().find(own).cloned();
            if let Some(found) = found {
                return Some((scene, found));
            }
        }
        None
    }
}

impl Session {
    /// What `kept` holds at state `state` of its thread, and in which register that is; nothing
    /// where its function is not the innermost, or it is not kept.
    fn kept_at(
        &self,
        (thread, kept): (u32, &Kept),
        state: u64,
    ) -> Result<(Option<String>, Bytes), StateError> {
        let unknown = || vec![None; kept.bytes.min(MAX_BYTES) as usize];
        let scene = self.scene_of(thread, state, 0)?;
        let Some((scene, variable)) = scene.find_kept(kept) else { return Ok((None, unknown())) };
        let value = scene.value_of(&variable);
        let bytes = match value.bytes(&scene).all() {
            Ok(known) => known.iter().map(|byte| Some(*byte)).collect(),
            Err(_) => unknown(),
        };
        let register = match value.place {
            Place::Register(name) => Some(name),
            _ => None,
        };
        Ok((register, bytes))
    }

    /// Whether tracepoint `t`, which writes to one of the registers of `kept`, writes to the one
    /// in which that is kept then.
    pub(super) fn writes_kept(
        &self,
        index: &Index,
        (thread, kept): (u32, &Kept),
        t: u64,
    ) -> Result<bool, StateError> {
        if self.timeline.thread(t)? != thread {
            return Ok(false);
        }
        let (Some(register), _) = self.kept_at((thread, kept), t.saturating_add(1))? else {
            return Ok(false);
        };
        let mut writes = false;
        let bits = Subject::bits_of(&register);
        let visit = &mut |_| {
            writes = true;
            ControlFlow::Break(())
        };
        index.register_writes(&self.timeline, bits, t..t + 1, Direction::Forward, visit)?;
        Ok(writes)
    }

    /// What `kept` holds before and after a tracepoint.
    pub(super) fn kept_values(
        &self,
        of: (u32, &Kept),
        t: u64,
    ) -> Result<(Bytes, Bytes), StateError> {
        self.interrupt.check()?;
        Ok((self.kept_at(of, t)?.1, self.kept_at(of, t.saturating_add(1))?.1))
    }
}
