//! Ways into a function beside its address: stubs of procedure linkage tables, and slots that
//! hold its address.

use super::callers::Ways;
use crate::session::Session;
use crate::symbols::ModuleAddr;
use crate::timeline::StateError;
use rdb_schema::space::Base;
use std::collections::BTreeSet;
use std::ops::Range;

impl Session {
    /// The ways into the function with this code.
    pub(super) fn ways_into(&self, code: &Range<u64>) -> Ways {
        let mut ways = Ways { code: code.clone(), ..Ways::default() };
        let found = self.locator.module_at(&self.timeline, self.cursor, code.start);
        let names = found.map_or_else(Vec::new, |(symbols, bias)| {
            symbols.names_at(ModuleAddr::of_runtime(code.start, bias))
        });
        if names.is_empty() {
            return ways;
        }
        let images = self.locator.images();
        for module in images.modules() {
            let Some(symbols) = images.symbols(&self.timeline, module) else { continue };
            let imports = symbols.imports();
            let slots = imports.iter().filter(|(_, name)| names.contains(name));
            let slots: Vec<ModuleAddr> = slots.map(|(slot, _)| *slot).collect();
            let stubs = symbols.stubs_of(&names);
            for bias in images.biases(&self.timeline, module) {
                ways.slots.extend(slots.iter().map(|slot| slot.to_runtime(bias)));
                ways.stubs.extend(stubs.iter().map(|stub| stub.to_runtime(bias)));
            }
        }
        ways
    }

    /// The paths of the modules that are mapped at some time, but not at the cursor.
    pub(super) fn unmapped_modules(&self) -> Result<Vec<String>, StateError> {
        let space = self.timeline.shared_space(self.cursor)?;
        let images = self.locator.images();
        let absent = |module: &u32| {
            let mapped = space.iter().any(|mapping| mapping.base == Base::Module(*module));
            !mapped && !images.biases(&self.timeline, *module).is_empty()
        };
        let absent = images.modules().filter(absent);
        Ok(absent.filter_map(|module| images.path(module).map(str::to_owned)).collect())
    }

    /// The slots of all modules that the dynamic linker fills.
    pub(super) fn imports(&self) -> BTreeSet<u64> {
        let images = self.locator.images();
        let mut found = BTreeSet::new();
        for module in images.modules() {
            let Some(symbols) = images.symbols(&self.timeline, module) else { continue };
            let imports = symbols.imports();
            for bias in images.biases(&self.timeline, module) {
                found.extend(imports.keys().map(|slot| slot.to_runtime(bias)));
            }
        }
        found
    }
}
