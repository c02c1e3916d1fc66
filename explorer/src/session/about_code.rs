//! What debug information says of a source file's unit, and of the variables at a place.

use super::{Session, Target};
use crate::symbols::{DieRef, Dies, ModuleAddr, UnitFacts, Variable};
use crate::timeline::StateError;
use serde::Serialize;
use std::sync::Arc;

/// A variable in scope at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeVariable {
    /// Its name.
    pub name: String,
    /// The name of its type.
    #[serde(rename = "type")]
    pub of: String,
    /// Its bytes, if they are always as many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where it is, in words.
    pub place: String,
}

impl ScopeVariable {
    fn new(dies: &Arc<Dies>, variable: &Variable) -> Self {
        let of = dies.type_of(variable.die);
        let place = dies.place_in_words(variable.die);
        Self { name: variable.name.to_string(), bytes: of.size(), of: of.name(), place }
    }
}

impl Session {
    /// What the unit of the selected frame's function says of itself, if its code is of a file;
    /// else the unit of the program's `main`, if that is.
    ///
    /// # Errors
    /// When history cannot be read at the cursor.
    pub fn unit_facts_of(&self, file: &str) -> Result<Option<UnitFacts>, StateError> {
        let scene = self.scene()?;
        let here = scene.view().and_then(|view| {
            let place = view.module()?.0.location_at(view.address())?;
            let dies = view.dies()?;
            (place.file == file).then(|| dies.unit_facts(view.function_dies()?.physical))?
        });
        let main = || {
            let target = self.main_target().filter(|main| main.file.as_deref() == Some(file))?;
            let (dies, function, _) = self.function_at(&target)?;
            dies.unit_facts(function)
        };
        Ok(here.or_else(main))
    }

    /// The variables in scope where a target is; `None` if nothing is known of its function.
    pub fn scope_variables(&self, target: &Target) -> Option<Vec<ScopeVariable>> {
        let (dies, function, address) = self.function_at(target)?;
        let variables = self.variables_at(dies, function, address);
        let visible = variables.iter().filter(|variable| variable.in_scope);
        Some(visible.map(|variable| ScopeVariable::new(dies, variable)).collect())
    }

    /// The function that a target is in, and the target's address in its module.
    fn function_at(&self, target: &Target) -> Option<(&Arc<Dies>, DieRef, ModuleAddr)> {
        let index = target.module.or_else(|| self.module_at(self.cursor(), target.address))?;
        let symbols = self.locator.images().symbols(&self.timeline, index)?;
        let mut biases = self.locator.images().biases(&self.timeline, index).into_iter();
        biases.find_map(|bias| {
            let address = ModuleAddr::of_runtime(target.address, bias);
            let function = symbols.function_dies(address, 0)?;
            Some((symbols.dies(), function.own, address))
        })
    }
}
