//! Which type a name means, in all expressions alike.

use super::Scene;
use super::statics::Unit;
use crate::symbols::datatypes::Type;
use crate::symbols::{DeclaredKind, DieRef, Meaning, ModuleSymbols};

/// Which types are wanted.
type Fits<'f> = &'f dyn Fn(&Type) -> bool;

impl Scene<'_> {
    /// The type that a name means in the frame's function, of those that fit. What the debug
    /// information knows only by a longer name counts where there is nothing else.
    pub(super) fn type_meant(&self, name: &str, fits: &dyn Fn(&Type) -> bool) -> Option<Type> {
        let own = self.own_unit();
        let units = own.as_slice();
        let meanings = self.meanings(name, units);
        // What a unit uses it declares: other modules have what no meaning leads to here.
        let near = meanings.iter().find_map(|(symbols, meaning)| match meaning {
            Meaning::Inside(place) => {
                let dies = (*symbols)?.dies();
                Type::at(dies, dies.type_inside(*place, name)?).filter(fits)
            }
            Meaning::Full(full) => {
                let found = best((*symbols)?, full, (fits, units))?;
                let elsewhere = || self.of_some_module(full, (fits, units));
                if found.size().is_some() { Some(found) } else { elsewhere() }
            }
        });
        let elsewhere = || {
            let mut full = meanings.iter().filter_map(|(_, meaning)| match meaning {
                Meaning::Full(full) => Some(full),
                Meaning::Inside(_) => None,
            });
            full.find_map(|full| self.of_some_module(full, (fits, units)))
        };
        let longer = || self.of_some_module(name, (fits, units));
        near.or_else(elsewhere).or_else(|| (!name.starts_with("::")).then(longer).flatten())
    }

    /// The type of a name, of the first module that has it: a definition, if any has one.
    fn of_some_module(&self, name: &str, (fits, units): (Fits<'_>, &[Unit<'_>])) -> Option<Type> {
        let mut declared = None;
        for (symbols, _) in self.modules() {
            let found = best(symbols, name, (fits, units));
            if found.as_ref().is_some_and(|of| of.size().is_some()) {
                return found;
            }
            declared = declared.or(found);
        }
        declared
    }

    /// Whether an entry is of the unit of the frame's function.
    pub(super) fn is_own(&self, symbols: &ModuleSymbols, die: DieRef) -> bool {
        self.own_unit().is_some_and(|unit| unit.has(symbols, die))
    }

    /// Whether a name means a variable of the frame's unit before it means a type.
    pub(super) fn is_variable_first(&self, name: &str, unit: Unit<'_>) -> bool {
        let (symbols, dies) = (unit.symbols, unit.symbols.dies());
        let has = |kind: DeclaredKind, full: &str| {
            let found = dies.declared().find(kind, full);
            found.into_iter().any(|die| unit.has(symbols, die))
        };
        let first =
            self.meanings(name, &[unit]).into_iter().find_map(|(_, meaning)| match meaning {
                Meaning::Inside(place) => {
                    let value =
                        dies.constant_inside(place, name).or(dies.template_value(place, name));
                    let value = value.map(|_| true);
                    value.or_else(|| dies.type_inside(place, name).map(|_| false))
                }
                Meaning::Full(full) => {
                    let kinds = [DeclaredKind::Variable, DeclaredKind::Declaration];
                    let is_variable = kinds.into_iter().any(|kind| has(kind, &full));
                    let is_type = || has(DeclaredKind::Type, &full);
                    (is_variable || is_type()).then_some(is_variable)
                }
            });
        first.unwrap_or_default()
    }
}

/// The type of a name in a module: a definition before a declaration, the nearest first.
fn best(
    symbols: &ModuleSymbols,
    name: &str,
    (fits, units): (Fits<'_>, &[Unit<'_>]),
) -> Option<Type> {
    let dies = symbols.dies();
    let found = dies.declared().types_named(name).into_iter();
    let types = found.filter_map(|die| Some((die, Type::at(dies, die).filter(fits)?)));
    let mut types: Vec<_> = types.collect();
    if types.len() > 1 {
        // A definition says more than a declaration.
        types.sort_by_cached_key(|(die, of)| (of.size().is_none(), nearness(symbols, *die, units)));
    }
    types.into_iter().next().map(|(_, of)| of)
}

/// How far a declaration is from some units: 0 is in one, 1 is in a file that one is made of.
pub(super) fn nearness(symbols: &ModuleSymbols, die: DieRef, units: &[Unit<'_>]) -> u32 {
    let of_files = |unit: &Unit<'_>| {
        std::ptr::eq(unit.symbols, symbols) && symbols.is_of_files(die, unit.function)
    };
    match units {
        _ if units.iter().any(|unit| unit.has(symbols, die)) => 0,
        _ if units.iter().any(of_files) => 1,
        _ => 2,
    }
}
