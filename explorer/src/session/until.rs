//! Running to a place.

use super::leave::{Found, Leave, Leaving};
use super::line_code::{LineCache, LineCode};

use super::stop::Stop;
use super::{Frames, LocationError, Session, Target};
use crate::timeline::{Direction, StateError};
use std::ops::Range;

/// How far a run to a place goes, and where the place counts. In the outermost frame, or one
/// whose caller is not known, all are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// To the end of history; everywhere.
    History,
    /// As long as the selected frame lasts; everywhere. gdb's `advance`.
    FrameLife,
    /// As long as the selected frame lasts; in that frame alone. gdb's `until`.
    Frame,
}

/// A place to run to.
struct Destination<'a> {
    targets: Vec<Target>,
    thread: Option<u32>,
    /// The frame in which it counts alone.
    own: Option<&'a Leaving>,
    direction: Direction,
    /// The last state of the way.
    end: u64,
}

/// What a run to a place meets at an address of it.
enum Met {
    Place,
    /// The place in a frame further in, outside of which the stack pointer is `base`.
    Inner {
        base: u64,
    },
    Other,
}

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

    /// Moves to the nearest state at `location`, as far as `bound` goes. Stops early at
    /// breakpoints and signals; if it is nowhere on the way, where the way ends: behind the
    /// return of the frame (Backward: at the call of it), or at the end of history (the start).
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn until(
        &mut self,
        location: &str,
        direction: Direction,
        bound: Bound,
    ) -> Result<(), LocationError> {
        let targets = self.resolve(location)?;
        let frame = match bound {
            Bound::History => None,
            Bound::FrameLife | Bound::Frame => self.leaving(Leave::Function)?.ok(),
        };
        let out = match &frame {
            Some(frame) => self.out_of(frame, direction)?,
            None => None,
        };
        let end = out.as_ref().map_or(self.edge(direction), |(state, _)| *state);
        let thread = match &frame {
            Some(frame) => Some(frame.thread),
            None => self.own_thread()?,
        };
        let own = frame.as_ref().filter(|_| bound == Bound::Frame);
        let found = self.find_place(&Destination { targets, thread, own, direction, end })?;
        let reached = || Stop::Until { location: self.understood(location) };
        let (target, stop) = match (found, out) {
            (Some(found), _) => (found, reached()),
            (None, Some(out)) => out,
            (None, None) => self.thread_edge(direction)?,
        };
        Ok(self.go(target, stop, direction)?)
    }

    /// Where a frame is left.
    fn out_of(&self, frame: &Leaving, direction: Direction) -> Result<Found, StateError> {
        let Ok(outer) = frame.outer else { return Ok(None) };
        let from = self.setting_out(direction)?;
        self.out_of_function(frame, outer, from, direction)
    }

    fn find_place(&self, destination: &Destination) -> Result<Option<u64>, StateError> {
        let mut addresses: Vec<u64> =
            destination.targets.iter().map(|target| target.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut from = self.cursor;
        loop {
            let Some(state) = self.find_pc(from, destination.direction, &addresses)? else {
                return Ok(None);
            };
            let beyond = match destination.direction {
                Direction::Forward => state > destination.end,
                Direction::Backward => state < destination.end,
            };
            if beyond {
                return Ok(None);
            }
            from = match self.meets(destination, state)? {
                Met::Place => return Ok(Some(state)),
                Met::Other => state,
                Met::Inner { base } => {
                    // Nor is it in what is called from there.
                    let thread = self.timeline.thread(state)?;
                    match self.find_above(thread, state, destination.direction, base)? {
                        None => return Ok(None),
                        Some(left) if destination.direction == Direction::Forward => left - 1,
                        Some(call) => call + 1,
                    }
                }
            };
        }
    }

    /// What a state is, at an address of the destination.
    fn meets(&self, destination: &Destination, state: u64) -> Result<Met, StateError> {
        if destination.thread.is_some_and(|id| !self.timeline.runs(state, id)) {
            return Ok(Met::Other);
        }
        let pc = self.timeline.pc(state)?;
        let module = self.module_at(state, pc);
        if !destination.targets.iter().any(|target| target.is_at(pc, module)) {
            return Ok(Met::Other);
        }
        let Some((own, (base, _))) =
            destination.own.and_then(|own| own.outer.clone().ok().map(|outer| (own, outer)))
        else {
            return Ok(Met::Place);
        };
        let frames = Frames::walk(self, own.thread, state, 2)?;
        let cfa = frames.walked().frames.first().and_then(|frame| frame.cfa);
        let entry = frames.level(0).and_then(|view| view.entry());
        Ok(match cfa {
            Some(inner) if inner < base => Met::Inner { base: inner },
            Some(other) if other != base || entry != own.entry => Met::Other,
            // Where the frame is not known, it may be the one.
            _ => Met::Place,
        })
    }
}
