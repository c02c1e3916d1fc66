//! Addresses that no instruction begins at: what is there instead.

use crate::dataflow::decode;
use crate::render::hex;
use crate::session::Session;
use crate::timeline::StateError;
use rdb_schema::space::PROT_EXEC;

/// Bytes of the longest instruction (Intel SDM vol. 2, 2.3.11).
const LONGEST: u64 = 15;

impl Session {
    /// What is at an address that is mapped at the cursor, if no instruction begins there.
    pub(super) fn no_instruction(&self, address: u64) -> Result<Option<String>, StateError> {
        let space = self.timeline.shared_space(self.cursor)?;
        let Some(mapping) = space.find(address) else { return Ok(None) };
        if mapping.protection & PROT_EXEC == 0 {
            let name = String::from_utf8_lossy(&mapping.name);
            let name = if name.is_empty() { "memory without a name" } else { &name };
            let at = hex(address);
            return Ok(Some(format!(
                "{at} is no code: it lies in {name}, which is not executable"
            )));
        }
        let Some(bounds) = self.bounds_of(address) else { return Ok(None) };
        if self.begins_instruction(address)? {
            return Ok(None);
        }
        let around = self.instruction_around(address)?;
        let around = around.map_or_else(String::new, |at| format!(", the one at {}", hex(at)));
        let (at, name) = (hex(address), bounds.name);
        Ok(Some(format!("{at} is inside an instruction of {name}{around}")))
    }

    /// Where the instruction begins that an address is inside of.
    fn instruction_around(&self, address: u64) -> Result<Option<u64>, StateError> {
        for start in (address.saturating_sub(LONGEST - 1)..address).rev() {
            if !self.begins_instruction(start)? {
                continue;
            }
            let bytes = self.timeline.memory(self.cursor, start, LONGEST as usize)?;
            let bytes: Vec<u8> = bytes.into_iter().map_while(|byte| byte).collect();
            let length = decode(start, &bytes).map_or(0, |instruction| instruction.len() as u64);
            return Ok((start + length > address).then_some(start));
        }
        Ok(None)
    }
}
