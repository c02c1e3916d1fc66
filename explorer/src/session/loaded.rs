//! Which module is where its variables are: others may be loaded there at other times, after
//! dlclose(3), munmap(2) or execve(2).

use super::breakpoint::Scope;
use super::{Session, Subject};
use crate::symbols::{ModuleAddr, ModuleSymbols};
use crate::timeline::{Direction, StateError};
use crate::values::Place;
use rdb_schema::space::Base;
use std::ops::ControlFlow;

/// Most changes of the mapping of one address that are looked at.
const MOST_CHANGES: usize = 4096;

impl Session {
    /// The name of the module of `symbols`, loaded with `bias`, if at `state` something else is
    /// where it has `address`, a variable's with static storage.
    pub(super) fn displaced(
        &self,
        state: u64,
        (symbols, bias): (&ModuleSymbols, u64),
        address: u64,
    ) -> Option<String> {
        // Else it is somewhere that the module only points to.
        symbols.layout().segment_at(ModuleAddr::of_runtime(address, bias).0)?;
        let space = self.space_at(state).ok()?;
        space.find(address)?;
        let is_there = match self.found_at(state, address) {
            Some(found) => std::ptr::eq(found.symbols, symbols),
            None => space.iter().any(|mapping| self.is_of(mapping.base, symbols)),
        };
        let path = symbols.path();
        (!is_there).then(|| path.rsplit('/').next().unwrap_or(path).to_owned())
    }

    fn is_of(&self, base: Base, symbols: &ModuleSymbols) -> bool {
        let Base::Module(index) = base else { return false };
        let own = self.locator.images().symbols(&self.timeline, index);
        own.is_some_and(|own| std::ptr::eq(own, symbols))
    }

    /// How long the module of a variable with static storage, which `expression` names, is where
    /// it is at the cursor, if anything else is there at other times.
    ///
    /// # Errors
    /// When history cannot be read, or somebody asked to stop.
    pub(super) fn loaded(
        &self,
        expression: &str,
        subject: &Subject,
    ) -> Result<Option<Scope>, StateError> {
        let Some(address) = subject.addresses().map(|addresses| addresses.start) else {
            return Ok(None);
        };
        let Some(found) = self.found_at(self.cursor, address) else { return Ok(None) };
        if !self.names_a_variable_of(expression, found.symbols) {
            return Ok(None);
        }
        let holds = |state: u64| {
            let now = self.found_at(state, address);
            now.is_some_and(|now| std::ptr::eq(now.symbols, found.symbols))
        };
        // The program's own, mostly: only execve(2) takes it away.
        if holds(0) && holds(self.timeline.end()) {
            return Ok(None);
        }
        let changes = self.mapping_changes(address)?;
        let (before, behind) = changes.split_at(changes.partition_point(|s| *s <= self.cursor));
        let is_mapped = |state: &u64| {
            self.timeline.shared_space(*state).is_ok_and(|space| space.find(address).is_some())
        };
        // A change shows in the state behind its tracepoint.
        let begin = before.iter().rev().find(|state| !holds(state.saturating_sub(1)));
        let end = behind.iter().find(|state| !holds(**state));
        let earlier = |begin: &&u64| {
            let states = before.iter().take_while(|state| state < begin);
            std::iter::once(&0).chain(states).any(is_mapped)
        };
        let later = |end: &&u64| behind.iter().skip_while(|state| state < end).any(is_mapped);
        let begin = begin.filter(earlier).map(|state| state.saturating_sub(1));
        let end = end.filter(later).copied();
        Ok((begin.is_some() || end.is_some()).then_some(Scope { begin, end }))
    }

    /// Whether an expression names a variable with static storage of a module.
    fn names_a_variable_of(&self, expression: &str, symbols: &ModuleSymbols) -> bool {
        super::scope::names_in(expression).any(|name| {
            let Ok(Place::Memory(address)) = self.evaluate(name).map(|value| value.place) else {
                return false;
            };
            let found = self.found_at(self.cursor, address);
            found.is_some_and(|found| std::ptr::eq(found.symbols, symbols))
        })
    }

    /// The states in which the mapping of an address has changed.
    fn mapping_changes(&self, address: u64) -> Result<Vec<u64>, StateError> {
        let (mut states, mut interrupted) = (Vec::new(), false);
        self.timeline.events(0..self.timeline.end(), Direction::Forward, &mut |event| {
            interrupted = self.interrupt.raised();
            if event.mappings.iter().any(|change| change.range().contains(&address)) {
                states.push(event.tracepoint + 1);
            }
            match interrupted || states.len() > MOST_CHANGES {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        if interrupted { Err(StateError::Interrupted) } else { Ok(states) }
    }
}
