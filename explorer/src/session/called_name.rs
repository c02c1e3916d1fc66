//! What a call instruction calls, as its code tells: an address, or a function of another module.

use super::Session;
use crate::symbols::ModuleAddr;

/// What a call instruction names.
pub(super) enum Callee {
    /// The address that it calls.
    Direct(u64),
    /// Where the address is kept that it calls.
    Slot(u64),
}

impl Session {
    /// What the instruction before `back` calls, if that is a call relative to it: `call target`,
    /// or `call *slot(%rip)`. `t` is a state in which the code is there.
    pub(super) fn callee(&self, t: u64, back: u64) -> Option<Callee> {
        const LONGEST: u64 = 6;
        let mut code = [0; LONGEST as usize];
        let known = self.timeline.read(t, back.checked_sub(LONGEST)?, &mut code);
        let [first, second, rest @ ..] = code;
        let target = back.wrapping_add_signed(i32::from_le_bytes(rest).into());
        match (known, first, second) {
            (true, 0xff, 0x15) => Some(Callee::Slot(target)),
            (true, _, 0xe8) => Some(Callee::Direct(target)),
            _ => None,
        }
    }

    /// The name that a module imports a function by which it calls in the instruction before
    /// `back`: that of a stub of its procedure linkage table, or of the slot that the address is
    /// taken from (System V ABI for x86-64, 5.2). `t` is a state in which the code is there.
    pub(super) fn called_name(&self, t: u64, back: u64) -> Option<String> {
        let callee = self.callee(t, back)?;
        let (Callee::Direct(target) | Callee::Slot(target)) = callee;
        let (symbols, bias) = self.locator.module_at(&self.timeline, t, target)?;
        let address = ModuleAddr::of_runtime(target, bias);
        match callee {
            Callee::Slot(_) => symbols.imports().get(&address).cloned(),
            Callee::Direct(_) => {
                let names = symbols.names_at(address);
                names.iter().find_map(|name| name.strip_suffix("@plt").map(str::to_owned))
            }
        }
    }
}
