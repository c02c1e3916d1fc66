//! Which variable outside functions a name means, in all expressions alike: one of the unit of
//! the function that uses it, else one that its module shares, else one that another module
//! shares. What other units keep for themselves (C's `static`) has to be asked for as
//! `file::name`; only where no function of the program is, as where history begins and ends, a
//! name that one unit of the program has for itself means that one's.

use super::Scene;
use crate::symbols::{DeclaredKind, DieRef, Meaning, ModuleAddr, ModuleSymbols};
use crate::values::Value;

/// A place in a function, for what its unit and all that is around it call by a name.
#[derive(Clone, Copy)]
pub(super) struct Unit<'s> {
    /// The module.
    pub symbols: &'s ModuleSymbols,
    /// The entry of the function, or of its inlined copy.
    pub function: DieRef,
    /// The address.
    pub address: ModuleAddr,
}

impl Unit<'_> {
    /// Whether an entry of a module is of the same unit.
    pub fn has(&self, symbols: &ModuleSymbols, die: DieRef) -> bool {
        std::ptr::eq(self.symbols, symbols) && symbols.dies().same_unit(die, self.function)
    }
}

/// A variable that a unit keeps for itself.
pub(super) struct Kept {
    /// The name of the file that declares it, without folders.
    pub file: String,
    /// Whether its module is the program itself.
    pub of_program: bool,
    /// Whether that is the program or the frame's.
    pub is_near: bool,
}

impl<'s> Scene<'s> {
    /// The place in the frame's function.
    pub(super) fn own_unit(&self) -> Option<Unit<'s>> {
        let view = self.view()?;
        let (function, address) = (view.function_dies()?.own, view.address());
        Some(Unit { symbols: self.own_module()?.0, function, address })
    }

    /// What a name may mean at some places, each meaning with the module to which the place
    /// belongs, in the order in which the languages look; where there is no place, what has
    /// that name outside of all.
    pub(super) fn meanings<'u>(
        &self,
        name: &str,
        units: &[Unit<'u>],
    ) -> Vec<(Option<&'u ModuleSymbols>, Meaning)> {
        let root = || (None, Meaning::Full(format!("::{}", name.trim_start_matches("::"))));
        if units.is_empty() {
            return vec![root()];
        }
        let of = |unit: &Unit<'u>| {
            let found = unit.symbols.meanings((unit.function, Some(unit.address)), name);
            found.into_iter().map(|meaning| (Some(unit.symbols), meaning)).collect::<Vec<_>>()
        };
        units.iter().flat_map(of).collect()
    }

    /// The variable outside functions that a name means in some units; `typed` if its namespace
    /// was, by which what other units keep for themselves can be asked for.
    pub(super) fn static_variable(
        &self,
        (name, typed): (&str, bool),
        units: &[Unit<'_>],
    ) -> Option<Value> {
        let own = units.iter().find_map(|unit| self.of_unit(name, *unit));
        own.or_else(|| {
            self.modules().into_iter().find_map(|(symbols, bias)| {
                let dies = symbols.dies();
                let found = dies.declared().find(DeclaredKind::Variable, name);
                let shared = |die: &DieRef| typed || dies.is_shared(*die);
                Some(self.static_value(symbols, bias, found.into_iter().find(shared)?))
            })
        })
        .or_else(|| self.only_one_kept(name, units))
    }

    /// The variable that one unit of the program keeps for itself, seen from outside of it.
    fn only_one_kept(&self, name: &str, units: &[Unit<'_>]) -> Option<Value> {
        let (images, timeline) = (self.session.locator.images(), &self.session.timeline);
        if units.iter().any(|unit| images.are_of_program(timeline, unit.symbols)) {
            return None;
        }
        let mut modules = self.modules().into_iter();
        let (symbols, bias) =
            modules.find(|(symbols, _)| images.are_of_program(timeline, symbols))?;
        let found = symbols.dies().declared().find(DeclaredKind::Variable, name);
        let [one] = found.as_slice() else { return None };
        Some(self.static_value(symbols, bias, *one))
    }

    fn of_unit(&self, name: &str, unit: Unit<'_>) -> Option<Value> {
        let (symbols, dies) = (unit.symbols, unit.symbols.dies());
        let found = dies.declared().find(DeclaredKind::Variable, name);
        let own = found.into_iter().find(|die| unit.has(symbols, *die))?;
        let modules = self.modules();
        let (_, bias) = modules.iter().find(|(module, _)| std::ptr::eq(*module, symbols))?;
        Some(self.static_value(symbols, *bias, own))
    }

    /// The variable of that name that a unit keeps for itself; the program's before others.
    pub(super) fn kept_by_others(&self, name: &str) -> Option<Kept> {
        let name = name.trim_start_matches("::");
        let (images, timeline) = (self.session.locator.images(), &self.session.timeline);
        self.modules_by_interest().into_iter().find_map(|(symbols, _)| {
            let found = symbols.dies().declared().find(DeclaredKind::Variable, name);
            let file = symbols.file_of(*found.first()?)?;
            let file = file.rsplit('/').next().unwrap_or(&file).to_owned();
            let of_program = images.are_of_program(timeline, symbols);
            Some(Kept { file, of_program, is_near: self.is_near(symbols) })
        })
    }
}
