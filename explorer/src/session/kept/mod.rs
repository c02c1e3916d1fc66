//! Local variables whose place changes with the code that runs (location lists: DWARF 5, 2.6.2):
//! registers and memory are theirs only there; and those of blocks of optimised functions, whose
//! places are others' outside of the blocks.

mod writes;

use super::subject::Subject;
use super::value::{Bytes, unknown};
use super::{Scene, Session};
use crate::symbols::Variable;
use crate::symbols::location::{Frame, Listed};
use crate::symbols::unwind::register_name;
use crate::timeline::{Direction, StateError};
use crate::values::Place;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Frames further in that are looked through for a variable's, while what it calls runs.
const MAX_FRAMES: usize = 64;

/// The largest variables that are followed so; larger ones do not move.
const MAX_BYTES: u64 = 4096;

/// States that are looked through for where a variable was last.
const MAX_GAP: usize = 1024;

/// A local variable that is kept in several places, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name.
    pub variable: String,
    /// Whose stack its frame is on.
    pub thread: u32,
    /// Where its DIE is in `.debug_info`.
    die: usize,
    /// The canonical address of its frame.
    pub(super) cfa: u64,
    /// How large it is, bytes.
    bytes: u64,
    /// The registers that its location list names.
    pub registers: Vec<String>,
    /// The registers that the list computes it of.
    inputs: Vec<String>,
    /// The registers by which the list finds it in memory.
    #[serde(default)]
    pub bases: Vec<String>,
    /// Whether the list finds it in memory at addresses that may differ from state to state.
    #[serde(default)]
    indirect: bool,
    /// The addresses that the list names.
    pub memory: Vec<u64>,
    /// Its ranges, in order, and the register that it is in there, if it is in one, as
    /// [`Subject::bits_of`] gives it.
    ranges: Vec<(Range<u64>, Option<u64>)>,
    /// The code of its function.
    code: Vec<(u64, u64)>,
    /// Whether the list names registers and addresses only, and does not compute.
    pub whole: bool,
    /// Whether it is nowhere outside of its block, wherever it is there.
    #[serde(default)]
    pub(super) in_block: bool,
}

/// Where a variable is in a state, and what it holds; bytes that are not known if it is nowhere.
struct Held {
    place: Place,
    bytes: Bytes,
    /// Whether its function is the innermost.
    innermost: bool,
}

impl Held {
    /// Whether all of its bytes are known.
    fn is_known(&self) -> bool {
        self.bytes.iter().all(Option::is_some)
    }
}

impl Kept {
    /// Whether it is one that a session could give.
    pub fn is_possible(&self) -> bool {
        (1..=MAX_BYTES).contains(&self.bytes)
    }

    /// Where in the code the list's ranges begin, ascending; and what is behind those that hold
    /// where they begin only.
    fn borders(&self) -> Vec<u64> {
        let empty = |range: &Range<u64>| range.is_empty().then_some(range.start.wrapping_add(1));
        let borders = self.ranges.iter().flat_map(|(range, _)| [Some(range.start), empty(range)]);
        let mut borders: Vec<u64> = borders.flatten().collect();
        borders.sort_unstable();
        borders.dedup();
        borders
    }

    /// Which of the list's `borders` a pc of its function is at or behind, and whether it is at one.
    fn part_of(&self, borders: &[u64], pc: u64) -> Option<(usize, bool)> {
        let number = borders.partition_point(|border| *border <= pc);
        let begins = number.checked_sub(1).is_some_and(|last| borders.get(last) == Some(&pc));
        self.has_code(pc).then_some((number, begins))
    }

    /// The bits of the register that it is in at a pc, if it is in one.
    fn register_at(&self, pc: u64) -> Option<u64> {
        let holds = |range: &Range<u64>| range.contains(&pc) || *range == (pc..pc);
        self.ranges.iter().find(|(range, _)| holds(range)).filter(|(range, _)| !range.is_empty())?.1
    }

    /// Whether it has a place at a pc.
    fn is_placed(&self, pc: u64) -> bool {
        self.ranges.iter().any(|(range, _)| range.contains(&pc))
    }

    fn has_code(&self, pc: u64) -> bool {
        self.code.iter().any(|(start, end)| (*start..*end).contains(&pc))
    }
}

impl Scene<'_> {
    /// The variable of the selected frame that `name` means, if its place changes. A reference is
    /// what it refers to, wherever itself is.
    pub(super) fn kept_variable(&self, name: &str) -> Option<(Kept, Variable)> {
        let view = self.view()?;
        let variable = self.named_local(name)?.clone();
        let value = self.value_of(&variable);
        if value.of.is_reference() {
            return None;
        }
        let dies = view.dies()?;
        let (symbols, bias) = view.module()?;
        let bytes = value.size()?;
        let mut kept = Kept {
            variable: variable.name.to_string(),
            thread: self.frames.thread(),
            die: variable.die.offset,
            cfa: view.cfa()?,
            bytes,
            registers: Vec::new(),
            inputs: Vec::new(),
            bases: Vec::new(),
            indirect: false,
            memory: Vec::new(),
            ranges: Vec::new(),
            code: symbols.dies().code_of(view.function_dies()?.physical)?,
            whole: true,
            in_block: false,
        };
        for (start, end) in &mut kept.code {
            (*start, *end) = (start.wrapping_add(bias), end.wrapping_add(bias));
        }
        let listed = dies.listed_places(variable.die, &view);
        let listed = listed.or_else(|| {
            kept.in_block = true;
            self.places_in_block(&variable)
        });
        for (range, place) in listed? {
            let range = range.start.wrapping_add(bias)..range.end.wrapping_add(bias);
            let mut register = None;
            match place {
                Listed::Register(number) => register = Some(register_name(number)),
                Listed::Memory(address) => kept.memory.push(address),
                Listed::Computed(of) => kept.inputs.extend(of.into_iter().map(register_name)),
                Listed::Indirect { registers, whole } => {
                    kept.indirect = true;
                    kept.whole &= whole;
                    kept.bases.extend(registers.into_iter().map(register_name));
                }
                Listed::Other => kept.whole = false,
            }
            kept.ranges.push((range, register.as_deref().map(Subject::bits_of)));
            kept.registers.extend(register);
        }
        kept.registers.sort();
        kept.registers.dedup();
        kept.bases.sort();
        kept.bases.dedup();
        kept.memory.sort_unstable();
        kept.memory.dedup();
        kept.is_possible().then_some((kept, variable))
    }

    /// The code of the block that a variable of the selected frame is in, if its place may be
    /// another variable's outside of that.
    pub(super) fn own_block(&self, variable: &Variable) -> Option<Vec<(u64, u64)>> {
        let view = self.view()?;
        let (dies, function) = (view.dies()?, view.function_dies()?);
        if function.own == function.physical && !dies.tells_calls(function.physical) {
            return None;
        }
        let block = dies.block_of(function.own, variable.die)?;
        (block != dies.code_of(function.physical)?).then_some(block)
    }

    /// Its place in that code.
    fn places_in_block(&self, variable: &Variable) -> Option<Vec<(Range<u64>, Listed)>> {
        let block = self.own_block(variable)?;
        let view = self.view()?;
        let place = view.dies()?.only_place(variable.die, &view)?;
        let at = |(start, end): (u64, u64)| (start..end, place.clone());
        (place != Listed::Other).then(|| block.into_iter().map(at).collect())
    }

    /// Where the variable is here, seen from its frame.
    fn held(&self, kept: &Kept) -> Option<Held> {
        for level in 0..MAX_FRAMES {
            let scene = self.at_level(level);
            let view = scene.view()?;
            let innermost = view.is_innermost();
            if view.cfa() != Some(kept.cfa) {
                continue;
            }
            let variables = scene.variables().unwrap_or_default();
            let own = |one: &&Variable| {
                let is_it = one.die.offset == kept.die && *one.name == *kept.variable;
                is_it && (one.in_scope || !kept.in_block)
            };
            let Some(variable) = variables.iter().find(own) else { continue };
            let value = scene.value_of(variable);
            let bytes = value.bytes(&scene);
            let known = bytes.all().ok()?.iter().map(|byte| Some(*byte)).collect();
            return Some(Held { place: value.place, bytes: known, innermost });
        }
        None
    }
}

impl Session {
    /// What is known of a variable at a state; while functions further in run only if `deep`.
    fn kept_at(&self, kept: &Kept, state: u64, deep: bool) -> Result<Held, StateError> {
        self.interrupt.check()?;
        // The caller of the innermost function is in sight at once.
        for levels in [0, MAX_FRAMES].into_iter().take(1 + usize::from(deep)) {
            if let Some(held) = self.scene_of(kept.thread, state, levels)?.held(kept) {
                return Ok(held);
            }
        }
        let bytes = unknown(kept.bytes.min(MAX_BYTES) as usize);
        Ok(Held { place: Place::None, bytes, innermost: false })
    }

    /// Where a variable is, and what it holds, before and after a tracepoint; before, where it was
    /// last, if it was nowhere for a few instructions and is known again. While functions further
    /// in run only if `deep`.
    fn kept_around(&self, kept: &Kept, t: u64, deep: bool) -> Result<(Held, Held), StateError> {
        let before = self.kept_at(kept, t, deep)?;
        let after = self.kept_at(kept, t.saturating_add(1), deep)?;
        let is_back = before.place == Place::None && !before.is_known() && after.is_known();
        let last = if is_back { self.held_last(kept, t)? } else { None };
        Ok((last.unwrap_or(before), after))
    }

    /// What a variable holds before and after a tracepoint.
    pub(super) fn kept_values(&self, kept: &Kept, t: u64) -> Result<(Bytes, Bytes), StateError> {
        let (before, after) = self.kept_around(kept, t, true)?;
        Ok((before.bytes, after.bytes))
    }

    /// Where a variable was last before state `t`, in which it is nowhere, and what it held, if
    /// that was near, in the same frame.
    fn held_last(&self, kept: &Kept, t: u64) -> Result<Option<Held>, StateError> {
        if kept.in_block {
            return Ok(None);
        }
        let entered = self.find_above(kept.thread, t, Direction::Backward, kept.cfa)?;
        let mut left = MAX_GAP;
        let last = self.walk_until(Some(kept.thread), t, Direction::Backward, |state, pc| {
            left = left.saturating_sub(1);
            if left == 0 || entered.is_some_and(|entered| state <= entered) {
                return Some(false);
            }
            let here = kept.is_placed(pc) && self.is_in_frame(state, kept.cfa) == Some(true);
            here.then_some(true)
        })?;
        let Some((state, true)) = last else { return Ok(None) };
        self.kept_at(kept, state, false).map(Some)
    }
}
