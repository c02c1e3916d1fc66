//! Instructions whose effects are only known afterwards.

use super::{Step, is_own_trap};
use crate::accounting::Cause;
use crate::compare::Reach;
use crate::engine::Flow;
use crate::tracee::{Outcome, Resume, Stop, Stopped};
use rdb_schema::event::{Event, EventKind};
use rdb_schema::registers::{RegisterPatch, Registers};

impl Step {
    pub(super) fn opaque(&mut self, stopped: Stopped) -> Flow<Stopped> {
        let raises = self.run.as_ref().is_some_and(|(p, i)| p.care[*i].raises_trap);
        let writes = self.run.as_ref().is_some_and(|(p, i)| p.care[*i].writes_unknown);
        self.rec.accounting.stopped_for(Cause::Step);
        match stopped.resume(Resume::Step, 0)?.wait()? {
            Outcome::Stopped(stopped, Stop::Signal(libc::SIGTRAP)) => {
                let after = self.registers_after(&stopped, true)?;
                let own = is_own_trap(&stopped)? && !raises;
                if after.rip == self.rec.registers.rip && !own {
                    return self.signal(stopped, libc::SIGTRAP);
                }
                self.opaque_executed(after, writes)?;
                if own { Ok(stopped) } else { self.signal_after(stopped, libc::SIGTRAP, true) }
            }
            other => self.interrupted(other),
        }
    }

    /// Records all that differs as a patch.
    pub(super) fn opaque_executed(&mut self, after: Registers, writes: bool) -> Flow<()> {
        let Some((prepared, _)) = &self.run else { return Ok(()) };
        self.rec.begin_tracepoint(prepared.id)?;
        self.rec.builder.count(after.rip);
        self.end_execution(false);
        // int 0x80 may have closed some.
        self.rec.open_files.clear();
        let tracepoint = self.rec.last_tracepoint();
        let mut event = Event::new(tracepoint, self.rec.pid.cast_unsigned(), EventKind::Opaque);
        event.registers = RegisterPatch::between(&self.rec.registers, &after);
        self.rec.registers = after;
        self.rec.push_event(event);
        if writes { self.compare_memory() } else { Ok(()) }
    }

    /// Finds what changed in memory by comparing all of it; belongs to the last
    /// tracepoint.
    pub(super) fn compare_memory(&mut self) -> Flow<()> {
        self.rec.catch_up()?;
        let memory = self.rec.differences(Reach::Writable);
        self.rec.forget_memory();
        if !memory.is_empty() {
            let tracepoint = self.rec.last_tracepoint();
            let thread = self.rec.pid.cast_unsigned();
            let mut event = Event::new(tracepoint, thread, EventKind::Opaque);
            event.memory = memory;
            self.rec.push_event(event);
        }
        Ok(())
    }
}
