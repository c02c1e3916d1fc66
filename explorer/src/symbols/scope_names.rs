//! Names of functions that were asked for, kept: each costs the parsing of a unit's
//! abbreviations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::module::ModuleSymbols;
use super::scopes::{Scope, Scopes};

/// Most names kept of one module.
const MAX_KEPT: usize = 1 << 16;

/// What a scope is called.
#[derive(Clone, Debug, Default)]
pub(super) struct ScopeNames {
    /// For people.
    pub display: Option<Arc<str>>,
    /// As the linker knows it; the plain name, if that is not known.
    pub linkage: Option<Arc<str>>,
}

/// Names by unit and offset of the scope's entry in it.
#[derive(Debug, Default)]
pub(super) struct KeptNames(Mutex<HashMap<(usize, usize), ScopeNames>>);

impl ModuleSymbols {
    /// The names of a scope of a unit.
    pub(super) fn scope_names(&self, unit: usize, scopes: &Scopes, scope: &Scope) -> ScopeNames {
        let key = (unit, scope.die);
        let kept = || self.names.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept().get(&key).cloned();
        known.unwrap_or_else(|| {
            let found = self.read_names(unit, scopes, scope);
            let mut kept = kept();
            if kept.len() >= MAX_KEPT {
                kept.clear();
            }
            kept.insert(key, found.clone());
            found
        })
    }

    fn read_names(&self, unit: usize, scopes: &Scopes, scope: &Scope) -> ScopeNames {
        let names = self.units().with(unit, |dwarf, unit| scopes.names(dwarf, unit, scope));
        let display = names.display_of(scope, self.table());
        ScopeNames { display, linkage: names.linkage.or(names.plain).map(Arc::from) }
    }
}
