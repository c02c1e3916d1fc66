//! Pointers that the allocator returned: how it came by them is told only when all is asked for.

use super::left::LeftFrame;
use super::tracer::{Task, Tracer};
use super::writer::{Piece, Writer};
use super::{Beginning, Origin};
use crate::dataflow::Span;
use crate::session::heap::Function;
use crate::session::{Session, passed};
use crate::symbols::ModuleAddr;
use crate::timeline::StateError;
use rdb_schema::registers::Gpr;

/// A call of the allocator that returned.
struct Allocation {
    function: Function,
    /// The tracepoint of its first instruction; none if that was not found.
    entered: Option<u64>,
}

impl Tracer<'_> {
    /// Ends the way of what a function of the allocator returned; whether it did.
    pub(super) fn ends_at_allocation(
        &mut self,
        task: &Task,
        pieces: &[Piece],
    ) -> Result<bool, StateError> {
        let returned = !self.reach.stack && task.span.within(&Span::gpr(Gpr::RAX, 8)).is_some();
        let [piece @ Piece { writer: Writer::Instruction { tracepoint, .. }, .. }] = pieces else {
            return Ok(false);
        };
        // Nothing returns to where it was.
        let reading = self.reading(task)?;
        if !returned
            || self.visits.place(*tracepoint)?.function == self.visits.place(reading)?.function
        {
            return Ok(false);
        }
        let Some(allocation) = self.session.allocation(*tracepoint, task.state)? else {
            return Ok(false);
        };
        let origin = self.session.allocated(&allocation)?;
        let tracepoint = allocation.entered;
        match task.reader.and_then(|(link, _)| self.why.links.get_mut(link)) {
            Some(link) => {
                link.add(Beginning { tracepoint, origin });
                self.shown += 1;
            }
            None => self.end(task, piece, tracepoint, origin)?,
        }
        Ok(true)
    }
}

impl Session {
    /// The outermost call of an allocating function that tracepoint `t` is inside of and state
    /// `after` is not.
    fn allocation(&self, t: u64, after: u64) -> Result<Option<Allocation>, StateError> {
        let thread = self.timeline.thread(t)?;
        let mut found = None;
        for LeftFrame { pc, cfa } in self.left_between(t, after)? {
            let Some(bounds) = self.locator.bounds(&self.timeline, t, pc) else { continue };
            if let Some(function) = self.allocating(t, bounds.start) {
                found = Some((function, bounds.start, cfa));
            }
        }
        let Some((function, entry, cfa)) = found else { return Ok(None) };
        let entered = self.entered_before((thread, t), entry, cfa)?;
        Ok(Some(Allocation { function, entered }))
    }

    /// The function of the allocator that begins at an address and returns what it allocated.
    fn allocating(&self, t: u64, entry: u64) -> Option<Function> {
        let (symbols, bias) = self.locator.module_at(&self.timeline, t, entry)?;
        let names = symbols.names_at(ModuleAddr::of_runtime(entry, bias));
        Function::returning(&names)
    }

    /// `malloc(16)`.
    fn allocated(&self, allocation: &Allocation) -> Result<Origin, StateError> {
        let name = allocation.function.name;
        let arguments = match allocation.entered {
            Some(t) => {
                let registers = self.timeline.registers(t)?;
                allocation.function.arguments_text(&passed::arguments(&registers))
            }
            None => "…".to_owned(),
        };
        Ok(Origin::Returned { call: format!("{name}({arguments})") })
    }
}
