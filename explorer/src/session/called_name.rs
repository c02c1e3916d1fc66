//! The name by which a call instruction calls a function of another module.

use super::Session;
use crate::symbols::ModuleAddr;

impl Session {
    /// The name that a module imports a function by which it calls in the instruction before
    /// `back`: that of a stub of its procedure linkage table, or of the slot that the address is
    /// taken from (System V ABI for x86-64, 5.2). `t` is a state in which the code is there.
    pub(super) fn called_name(&self, t: u64, back: u64) -> Option<String> {
        const LONGEST: u64 = 6;
        let mut code = [0; LONGEST as usize];
        let known = self.timeline.read(t, back.checked_sub(LONGEST)?, &mut code);
        let [first, second, rest @ ..] = code;
        let ahead = i64::from(i32::from_le_bytes(rest));
        let target = back.wrapping_add_signed(ahead);
        let (symbols, bias) = self.locator.module_at(&self.timeline, t, target)?;
        let address = ModuleAddr::of_runtime(target, bias);
        match (known, first, second) {
            // call *slot(%rip)
            (true, 0xff, 0x15) => symbols.imports().remove(&address),
            // call stub
            (true, _, 0xe8) => {
                let names = symbols.names_at(address);
                names.iter().find_map(|name| name.strip_suffix("@plt").map(str::to_owned))
            }
            _ => None,
        }
    }
}
