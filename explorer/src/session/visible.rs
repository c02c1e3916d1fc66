//! Which names an expression may use at a place of the program, whatever the state: what a
//! condition is checked for before history comes there.

use super::breakpoint::{Breakpoint, Target};
use super::statics::Unit;
use super::{Scene, Session};
use crate::expression::{self, ExpressionError, Fault, Parsed};
use crate::symbols::cython::{SCOPES, cython_name};
use crate::symbols::datatypes::{Shape, Type};
use crate::symbols::{DeclaredKind, ModuleAddr, ModuleSymbols};
use std::sync::Arc;

/// Places of a breakpoint that are looked at.
const MAX_PLACES: usize = 64;

/// Inlined copies around an address.
const MAX_LEVELS: usize = 64;

/// Nesting of base classes and of members without a name.
const MAX_DEPTH: u32 = 32;

/// Names of one place; a malformed record may contain itself, twice.
const MAX_NAMES: usize = 100_000;

/// Where an expression will be evaluated.
#[derive(Clone, Copy, Debug)]
pub enum CheckedAt<'a> {
    /// At one of these.
    At(&'a [Target]),
    /// Anywhere: a watchpoint's condition.
    Anywhere,
}

impl Session {
    /// Whether an expression may have a value at one of some places.
    ///
    /// # Errors
    /// It makes no sense anywhere, or uses a name that none of the places knows.
    pub fn check_expression(
        &self,
        text: &str,
        places: CheckedAt<'_>,
    ) -> Result<(), ExpressionError> {
        if let Err(error) = self.evaluate(text)
            && error.is_syntax()
        {
            return Err(error);
        }
        let scene = self.scene().map_err(|error| super::state_fault(text, &error))?;
        let parsed = Parsed::new(text, &scene)?;
        let visible = self.visible_at(places);
        let knows = |name: &str| match &visible {
            Some(known) => {
                known.has(name)
                    || scene.is_global_in(name, &known.units)
                    || expression::names_member(name, &scene)
            }
            None => {
                let of_some_unit = || scene.kept_by_others(name).is_some();
                scene.is_global_in(name, &[])
                    || scene.is_some_local(name)
                    || of_some_unit()
                    || expression::names_member(name, &scene)
            }
        };
        let in_scope = visible.as_ref().map_or(&[][..], |known| &known.names);
        let unknown = |name: &str| match scene.meant_elsewhere(name, Fault::NotVisible) {
            Some(fault) => fault,
            None => scene.unknown_symbol(name, in_scope),
        };
        parsed.check_names(&knows, &unknown)
    }

    /// The same for a breakpoint that there is.
    pub(super) fn check_for(
        &self,
        text: &str,
        breakpoint: Option<&Breakpoint>,
    ) -> Result<(), ExpressionError> {
        let targets = breakpoint.map(|breakpoint| breakpoint.targets.as_slice());
        let places = targets.filter(|targets| !targets.is_empty());
        self.check_expression(text, places.map_or(CheckedAt::Anywhere, CheckedAt::At))
    }

    /// The names in scope at some places; `None` if they may be any.
    fn visible_at(&self, places: CheckedAt<'_>) -> Option<Visible<'_>> {
        let CheckedAt::At(targets) = places else { return None };
        let mut found = Visible::default();
        for target in targets.iter().take(MAX_PLACES) {
            let images = self.locator.images();
            let image = match target.module {
                Some(index) => {
                    let bias = images.biases(&self.timeline, index).first().copied();
                    images.symbols(&self.timeline, index).zip(bias)
                }
                None => self.locator.module_at(&self.timeline, self.cursor, target.address),
            };
            // Of code that is in no module nothing is known.
            let (symbols, bias) = image?;
            found.add(symbols, ModuleAddr::of_runtime(target.address, bias));
        }
        (targets.len() <= MAX_PLACES).then_some(found)
    }
}

/// Names in scope.
#[derive(Default)]
struct Visible<'s> {
    names: Vec<Arc<str>>,
    /// The units of the functions at the places.
    units: Vec<Unit<'s>>,
    /// Whether a record of which only the name is known may have more.
    open: bool,
}

impl<'s> Visible<'s> {
    fn has(&self, name: &str) -> bool {
        let cython = cython_name(name);
        self.open || self.names.iter().any(|own| **own == *name || **own == *cython)
    }

    /// Adds what is in scope at an address, of the innermost source frame there and those it is
    /// inlined in: variables, and members of what a method is called for.
    fn add(&mut self, symbols: &'s ModuleSymbols, address: ModuleAddr) {
        let function = symbols.function_dies(address, 0).map(|function| function.own);
        self.units.extend(function.map(|function| Unit { symbols, function, address }));
        let levels = (0..MAX_LEVELS).map_while(|level| symbols.function_dies(address, level));
        let all = levels.flat_map(|function| symbols.dies().variables(function.own, address));
        for variable in all.filter(|variable| variable.is_visible()) {
            if &*variable.name == "this"
                && let Some(object) = symbols.dies().type_of(variable.die).target()
            {
                self.add_members(&object, 0);
            }
            if SCOPES.contains(&&*variable.name) {
                self.add_closures(symbols.dies().type_of(variable.die));
            }
            self.names.push(variable.name);
        }
    }

    /// Adds what a pointer to a structure of Cython's, for closures, leads to.
    fn add_closures(&mut self, pointer: Type) {
        let mut next = pointer.target();
        for _ in 0..MAX_LEVELS {
            let Some(scope) = next else { break };
            self.add_members(&scope, 0);
            let scope = scope.stripped();
            let Shape::Record(record) = scope.shape() else { break };
            let outer = record.members.iter().find(|one| one.name.as_deref() == Some(SCOPES[1]));
            next = outer.and_then(|outer| scope.follow(&outer.of).target());
        }
    }

    /// Adds the members of a record: its own, of its bases, and of members without a name.
    fn add_members(&mut self, of: &Type, depth: u32) {
        let stripped = of.stripped();
        let Shape::Record(record) = stripped.shape() else { return };
        self.open |= record.declaration || depth > MAX_DEPTH || self.names.len() > MAX_NAMES;
        if self.open {
            return;
        }
        self.names.extend(record.statics.iter().map(|one| one.name.clone()));
        for member in &record.members {
            match &member.name {
                Some(name) if !member.base => self.names.push(name.clone()),
                _ => self.add_members(&stripped.follow(&member.of), depth + 1),
            }
        }
    }
}

impl Scene<'_> {
    /// Whether a name is one of some function's variables: it may be alive elsewhere.
    fn is_some_local(&self, name: &str) -> bool {
        let names = [name.to_owned(), cython_name(name).to_string()];
        self.modules().into_iter().any(|(symbols, _)| {
            let declared = symbols.dies().declared();
            names.iter().any(|name| {
                declared.locals_named(name).next().is_some()
                    || !declared.find(DeclaredKind::Local, name).is_empty()
            })
        })
    }
}
