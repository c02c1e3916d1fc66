//! Running to a place.

use super::line_code::{LineCache, LineCode};
use super::stop::Stop;
use super::{LocationError, Session};
use crate::timeline::Direction;
use std::ops::Range;

impl Session {
    /// The code of the function around the cursor, where `line` is, from its entry to the end of
    /// what goes on with the line. The rule is gdb's: rows that are no places to stop go on.
    pub(super) fn code_so_far(&self, lines: &mut LineCache, line: &LineCode) -> Range<u64> {
        let entry = line.instances.first().map_or(line.row.start, |function| function.entry);
        let mut end = line.row.end;
        while end < line.end {
            let next = lines.get(&self.locator, &self.timeline, self.cursor, end);
            match next.filter(|next| !next.stops && next.row.end > end) {
                Some(next) => end = next.row.end,
                None => break,
            }
        }
        entry..end
    }

    /// Moves to the nearest state at `location`. Stops early at breakpoints and
    /// signals; if it is nowhere on the way, at the end (Backward: the start).
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn until(&mut self, location: &str, direction: Direction) -> Result<(), LocationError> {
        let targets = self.resolve(location)?;
        let mut addresses: Vec<u64> = targets.iter().map(|target| target.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let thread = self.own_thread()?;
        let there = |state: u64, pc: u64| {
            if thread.is_some_and(|id| !self.timeline.runs(state, id)) {
                return false;
            }
            let module = self.module_at(state, pc);
            targets.iter().any(|target| target.is_at(pc, module))
        };
        let mut from = self.cursor;
        let found = loop {
            match self.find_pc(from, direction, &addresses)? {
                Some(state) if !there(state, self.timeline.pc(state)?) => from = state,
                found => break found,
            }
        };
        let distance = |state: u64| state.abs_diff(self.cursor);
        let hit = self.next_breakpoint(self.cursor, direction)?;
        let hit = hit.filter(|hit| found.is_none_or(|found| distance(*hit) < distance(found)));
        let (target, stop) = match (hit, found) {
            (Some(hit), _) => (hit, Stop::Breakpoint { breakpoints: Vec::new() }),
            (None, Some(found)) => (found, Stop::Until { location: self.understood(location) }),
            (None, None) => self.thread_edge(direction)?,
        };
        Ok(self.finish(target, stop, direction)?)
    }
}
