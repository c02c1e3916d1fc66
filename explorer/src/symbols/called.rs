//! What becomes of a module's calls, as far as the names of what they call tell.

use super::address::ModuleAddr;
use super::module::ModuleSymbols;
use crate::dataflow::Returns;
use iced_x86::Instruction;

impl ModuleSymbols {
    /// What becomes of a call of the module's code, decoded where that is mapped with `bias`.
    pub fn returns(&self, call: &Instruction, bias: u64) -> Returns {
        let of = |address| ModuleAddr::of_runtime(address, bias);
        let name = if call.is_ip_rel_memory_operand() {
            let slot = of(call.ip_rel_memory_address());
            let own = || self.function_named(*self.own_slots().get(&slot)?);
            self.imports().get(&slot).cloned().or_else(own)
        } else {
            let target = Some(call.near_branch_target()).filter(|target| *target != 0);
            target.and_then(|target| self.function_named(of(target)))
        };
        name.map_or(Returns::Once, |name| Returns::of(&name))
    }

    /// The name of what begins at an address.
    fn function_named(&self, address: ModuleAddr) -> Option<String> {
        let near = self.symbol_near(address).filter(|(_, offset)| *offset == 0);
        near.map(|(name, _)| name)
    }
}
