//! What is said of names that mean nothing here: where such a variable is, or what was meant.

use super::Scene;
use super::statics::Kept;
use crate::expression::Fault;
use crate::symbols::{DeclaredKind, ModuleSymbols, Variable, did_you_mean, nearest};
use std::sync::Arc;

/// Names offered for one that is not there.
const OFFERED: usize = 3;

impl Scene<'_> {
    /// Why a name means nothing here.
    pub(super) fn unknown(&self, name: &str) -> Fault {
        match self.meant_elsewhere(name, Fault::NotAlive) {
            Some(fault) => fault,
            None => {
                let variables = self.variables().unwrap_or_default();
                let names: Vec<_> =
                    variables.iter().map(|variable| Arc::clone(&variable.name)).collect();
                self.unknown_symbol(name, &names)
            }
        }
    }

    /// What a name means in other places, if it means something there: the program's own
    /// variables before those of functions, and these before those of other modules.
    pub(super) fn meant_elsewhere(
        &self,
        name: &str,
        not_here: fn(String, String) -> Fault,
    ) -> Option<Fault> {
        let fault = |kept: &Kept| Fault::OtherUnit(name.to_owned(), kept.file.clone());
        let kept = self.kept_by_others(name);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.of_program) {
            return Some(fault(kept));
        }
        let elsewhere = self.elsewhere(name).map(|place| not_here(name.to_owned(), place));
        let meant = |kept: &&Kept| kept.is_near || self.near_here(name).is_empty();
        elsewhere.or_else(|| kept.as_ref().filter(meant).map(fault))
    }

    /// That a name is none of the program's, with names like it, of those in scope before others.
    pub(super) fn unknown_symbol(&self, name: &str, in_scope: &[Arc<str>]) -> Fault {
        if self.is_only_inlined(name) {
            let why = ": it is a function that is inlined wherever it is called";
            return Fault::Name(name.to_owned(), why.to_owned());
        }
        let others = self.session.locator.overloads(&self.session.timeline, name.into());
        let near =
            || did_you_mean(&self.near(name, in_scope, self.modules_by_interest().into_iter()));
        Fault::Name(name.to_owned(), others.unwrap_or_else(near))
    }

    /// Whether a name is that of a function, or of several, without code of their own.
    fn is_only_inlined(&self, name: &str) -> bool {
        let mut modules = self.modules().into_iter();
        modules.any(|(symbols, _)| symbols.is_inlined_as(name))
    }

    /// Where a variable is that is not alive here.
    pub(super) fn elsewhere(&self, name: &str) -> Option<String> {
        if name.contains("::") {
            let mut modules = self.modules().into_iter();
            let there = modules.any(|(symbols, _)| {
                !symbols.dies().declared().find(DeclaredKind::Local, name).is_empty()
            });
            return there.then(|| "its function is not on the stack".to_owned());
        }
        let variables = self.variables().unwrap_or_default();
        if let Some(variable) = variables.iter().find(|v| &*v.name == name) {
            return Some(format!("it is in a block of this function {}", self.block(variable)));
        }
        let (functions, foreign) = self.functions_with(name)?;
        // It is rather a name here that was meant.
        if foreign && !self.near_here(name).is_empty() {
            return None;
        }
        let shown = functions.iter().take(OFFERED).cloned().collect::<Vec<_>>().join(", ");
        let more = match functions.len().saturating_sub(OFFERED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("it is a variable of {shown}{more}"))
    }

    /// The functions of the first module, by interest, that have a variable of that name, sorted,
    /// each once; whether that module is neither the program nor the frame's.
    fn functions_with(&self, name: &str) -> Option<(Vec<String>, bool)> {
        self.modules_by_interest().into_iter().find_map(|(symbols, _)| {
            let declared = symbols.dies().declared();
            let owners = declared.locals_named(name).filter_map(|n| n.rsplit_once("::"));
            let mut own: Vec<String> = owners.map(|(function, _)| function.to_owned()).collect();
            own.sort_unstable();
            own.dedup();
            (!own.is_empty()).then(|| (own, !self.is_near(symbols)))
        })
    }

    /// Whether a module is the program itself, or the frame's.
    pub(super) fn is_near(&self, symbols: &ModuleSymbols) -> bool {
        let (images, timeline) = (self.session.locator.images(), &self.session.timeline);
        let own = self.own_module().is_some_and(|(own, _)| std::ptr::eq(own, symbols));
        own || images.are_of_program(timeline, symbols)
    }

    /// Names like one that is not there: of the frame's variables, of the program, and of the
    /// frame's module.
    fn near_here(&self, name: &str) -> Vec<String> {
        let variables = self.variables().unwrap_or_default();
        let in_scope: Vec<_> = variables.iter().map(|one| Arc::clone(&one.name)).collect();
        let modules = self.modules_by_interest();
        self.near(name, &in_scope, modules.into_iter().filter(|(one, _)| self.is_near(one)))
    }

    /// The modules, the program itself first, then the frame's own.
    pub(super) fn modules_by_interest(&self) -> Vec<(&ModuleSymbols, u64)> {
        let mut modules = self.modules();
        let (images, timeline) = (self.session.locator.images(), &self.session.timeline);
        modules.sort_by_key(|(symbols, _)| !images.are_of_program(timeline, symbols));
        modules
    }

    /// The lines of a variable's block.
    fn block(&self, variable: &Variable) -> String {
        let lines = self.view().and_then(|view| {
            let (symbols, _) = view.module()?;
            let ranges = symbols.dies().block_of(view.function_dies()?.own, variable.die)?;
            let lines: Vec<u32> = ranges
                .iter()
                .flat_map(|(begin, end)| [*begin, end.saturating_sub(1)])
                .filter_map(|at| symbols.location_at(crate::symbols::ModuleAddr(at)))
                .map(|location| location.line)
                .filter(|line| *line > 0)
                .collect();
            Some((*lines.iter().min()?, *lines.iter().max()?))
        });
        lines.map_or_else(String::new, |(first, last)| format!("(lines {first} to {last})"))
    }

    fn near<'m>(
        &self,
        name: &str,
        in_scope: &[Arc<str>],
        modules: impl Iterator<Item = (&'m ModuleSymbols, u64)>,
    ) -> Vec<String> {
        let mut near = nearest(name, in_scope.iter().map(|name| &**name), OFFERED);
        for (symbols, _) in modules {
            if !near.is_empty() {
                break;
            }
            let declared = symbols.dies().declared();
            near.extend(nearest(name, declared.names(DeclaredKind::Variable), OFFERED));
            near.extend(symbols.similar_functions(name, OFFERED).into_iter().map(|(_, n)| n));
        }
        near.truncate(OFFERED);
        near
    }
}
