//! Where functions begin and end, of stripped programs too.

use crate::session::Session;
use crate::session::locate::Bounds;
use crate::symbols::ModuleAddr;

impl Session {
    /// The function around an address: as the symbols say, else as the call frame information
    /// does, which stripped programs have; its name is then its address.
    pub(super) fn bounds_of(&self, address: u64) -> Option<Bounds> {
        let known = self.locator.bounds(&self.timeline, self.cursor, address);
        if let Some(known) = known.filter(|bounds| bounds.start < bounds.end) {
            return Some(known);
        }
        let (symbols, bias) = self.locator.module_at(&self.timeline, self.cursor, address)?;
        let found = symbols.frame_range(ModuleAddr::of_runtime(address, bias))?;
        let (start, end) = (found.start.to_runtime(bias), found.end.to_runtime(bias));
        Some(Bounds { name: crate::render::hex(start), entry: start, start, end })
    }
}
