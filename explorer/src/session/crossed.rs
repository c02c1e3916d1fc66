//! Where history crosses breakpoints whose conditions hold: the nearest in turn, so that a short
//! answer comes at once, the others chunk by chunk, several at a time.

use super::Session;
use super::breakpoint::{self, Breakpoint, addresses_of};
use super::judged::{Found, in_direction};
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

/// Crossings that are looked for one by one: what is near needs no index.
const SOON: usize = 16;

/// Breakpoints, and where they are.
struct Crossed<'a> {
    breakpoints: &'a [&'a Breakpoint],
    /// Ascending.
    addresses: Vec<u64>,
    times: Range<u64>,
}

/// The nearest breakpoint on a way in one direction: what lies ahead is looked for once, not
/// from each state that asks.
#[derive(Default)]
pub(super) struct Ahead {
    /// From where it was looked for, and what was found.
    known: Option<(u64, Direction, Option<u64>)>,
}

impl Ahead {
    /// The nearest state after (before) `from` at an enabled breakpoint.
    pub fn next(
        &mut self,
        session: &Session,
        from: u64,
        direction: Direction,
    ) -> Result<Option<u64>, StateError> {
        if let Some((start, way, hit)) = self.known
            && way == direction
        {
            let between = match direction {
                Direction::Forward => start <= from && hit.is_none_or(|hit| from < hit),
                Direction::Backward => from <= start && hit.is_none_or(|hit| hit < from),
            };
            if between {
                return Ok(hit);
            }
        }
        let hit = session.next_breakpoint(from, direction)?;
        self.known = Some((from, direction, hit));
        Ok(hit)
    }
}

impl Session {
    /// The nearest state after (before) `from` at an enabled breakpoint.
    pub(super) fn next_breakpoint(
        &self,
        mut from: u64,
        direction: Direction,
    ) -> Result<Option<u64>, StateError> {
        let addresses = self.breakpoints.addresses();
        if addresses.is_empty() {
            return Ok(None);
        }
        for _ in 0..SOON {
            self.interrupt.check()?;
            match self.find_pc(from, direction, &addresses)? {
                Some(state) if !self.is_hit(state, self.timeline.pc(state)?) => from = state,
                found => return Ok(found),
            }
        }
        self.next_far_breakpoint(from, direction)
    }

    fn next_far_breakpoint(
        &self,
        from: u64,
        direction: Direction,
    ) -> Result<Option<u64>, StateError> {
        let active: Vec<&Breakpoint> = self.breakpoints.active().collect();
        let end = self.timeline.end();
        let times = match direction {
            Direction::Forward => from.saturating_add(1)..end,
            Direction::Backward => 0..from.min(end),
        };
        let mut hit = None;
        // Of those that are to be ignored, it is not known how many are.
        let most = if active.iter().all(|one| one.ignore == 0) { 1 } else { u64::MAX };
        self.crossed((&active, most), times, direction, &mut |state| {
            // Those that are to be ignored are crossed as well.
            let stops = self.is_hit(state, self.timeline.pc(state)?);
            hit = stops.then_some(state);
            Ok(if stops { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        // The last state is no tracepoint, but has a place.
        if hit.is_none() && direction == Direction::Forward && from < end {
            hit = self.is_hit(end, self.timeline.pc(end)?).then_some(end);
        }
        Ok(hit)
    }

    /// Calls `take` with the tracepoints of `times` at which one of `breakpoints` is crossed, in
    /// `direction`, until it breaks, which it does after `most` at the latest.
    ///
    /// # Errors
    /// When history cannot be read there, or somebody asked to stop; those of `take`.
    pub(super) fn crossed(
        &self,
        (breakpoints, mut most): (&[&Breakpoint], u64),
        times: Range<u64>,
        direction: Direction,
        take: &mut dyn FnMut(u64) -> Result<ControlFlow<()>, StateError>,
    ) -> Result<(), StateError> {
        let addresses = addresses_of(breakpoints.iter().copied());
        let chunks = self.chunks_executing(times.clone(), direction, &addresses)?;
        let Some((first, rest)) = chunks.split_first() else { return Ok(()) };
        let crossed = Crossed { breakpoints, addresses, times };
        for t in in_direction(crossed.executed_in(self, *first)?, direction) {
            self.interrupt.check()?;
            if crossed.is_at(self, t)? {
                if take(t)?.is_break() {
                    return Ok(());
                }
                most = most.saturating_sub(1);
            }
        }
        let find = |session: &Session, chunk: usize, found: &mut Found<'_, u64>| {
            crossed.find_in(session, (chunk, direction), found)
        };
        self.by_chunks(rest, most, &find, take)
    }

    /// Whether `breakpoint` is crossed at `state`, where `pc` is executed.
    pub(super) fn crosses(
        &self,
        breakpoint: &Breakpoint,
        state: u64,
        pc: u64,
    ) -> Result<bool, StateError> {
        let module = self.module_at(state, pc);
        if !breakpoint.is_at(pc, module) {
            return Ok(false);
        }
        if breakpoint.condition.is_none() && breakpoint.thread.is_none() {
            return Ok(true);
        }
        let thread = self.timeline.thread(state)?;
        let outside = breakpoint::outside(&breakpoint.targets, pc, module);
        Ok(self.verdict(breakpoint, thread, (state, outside)).is_some())
    }
}

impl Crossed<'_> {
    /// The tracepoints of a chunk at one of the addresses, in order.
    fn executed_in(&self, session: &Session, chunk: usize) -> Result<Vec<u64>, StateError> {
        session.timeline.find_all_in(chunk, self.times.clone(), &self.addresses)
    }

    /// Adds those at which one of the breakpoints is crossed to `found`.
    fn find_in(
        &self,
        session: &Session,
        (chunk, direction): (usize, Direction),
        found: &mut Found<'_, u64>,
    ) -> Result<(), StateError> {
        found.add_each(self.executed_in(session, chunk)?, direction, &mut |t| {
            session.interrupt.check()?;
            Ok(self.is_at(session, t)?.then_some((t, true)))
        })
    }

    /// Whether one is crossed at tracepoint `t`, which is at one of the addresses.
    fn is_at(&self, session: &Session, t: u64) -> Result<bool, StateError> {
        let pc = match self.addresses[..] {
            [only] => only,
            _ => session.timeline.pc(t)?,
        };
        for one in self.breakpoints {
            if session.crosses(one, t, pc)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
