//! Local variables whose place changes with the code that runs (location lists: DWARF 5, 2.6.2):
//! registers and memory are theirs only there.

use super::subject::Subject;
use super::value::Bytes;
use super::{Scene, Session};
use crate::index::{Index, IndexError};
use crate::symbols::Variable;
use crate::symbols::location::{Frame, Listed};
use crate::symbols::unwind::register_name;
use crate::timeline::{Direction, StateError};
use crate::values::Place;
use serde::{Deserialize, Serialize};
use std::ops::{ControlFlow, Range};

/// Frames further in that are looked through for a variable's, while what it calls runs.
const MAX_FRAMES: usize = 64;

/// The largest variables that are followed so; larger ones do not move.
const MAX_BYTES: u64 = 64;

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
    /// The addresses that the list names.
    pub memory: Vec<u64>,
    /// Where in the code the list's ranges begin, ascending.
    borders: Vec<u64>,
    /// The code of its function.
    code: Vec<(u64, u64)>,
    /// Whether the list names registers and addresses only, and does not compute.
    pub whole: bool,
}

/// Where a variable is in a state, and what it holds; bytes that are not known if it is nowhere.
struct Held {
    place: Place,
    bytes: Bytes,
    /// Whether its function is the innermost.
    innermost: bool,
}

impl Kept {
    /// Whether it is one that a session could give.
    pub fn is_possible(&self) -> bool {
        (1..=MAX_BYTES).contains(&self.bytes)
    }

    /// Which of the list's ranges a pc of its function is in or behind, and whether it begins there.
    fn part_of(&self, pc: u64) -> Option<(usize, bool)> {
        let number = self.borders.partition_point(|border| *border <= pc);
        let begins = number.checked_sub(1).is_some_and(|last| self.borders.get(last) == Some(&pc));
        self.has_code(pc).then_some((number, begins))
    }

    fn has_code(&self, pc: u64) -> bool {
        self.code.iter().any(|(start, end)| (*start..*end).contains(&pc))
    }
}

impl Scene<'_> {
    /// The variable of the selected frame that `name` means, if its place changes.
    pub(super) fn kept_variable(&self, name: &str) -> Option<(Kept, Variable)> {
        let view = self.view()?;
        let variables = self.variables()?;
        let named = || variables.iter().rev().filter(|one| &*one.name == name);
        let variable = named().find(|one| one.in_scope && !one.hidden)?.clone();
        let dies = view.dies()?;
        let (symbols, bias) = view.module()?;
        let bytes = self.value_of(&variable).size()?;
        let mut kept = Kept {
            variable: name.to_owned(),
            thread: self.frames.thread(),
            die: variable.die.offset,
            cfa: view.cfa()?,
            bytes,
            registers: Vec::new(),
            inputs: Vec::new(),
            memory: Vec::new(),
            borders: Vec::new(),
            code: symbols.dies().code_of(view.function_dies()?.physical)?,
            whole: true,
        };
        for (start, end) in &mut kept.code {
            (*start, *end) = (start.wrapping_add(bias), end.wrapping_add(bias));
        }
        for (start, place) in dies.listed_places(variable.die, &view)? {
            kept.borders.push(start.wrapping_add(bias));
            match place {
                Listed::Register(number) => kept.registers.push(register_name(number)),
                Listed::Memory(address) => kept.memory.push(address),
                Listed::Computed(of) => kept.inputs.extend(of.into_iter().map(register_name)),
                Listed::Other => kept.whole = false,
            }
        }
        kept.registers.sort();
        kept.registers.dedup();
        for addresses in [&mut kept.memory, &mut kept.borders] {
            addresses.sort_unstable();
            addresses.dedup();
        }
        kept.is_possible().then_some((kept, variable))
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
            let own = |one: &&Variable| one.die.offset == kept.die && *one.name == *kept.variable;
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
        let bytes = vec![None; kept.bytes.min(MAX_BYTES) as usize];
        Ok(Held { place: Place::None, bytes, innermost: false })
    }

    /// What a variable holds before and after a tracepoint.
    pub(super) fn kept_values(&self, kept: &Kept, t: u64) -> Result<(Bytes, Bytes), StateError> {
        let held = |state| Ok::<_, StateError>(self.kept_at(kept, state, true)?.bytes);
        Ok((held(t)?, held(t.saturating_add(1))?))
    }

    /// Calls `take` with the tracepoints of `times` that write to a variable where it is then,
    /// or after which it is elsewhere and holds something else, in `direction`, until it breaks.
    pub(super) fn kept_writes(
        &self,
        index: &Index,
        kept: &Kept,
        (times, direction): (Range<u64>, Direction),
        take: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        if times.is_empty() {
            return Ok(());
        }
        let timeline = &self.timeline;
        let mut chunks: Vec<usize> =
            (timeline.chunk_at(times.start)?..timeline.chunk_at(times.end - 1)? + 1).collect();
        if direction == Direction::Backward {
            chunks.reverse();
        }
        for chunk in chunks {
            self.interrupt.check()?;
            let Some(place) = timeline.chunk_places().get(chunk) else { continue };
            let part = place.first.max(times.start)..place.end().min(times.end);
            let mut candidates = self.kept_candidates(index, kept, chunk, part)?;
            if direction == Direction::Backward {
                candidates.reverse();
            }
            for (t, stores) in candidates {
                if self.changes_kept(index, kept, (t, stores))? && take(t).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The tracepoints of a part of a chunk that may change a variable, in order; and whether each
    /// stores to one of its addresses, which other functions do as well.
    fn kept_candidates(
        &self,
        index: &Index,
        kept: &Kept,
        chunk: usize,
        times: Range<u64>,
    ) -> Result<Vec<(u64, bool)>, IndexError> {
        let timeline = &self.timeline;
        if times.is_empty() || timeline.thread(times.start)? != kept.thread {
            return Ok(Vec::new());
        }
        let mut written = Vec::new();
        let registers = kept.registers.iter().chain(&kept.inputs);
        let bits = registers.fold(0, |all, name| all | Subject::bits_of(name));
        if bits != 0 {
            index.register_writes(timeline, bits, times.clone(), Direction::Forward, &mut |t| {
                written.push(t);
                ControlFlow::Continue(())
            })?;
        }
        let mut all = Vec::new();
        for t in written {
            if kept.has_code(timeline.pc(t)?) {
                all.push((t, false));
            }
        }
        for address in &kept.memory {
            let addresses = *address..address.saturating_add(kept.bytes);
            index.writes(timeline, addresses, times.clone(), Direction::Forward, &mut |write| {
                all.push((write.tracepoint, true));
                ControlFlow::Continue(())
            })?;
        }
        for state in timeline.find_entered(chunk, times.clone(), &|pc| kept.part_of(pc))? {
            all.extend(timeline.predecessor(kept.thread, state).map(|t| (t, false)));
        }
        // What comes behind the chunk is entered by its last.
        let last = times.end - 1;
        if let Some(next) = timeline.successor(last)
            && kept.has_code(timeline.pc(next)?)
        {
            all.push((last, false));
        }
        all.retain(|(t, _)| times.contains(t));
        all.sort_unstable_by_key(|(t, stores)| (*t, !stores));
        all.dedup_by_key(|(t, _)| *t);
        Ok(all)
    }

    /// Whether tracepoint `t` writes to a variable where it is then, or it is elsewhere then and
    /// holds something else.
    fn changes_kept(
        &self,
        index: &Index,
        kept: &Kept,
        (t, stores): (u64, bool),
    ) -> Result<bool, IndexError> {
        let after = self.kept_at(kept, t.saturating_add(1), stores)?;
        let before = self.kept_at(kept, t, stores)?;
        let known = |held: &Held| held.bytes.iter().all(Option::is_some);
        if known(&before) && known(&after) && before.bytes != after.bytes {
            return Ok(true);
        }
        let mut writes = false;
        let (timeline, here) = (&self.timeline, t..t.saturating_add(1));
        match after.place.clone() {
            Place::Register(name) if before.innermost || after.innermost => {
                let bits = Subject::bits_of(&name);
                index.register_writes(timeline, bits, here, Direction::Forward, &mut |_| {
                    writes = true;
                    ControlFlow::Break(())
                })?;
            }
            Place::Memory(address) => {
                let addresses = address..address.saturating_add(kept.bytes);
                index.writes(timeline, addresses, here, Direction::Forward, &mut |_| {
                    writes = true;
                    ControlFlow::Break(())
                })?;
            }
            _ => {}
        }
        Ok(writes && (kept.has_code(timeline.pc(t)?) || matches!(after.place, Place::Memory(_))))
    }
}
