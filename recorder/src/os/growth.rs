//! Mappings the kernel changes by itself: stacks grow when they are touched.

use super::Changes;
use super::stack_limit::LOWEST;
use crate::recording::{Recording, ReplayFailed};
use rdb_schema::event::{Event, EventKind, Syscall};
use rdb_schema::syscalls::{Call, addresses_behind};

impl Recording {
    /// Whether the kernel may have made a stack grow in `syscall`, which has returned: one
    /// of the addresses that it was given lies below a stack, with nothing between.
    pub fn may_have_grown(&self, syscall: &Syscall) -> bool {
        let Syscall { number, arguments: args, result, .. } = *syscall;
        let memory = |address: u64, buffer: &mut [u8]| self.memory.read(address, buffer);
        let behind = addresses_behind(&Call { number, args, result }, &memory);
        args.into_iter().chain(behind).any(|address| self.is_below_stack(address))
    }

    fn is_below_stack(&self, address: u64) -> bool {
        if address < LOWEST || address.cast_signed() < 0 {
            return false;
        }
        let grows = libc::MAP_GROWSDOWN.cast_unsigned();
        let next = self.space.overlapping(address, u64::MAX).next();
        next.is_some_and(|mapping| mapping.start > address && mapping.flags & grows != 0)
    }

    /// Something was written outside all known mappings: takes over what the
    /// kernel has by now. No execution may be open.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn follow_growth(&mut self) -> Result<(), ReplayFailed> {
        let state = self.tracepoint();
        let mut changes = Changes::default();
        self.resynchronise(state, &mut changes);
        if changes.list.is_empty() {
            return Ok(());
        }
        let thread = self.pid.cast_unsigned();
        let mut event = Event::new(self.last_tracepoint(), thread, EventKind::Mapping);
        event.mappings = changes.list;
        self.push_event(event);
        self.catch_up()?;
        changes.fresh.iter().for_each(|mapping| self.capture(mapping, state));
        Ok(())
    }
}
