//! Functions of one name that differ in their parameters.

use super::datatypes::{Shape, Type};
use super::demangle::{demangle, demangle_short};
use super::index::Place;
use super::module::ModuleSymbols;
use super::parameters::{self, Parameters};
use super::path;
use std::sync::Arc;

/// A function, as somebody types it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionName<'a> {
    /// A file of its unit, by the end of its name; any, if there is none.
    pub file: Option<&'a str>,
    /// Its name or the end of it, with parameters or without.
    pub name: &'a str,
}

impl<'a> From<&'a str> for FunctionName<'a> {
    fn from(name: &'a str) -> Self {
        Self { file: None, name }
    }
}

impl<'a> From<&'a String> for FunctionName<'a> {
    fn from(name: &'a String) -> Self {
        name.as_str().into()
    }
}

impl ModuleSymbols {
    /// The functions that a typed name means: with parameters, those that have these. What has
    /// no mangled name, as C's functions, goes by its name. Mangled names know no typedefs: where
    /// no function has the parameters as typed, what their types stand for counts.
    pub(crate) fn functions_named(&self, name: FunctionName<'_>) -> Vec<(Arc<str>, Place)> {
        let FunctionName { file, name } = name;
        let found = self.with_parameters(file, name);
        if !found.is_empty() || self.in_file(file, parameters::without(name)).is_empty() {
            return found;
        }
        let resolved = parameters::resolved(name, &|word| self.typedef(word));
        resolved.map_or(found, |resolved| self.with_parameters(file, &resolved))
    }

    /// What a typedef stands for.
    fn typedef(&self, name: &str) -> Option<String> {
        let dies = self.dies();
        let found = dies.declared().types_named(name).into_iter();
        let mut aliases = found.filter_map(|die| Type::at(dies, die));
        let alias = aliases.find(|of| matches!(of.shape(), Shape::Alias { .. }))?;
        Some(alias.stripped().name())
    }

    /// The functions of a name whose unit has a file of that name, if one is asked for.
    fn in_file(&self, file: Option<&str>, name: &str) -> Vec<(Arc<str>, Place)> {
        self.index().find(name, &|place| self.is_of_file(place, file))
    }

    fn with_parameters(&self, file: Option<&str>, name: &str) -> Vec<(Arc<str>, Place)> {
        let found = self.in_file(file, name);
        let Some(typed) = Parameters::of(name) else { return found };
        let answers = found.into_iter().filter_map(|(name, place)| {
            let own = self.linkage_of(&name, place);
            let own = own.and_then(|linkage| Parameters::of(&demangle(&linkage)));
            let rank = match own {
                Some(own) => Some(own.answer(&typed)?),
                None => None,
            };
            Some((rank, (name, place)))
        });
        let answers: Vec<_> = answers.collect();
        // Who answers in all, before who does for lack of qualifiers, before who may.
        let best = answers.iter().filter_map(|(rank, _)| *rank).min();
        answers.into_iter().filter(|(rank, _)| *rank == best).map(|(_, found)| found).collect()
    }

    /// The functions that have a typed name but not the parameters typed with it, with their
    /// own; none, if there are no parameters typed.
    pub fn overloads(&self, name: FunctionName<'_>) -> Vec<String> {
        let FunctionName { file, name } = name;
        let bare = parameters::without(name);
        if bare == name.trim() {
            return Vec::new();
        }
        let all = self.index().find(bare, &|place| self.is_of_file(place, file)).into_iter();
        all.map(|(name, place)| {
            let parameters = self.linkage_of(&name, place).map(|linkage| demangle(&linkage));
            let list = parameters
                .and_then(|full| Some(full.get(parameters::without(&full).len()..)?.to_owned()));
            name.to_string() + &list.unwrap_or_default()
        })
        .collect()
    }

    /// Whether a function is of a unit with code of `file`, as gdb takes `FILE:FUNCTION`; what
    /// has no debug information is of no file.
    fn is_of_file(&self, place: &Place, file: Option<&str>) -> bool {
        let Some(file) = file else { return true };
        match *place {
            Place::Scope { unit, .. } => {
                let names = self.units().files(unit as usize);
                names.iter().any(|name| path::matches(name, file))
            }
            Place::Symbol(_) => false,
        }
    }

    /// The mangled name of a function of the index.
    fn linkage_of(&self, name: &str, place: Place) -> Option<String> {
        let entry = match place {
            Place::Symbol(entry) => entry,
            Place::Scope { unit, scope } => {
                let (unit, scope) = (unit as usize, scope as usize);
                let scopes = self.units().scopes(unit)?;
                let scope = scopes.all.get(scope)?;
                let names = self.units().with(unit, |dwarf, unit| scopes.names(dwarf, unit, scope));
                if names.linkage.is_some() || scope.call.is_some() {
                    return names.linkage;
                }
                scope.entry
            }
        };
        let mut here = self.table().at(entry).filter(|symbol| symbol.name.starts_with("_Z"));
        here.find(|symbol| demangle_short(&symbol.name) == name)
            .map(|symbol| symbol.name.to_string())
    }
}
