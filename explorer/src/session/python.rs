//! Python programs that Cython built: variables of closures and generators, which Cython keeps in
//! structures, and steps, which stop in what the programmer wrote.

use super::index::NEAR;
use super::{Scene, Session, Stop, Target};
use crate::symbols::cython::{SCOPES, is_function, is_source, python_name, structure_of};
use crate::symbols::datatypes::Shape;
use crate::timeline::{Direction, StateError};
use crate::values::{Value, python};
use std::ops::Range;

/// Functions that one is nested in.
const MAX_SCOPES: usize = 32;

impl Scene<'_> {
    /// Variables that the frame's function shares with others, or keeps while it is suspended,
    /// by their names in Python: its own before those of functions further out.
    pub fn closure_variables(&self) -> Vec<(String, Value)> {
        let mut found: Vec<(String, Value)> = Vec::new();
        for scope in self.closures() {
            let of = scope.of.stripped();
            let Shape::Record(record) = of.shape() else { continue };
            for member in &record.members {
                let name = member.name.as_deref().unwrap_or_default();
                let python = python_name(name);
                if python == name || found.iter().any(|(known, _)| known == python) {
                    continue;
                }
                found.extend(scope.member(member, self).map(|value| (python.to_owned(), value)));
            }
        }
        found
    }

    /// One of them.
    pub(super) fn closure_variable(&self, name: &str) -> Option<Value> {
        self.closure_variables().into_iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The structures that there are in the frame.
    fn closures(&self) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        let variables = self.variables().unwrap_or_default();
        let own = |name: &&str| variables.iter().find(|v| v.is_visible() && &*v.name == *name);
        for variable in SCOPES.iter().filter_map(own) {
            let mut next = self.value_of(variable).pointee(self);
            // Before it is made, its pointer is null, or whatever was there.
            while let Some(scope) = next.filter(|scope| self.is_alive(scope)) {
                if found.len() >= MAX_SCOPES {
                    return found;
                }
                let outer = scope.member_named(SCOPES[1], self);
                next = outer.and_then(|outer| outer.pointee(self));
                found.push(scope);
            }
        }
        found
    }

    /// Whether an object of its type is where a structure of Cython's is.
    fn is_alive(&self, structure: &Value) -> bool {
        let class = structure.address().and_then(|address| python::class_name(address, self));
        let of = structure.of.stripped();
        let Shape::Record(record) = of.shape() else { return false };
        let own = class.and_then(|class| structure_of(&class));
        own.is_some() && own.as_deref() == record.name.as_deref()
    }
}

impl Session {
    /// The module of the code at the cursor, if that is of a line of a Python program's.
    pub(super) fn python_module(&self) -> Option<u32> {
        let file = self.place().ok()?.file.filter(|file| is_source(file));
        self.module_at(self.cursor, file.and_then(|_| self.pc().ok())?)
    }

    /// Where a step from a Python line into calls ends that ends at `found` otherwise: where a
    /// function of the Python module begins before, whoever calls it.
    pub(super) fn python_entered(
        &self,
        found: Option<(u64, Stop)>,
    ) -> Result<Option<(u64, Stop)>, StateError> {
        let end = found.as_ref().map_or(self.timeline.end(), |(state, _)| *state);
        let (bodies, thread) = (self.python_bodies()?, self.timeline.thread(self.cursor)?);
        let times = self.cursor.saturating_add(1)..end;
        let entered = match self.few_chunks(&times)? {
            Some(chunks) => self.executed_by(thread, chunks, &times, &bodies)?,
            None => {
                let target = |address: &u64| Target { address: *address, ..Target::default() };
                let targets: Vec<Target> = bodies.iter().map(target).collect();
                let way = (times, Direction::Forward);
                let own = &mut |t: u64| Ok(self.timeline.thread(t)? == thread);
                self.executed_that(&targets, way, 1, own)?.first().copied()
            }
        };
        Ok(entered.map(|state| (state, Stop::Step)).or(found))
    }

    /// The first of `times`, which are in `chunks`, at which a thread executes one of `pcs`.
    fn executed_by(
        &self,
        thread: u32,
        chunks: Range<usize>,
        times: &Range<u64>,
        pcs: &[u64],
    ) -> Result<Option<u64>, StateError> {
        for chunk in chunks {
            self.interrupt.check()?;
            for t in self.timeline.find_all_in(chunk, times.clone(), pcs)? {
                if self.timeline.thread(t)? == thread {
                    return Ok(Some(t));
                }
            }
        }
        Ok(None)
    }

    /// The chunks of `times`, if they are so few that looking through them needs no index.
    fn few_chunks(&self, times: &Range<u64>) -> Result<Option<Range<usize>>, StateError> {
        if times.is_empty() {
            return Ok(Some(0..0));
        }
        let (first, last) =
            (self.timeline.chunk_at(times.start)?, self.timeline.chunk_at(times.end - 1)?);
        Ok((last.saturating_sub(first) < NEAR).then_some(first..last + 1))
    }

    /// Where the functions of the Python module around the cursor begin, ascending.
    fn python_bodies(&self) -> Result<Vec<u64>, StateError> {
        let module = self.locator.module_at(&self.timeline, self.cursor, self.pc()?);
        let found = module.map_or_else(Vec::new, |(symbols, bias)| {
            let all = symbols.addresses_of_functions(false, is_function).into_iter();
            all.map(|body| body.address.to_runtime(bias)).collect()
        });
        // They are sorted by address.
        Ok(found)
    }
}
