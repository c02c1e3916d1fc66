//! Which names an expression may use at a place of the program, whatever the state: what a
//! condition is checked for before history comes there.

use super::breakpoint::{Breakpoint, Target};
use super::{Scene, Session};
use crate::expression::{ExpressionError, Fault, Parsed};
use crate::symbols::cython::cython_name;
use crate::symbols::{DeclaredKind, ModuleAddr, ModuleSymbols, Variable};

/// Places of a breakpoint that are looked at.
const MAX_PLACES: usize = 64;

/// Inlined copies around an address.
const MAX_LEVELS: usize = 64;

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
        let variables = self.variables_at(places);
        let knows = |name: &str| match &variables {
            Some(known) => {
                let own = |one: &Variable| *one.name == *name || *one.name == *cython_name(name);
                known.iter().any(|one| own(one) || &*one.name == "this") || scene.is_global(name)
            }
            None => scene.is_global(name) || scene.is_some_local(name),
        };
        let unknown = |name: &str| match scene.elsewhere(name) {
            Some(place) => Fault::NotVisible(name.to_owned(), place),
            None => scene.unknown_symbol(name, variables.as_deref().unwrap_or_default()),
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

    /// The variables in scope at some places; `None` if they may be any.
    fn variables_at(&self, places: CheckedAt<'_>) -> Option<Vec<Variable>> {
        let CheckedAt::At(targets) = places else { return None };
        let mut found = Vec::new();
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
            found.extend(variables_of(symbols, ModuleAddr::of_runtime(target.address, bias)));
        }
        (targets.len() <= MAX_PLACES).then_some(found)
    }
}

/// The variables in scope at an address, of the innermost source frame there.
fn variables_of(symbols: &ModuleSymbols, address: ModuleAddr) -> Vec<Variable> {
    let levels = (0..MAX_LEVELS).map_while(|level| symbols.function_dies(address, level));
    let all = levels.flat_map(|function| symbols.dies().variables(function.own, address));
    all.filter(|variable| variable.in_scope).collect()
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
