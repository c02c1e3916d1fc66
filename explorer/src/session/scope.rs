//! Watchpoints of local variables end with the frame of the variable, in both directions.

use super::breakpoint::Scope;
use super::outside::MAX_FRAMES;
use super::{Frames, Session, Stop, Subject};
use crate::symbols::CodeAddr;
use crate::symbols::location::Frame;
use crate::symbols::unwind::{FrameRegisters, Method};
use crate::timeline::{Direction, StateError};
use crate::values::Place;

/// Bytes below the stack pointer that a function may use (System V ABI, 3.2.2).
pub(super) const RED_ZONE: u64 = 128;

/// A frame that a place in the stack belongs to.
pub(super) struct Owner {
    /// Where execution is in it.
    pub pc: CodeAddr,
    /// Where it ends (its canonical frame address).
    pub cfa: u64,
}

impl Session {
    /// How long what `expression` means at the cursor is there, if it is a local variable or a
    /// part of one, or one of a module in whose place there is something else at other times.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn scope(&self, expression: &str, subject: &Subject) -> Result<Option<Scope>, StateError> {
        if !self.names_a_local(expression)? {
            return self.loaded(expression, subject);
        }
        let thread = self.thread()?;
        let frames = Frames::walk(self, thread, self.cursor, MAX_FRAMES)?;
        let base = match subject {
            Subject::Register { .. } => frames.level(self.selected).and_then(|view| view.cfa()),
            Subject::Variable(kept) => Some(kept.cfa),
            Subject::Memory { address, .. } => owner(&frames, *address).map(|owner| owner.cfa),
        };
        let Some(base) = base else { return Ok(None) };
        let stacks = self.stacks(&frames, base)?;
        let outside = |from: u64, way: Direction| match self.find_above(thread, from, way, base)? {
            Some(found) => self.find_on_stacks((thread, found), way, &stacks),
            None => Ok(None),
        };
        let begin = match outside(self.cursor, Direction::Backward)? {
            None => self.first_of_stack(thread, base)?,
            begin => begin,
        };
        let end = outside(self.position()?, Direction::Forward)?;
        let scope = Scope { begin, end };
        match subject {
            Subject::Variable(_) => Ok(Some(scope)),
            _ => self.in_block(expression, scope, base).map(Some),
        }
    }

    /// The part of a frame's life, around the cursor, in which it does not leave the block of a
    /// variable that `expression` names, if outside of that its place may be another variable's.
    fn in_block(&self, expression: &str, scope: Scope, cfa: u64) -> Result<Scope, StateError> {
        let scene = self.scene()?;
        let Some(view) = scene.view() else { return Ok(scope) };
        let block = names_in(expression).find_map(|name| scene.own_block(scene.named_local(name)?));
        let code = || view.dies()?.code_of(view.function_dies()?.physical);
        let (Some(block), Some(code), Some((_, bias))) = (block, code(), view.module()) else {
            return Ok(scope);
        };
        let thread = Some(self.thread()?);
        let within = |all: &[(u64, u64)], pc: u64| {
            let pc = pc.wrapping_sub(bias);
            all.iter().any(|(start, end)| (*start..*end).contains(&pc))
        };
        let is_outside = |state: u64, pc: u64| {
            let of_function = within(&code, pc) && !within(&block, pc);
            of_function && self.is_in_frame(state, cfa).unwrap_or(true)
        };
        let nearest = |from: u64, way: Direction, last: Option<u64>| {
            let found = self.walk_until(thread, from, way, |state, pc| {
                let beyond = last.is_some_and(|last| match way {
                    Direction::Forward => state >= last,
                    Direction::Backward => state <= last,
                });
                (beyond || is_outside(state, pc)).then_some(beyond)
            })?;
            Ok::<_, StateError>(found.filter(|(_, beyond)| !beyond).map(|(state, _)| state))
        };
        let begin = nearest(self.cursor, Direction::Backward, scope.begin)?;
        let end = nearest(self.position()?, Direction::Forward, scope.end)?;
        Ok(Scope {
            begin: begin.map(|state| state.saturating_add(1)).or(scope.begin),
            end: end.or(scope.end),
        })
    }

    /// Whether the innermost frame at a state is the one that ends at `cfa`.
    pub(super) fn is_in_frame(&self, state: u64, cfa: u64) -> Option<bool> {
        let pc = self.timeline.pc(state).ok()?;
        let (symbols, bias) = self.locator.module_at(&self.timeline, state, pc)?;
        let registers = FrameRegisters::of(&self.timeline.registers(state).ok()?);
        let mut memory = |address, buffer: &mut [u8]| self.timeline.read(state, address, buffer);
        let pc = CodeAddr::Pc(pc);
        let found = symbols.canonical_frame_address(pc, bias, &registers, &mut memory)?;
        Some(found == cfa)
    }

    /// Of the outermost frame of a stack that nobody used before, which ends at `base`: the state
    /// before it is entered, without a call, as makecontext(3) and clone(2) have it.
    fn first_of_stack(&self, thread: u32, base: u64) -> Result<Option<u64>, StateError> {
        let Some(entry) = base.checked_sub(8) else { return Ok(None) };
        let first = self.find_on_stack(thread, 0, Direction::Forward, entry..=entry)?;
        let first = first.filter(|first| *first <= self.cursor);
        Ok(first.and_then(|first| self.timeline.predecessor(thread, first)))
    }

    /// The same of what is kept where `expression` names it: `&x` is about the place of `x` at
    /// all times.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn life(&self, expression: &str, subject: &Subject) -> Result<Option<Scope>, StateError> {
        if matches!(subject, Subject::Variable(_)) {
            return self.scope(expression, subject);
        }
        match self.evaluate(expression).map(|value| value.place) {
            Err(_) | Ok(Place::None) => Ok(None),
            Ok(_) => self.scope(expression, subject),
        }
    }

    fn names_a_local(&self, expression: &str) -> Result<bool, StateError> {
        let scene = self.scene()?;
        Ok(names_in(expression).any(|name| scene.named_local(name).is_some()))
    }

    /// The first end of a watched variable's frame on the way to `target`, which may be it.
    pub(super) fn first_scope(&self, target: u64, way: Direction) -> Option<(u64, Stop)> {
        let ends = self.breakpoints.watches().filter_map(|(one, watch)| {
            let state = ended(watch.scope.as_ref()?, self.cursor, target, way)?;
            let expression = one.location.clone();
            Some((state, Stop::Scope { number: one.number, expression }))
        });
        ends.min_by_key(|(state, _)| state.abs_diff(self.cursor))
    }

    /// Deletes the watchpoints of variables whose frames ended on the way from state `from` to
    /// the cursor.
    pub(super) fn end_scopes(&mut self, from: u64, way: Direction) {
        let mut goes = Vec::new();
        for (one, watch) in self.breakpoints.watches() {
            let gone =
                watch.scope.is_some_and(|scope| ended(&scope, from, self.cursor, way).is_some());
            if gone {
                goes.push((one.number, one.location.clone()));
            }
        }
        for (number, expression) in goes {
            self.breakpoints.delete(Some(&[number]));
            let stop = Stop::Scope { number, expression };
            if self.stop != stop {
                self.faults.push(stop.to_string());
            }
        }
    }
}

/// The state on the way from `from` to `to` in which a frame ends.
fn ended(scope: &Scope, from: u64, to: u64, way: Direction) -> Option<u64> {
    match way {
        Direction::Forward => scope.end.filter(|end| from < *end && *end <= to),
        Direction::Backward => scope.begin.filter(|begin| to <= *begin && *begin < from),
    }
}

/// The names in an expression that may be variables': not those of registers and members.
pub(super) fn names_in(expression: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |c: char| c.is_alphanumeric() || "_$".contains(c);
    let mut rest = expression;
    let names = std::iter::from_fn(move || {
        let start = rest.find(is_of_name)?;
        let (before, name) = rest.split_at(start);
        let (name, behind) = name.split_at(name.find(|c| !is_of_name(c)).unwrap_or(name.len()));
        rest = behind;
        let before = before.trim_end();
        Some((name, before.ends_with("->") || before.ends_with('.')))
    });
    let names = names.filter(|(name, is_member)| {
        !is_member && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
    });
    names.map(|(name, _)| name)
}

/// The frame that a place in the stack belongs to: the stacks of frames may be different ones,
/// and other things between them.
pub(super) fn owner(frames: &Frames, address: u64) -> Option<Owner> {
    let mut inner = None;
    frames.walked().with_callers(0).find_map(|(frame, caller)| {
        // What the kernel pushed may end on another stack.
        if caller.is_some_and(|caller| caller.method == Some(Method::SignalFrame)) {
            return None;
        }
        let rsp = frame.registers.rsp().or(inner);
        // What a signal interrupts may use more than its caller sees.
        let is_running = matches!(frame.method, None | Some(Method::SignalFrame));
        let lowest = rsp.map(|rsp| if is_running { rsp.saturating_sub(RED_ZONE) } else { rsp });
        inner = frame.cfa;
        let cfa = frame.cfa?;
        let holds = lowest.is_some_and(|lowest| (lowest..cfa).contains(&address));
        holds.then_some(Owner { pc: frame.pc, cfa })
    })
}

#[cfg(test)]
mod tests {
    use super::names_in;

    #[test]
    fn members_registers_and_numbers_are_no_names() {
        let names: Vec<&str> = names_in("p->x + (*head) . v[$rax] + 0x1f + _y2").collect();
        assert_eq!(names, ["p", "head", "_y2"]);
        assert_eq!(names_in("").count(), 0);
    }
}
