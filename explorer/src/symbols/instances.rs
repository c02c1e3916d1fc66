//! The functions around an address, one inlined into the other (DWARF 5, 3.3.8).

use super::address::ModuleAddr;
use super::module::ModuleSymbols;
use super::scopes::Scope;
use super::types::Location;

/// A function with code of its own, or an inlined copy of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Where it is entered.
    pub entry: ModuleAddr,
    /// Its DIE, relative to its unit: copies may be entered at one address.
    pub die: usize,
    /// Whether its code, or a part of it, begins at the address.
    pub begins: bool,
    /// For an inlined copy: where it is called.
    pub call: Option<Location>,
}

impl ModuleSymbols {
    /// The function around an address and the copies inlined in it there, outermost first; none
    /// where there is no DWARF.
    pub fn instances_at(&self, address: ModuleAddr) -> Vec<Instance> {
        let found = self.units().at(address.0).find_map(|unit| {
            let scopes = self.units().scopes(unit)?;
            let chain = scopes.chain_at(address.0);
            let chain = chain.iter().filter_map(|index| scopes.all.get(*index));
            let all: Vec<_> = chain.map(|scope| self.instance(unit, scope, address.0)).collect();
            (!all.is_empty()).then_some(all)
        });
        found.unwrap_or_default()
    }

    /// How many copies are inlined at an address inside the function, or the copy, of scope
    /// `scope` of a unit: what stops there for that is outside of them. They may have begun
    /// before, among the code that sets up a frame; gdb stops in those.
    pub fn copies_in(&self, (unit, scope): (usize, usize), address: ModuleAddr) -> usize {
        let Some(scopes) = self.units().scopes(unit) else { return 0 };
        let chain = scopes.chain_at(address.0);
        chain.iter().rev().position(|index| *index == scope).unwrap_or(0)
    }

    fn instance(&self, unit: usize, scope: &Scope, address: u64) -> Instance {
        let call = scope.call.and_then(|(file, line, column)| {
            let file = self.units().file(unit, file)?.to_owned();
            Some(Location { file, line, column }).filter(|call| call.line > 0)
        });
        // As in gdb, of code in several ranges beside each other one part is no beginning.
        let starts = scope.ranges.iter().any(|(begin, _)| *begin == address);
        let goes_on = address.checked_sub(1).is_some_and(|at| scope.range_around(at).is_some());
        let begins = scope.entry == address || starts && !goes_on;
        Instance { entry: ModuleAddr(scope.entry), die: scope.die, begins, call }
    }
}
