//! What memory held before a write, from the writes before that.

use super::Moment;
use super::stored::written;
use crate::index::Plans;
use crate::session::value::{Bytes, unknown};
use crate::session::{Session, Subject};
use crate::timeline::{Direction, StateError};
use std::ops::Range;

/// Writes that are looked at before all of memory is asked for.
const MAX_WRITES: usize = 64;

impl Session {
    /// What `addresses` held at state `t`. Few writes tell, and the index knows them;
    /// the history needs not be replayed for it.
    pub(super) fn held_before(&self, addresses: &Range<u64>, t: u64) -> Result<Bytes, StateError> {
        let length = addresses.end.saturating_sub(addresses.start);
        let memory = |t: u64| self.timeline.memory(t, addresses.start, length as usize);
        let subject = Subject::Memory { address: addresses.start, bytes: length, bits: None };
        let writes = self.moments(&subject, 0..t, Direction::Backward, MAX_WRITES)?;
        let mut newest = unknown(length as usize);
        for (at, mapped) in &writes {
            if *mapped {
                return Ok(over(newest, &memory(at + 1)?));
            }
            self.put_under(addresses, *at, &mut newest)?;
            if newest.iter().all(Option::is_some) {
                return Ok(newest);
            }
        }
        if writes.len() < MAX_WRITES {
            Ok(over(newest, &memory(0)?))
        } else {
            Ok(memory(t)?.into())
        }
    }

    /// Sets those bytes that are not set yet to what tracepoint `at` stored there.
    fn put_under(
        &self,
        addresses: &Range<u64>,
        at: u64,
        newest: &mut Bytes,
    ) -> Result<(), StateError> {
        let moment: Moment = (at, false);
        let plans = Plans::with_values(self.timeline.dictionary());
        let stored = written(&self.timeline, &plans, addresses, &[moment])?;
        // The last store of an instruction is the newest.
        for (offset, bytes) in stored.iter().flatten().rev() {
            let to = newest.get_mut(offset..).unwrap_or_default();
            to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = to.or(Some(*byte)));
        }
        Ok(())
    }
}

/// `newest`, and where it has nothing, `older`.
fn over(newest: Bytes, older: &[Option<u8>]) -> Bytes {
    newest.into_iter().zip(older).map(|(new, old)| new.or(*old)).collect()
}
