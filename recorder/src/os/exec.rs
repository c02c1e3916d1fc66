//! exec: a new program in the same process.

use super::{Entered, with_instruction_effects};
use crate::capture;
use crate::engine::EngineError;
use crate::recording::Recording;
use crate::tracee::Memory;
use rdb_schema::event::{Event, EventKind};
use rdb_schema::registers::{RegisterPatch, Registers};
use rdb_schema::space::MappingChange;

impl Recording {
    /// Records a successful exec, whose tracepoint has been counted; `after` are
    /// the new program's first registers.
    ///
    /// # Errors
    /// Those of reading /proc, and the trace's own.
    pub fn exec(&mut self, call: &Entered, after: Registers) -> Result<(), EngineError> {
        let (id, state) = (self.pid.cast_unsigned(), self.tracepoint());
        self.memory = Memory::new(self.pid)?;
        self.own.clear();
        let start = capture::process_start(id)?;
        self.tracked.exec(id, start.layout.start_brk);
        self.event(EventKind::Syscall(call.event(0)));
        let mappings = self.image_mappings(state)?;
        let kind = EventKind::Exec(Box::new(start));
        let mut event = Event::new(self.last_tracepoint(), id, kind);
        let expected = with_instruction_effects(self.registers, &after);
        event.registers = RegisterPatch::between(&expected, &after);
        event.mappings.push(MappingChange::Clear);
        event.mappings.extend(mappings.iter().cloned().map(MappingChange::Map));
        self.registers = after;
        self.push_event(event);
        self.catch_up()?;
        for mapping in &mappings {
            self.capture(mapping, state);
        }
        Ok(())
    }
}
