//! Memory at any state.

use super::{StateError, Timeline};
use rdb_schema::space::PAGE;

/// Most bytes one question may ask for.
pub const MAX_BYTES: usize = 1 << 20;

impl Timeline {
    /// Memory at state t from `address`: each byte, or `None` where it is not
    /// known (not mapped, unreadable). At most 1 MiB.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn memory(
        &self,
        t: u64,
        address: u64,
        length: usize,
    ) -> Result<Vec<Option<u8>>, StateError> {
        self.chunk_at(t)?;
        let length = length.min(MAX_BYTES);
        let mut out = Vec::with_capacity(length);
        while out.len() < length {
            let Some(at) = address.checked_add(out.len() as u64) else { break };
            let offset = (at % PAGE) as usize;
            let count = (PAGE as usize - offset).min(length - out.len());
            if self.few((t, at), count, &mut out) {
                continue;
            }
            match self.page(t, at / PAGE)? {
                Some(page) => out.extend((offset..offset + count).map(|i| page.get(i))),
                None => out.resize(out.len() + count, None),
            }
        }
        // What lies past the last address.
        out.resize(length, None);
        Ok(out)
    }

    /// Reads exactly `buffer`; false if any byte is not known.
    pub fn read(&self, t: u64, address: u64, buffer: &mut [u8]) -> bool {
        for (part, to) in buffer.chunks_mut(MAX_BYTES).enumerate() {
            let Some(from) = address.checked_add((part * MAX_BYTES) as u64) else { return false };
            let Ok(bytes) = self.memory(t, from, to.len()) else { return false };
            for (to, byte) in to.iter_mut().zip(bytes) {
                let Some(byte) = byte else { return false };
                *to = byte;
            }
        }
        true
    }
}
