//! Watchpoints: stops where something is written or read.

use super::breakpoint::{Access, Breakpoint, Watch};
use super::condition::Hit;
use super::modification::field_of;
use super::stop::Stop;
use super::triggers::most_together;
use super::value::Bytes;
use super::{Session, Subject};
use crate::index::{Plans, find_reads};
use crate::timeline::{Direction, StateError, Timeline};
use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};

/// Accesses that are looked at one by one: what is near needs no whole chunks.
const SOON: usize = 16;

/// How many times as many writes are looked at next, if none of these changed anything.
const GROWTH: usize = 4;

/// Most reads that are looked for at a time.
const MOST_AHEAD: usize = 1 << 12;

/// A write that a watchpoint stops at.
pub(super) struct Triggered {
    /// The state to stop at: behind the write or, going back, before it.
    pub state: u64,
    /// The tracepoint that writes or reads.
    pub moment: u64,
    /// Why, without the watchpoint's expression, which the session knows.
    pub stop: Stop,
    /// What is wrong with the watchpoint's condition, if it stops because of that.
    pub fault: Option<String>,
}

impl Session {
    /// The first watchpoint that the way from the cursor to state `target` meets.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn first_watch(
        &self,
        target: u64,
        direction: Direction,
    ) -> Result<Option<Triggered>, StateError> {
        let mut nearest: Option<Triggered> = None;
        for (breakpoint, watch) in self.breakpoints.watches() {
            let times = self.way(&nearest, target, direction);
            let (_, found) =
                self.nth_trigger(breakpoint, watch, times, direction, breakpoint.ignore)?;
            nearest = found.or(nearest);
        }
        Ok(nearest)
    }

    /// What other watchpoints stop at where one has stopped.
    ///
    /// # Errors
    /// When history cannot be read there.
    pub(super) fn triggered_too(&self, direction: Direction) -> Result<Vec<Stop>, StateError> {
        let Stop::Watch { number, tracepoint, .. } = self.stop else { return Ok(Vec::new()) };
        let others = self.breakpoints.watches().filter(|(one, _)| one.number != number);
        let mut found = Vec::new();
        for (one, watch) in others.filter(|(one, _)| one.ignore == 0) {
            let times = tracepoint..tracepoint.saturating_add(1);
            let (_, triggered) = self.nth_trigger(one, watch, times, direction, 0)?;
            found.extend(triggered.map(|triggered| triggered.stop));
        }
        Ok(found)
    }

    /// Of what in `times` a watchpoint stops at, where its condition holds, the first behind
    /// `skipped` others; and how many of those there are.
    pub(super) fn nth_trigger(
        &self,
        breakpoint: &Breakpoint,
        watch: &Watch,
        times: Range<u64>,
        direction: Direction,
        skipped: u64,
    ) -> Result<(u64, Option<Triggered>), StateError> {
        let mut times = watch.scope.map_or(times.clone(), |scope| scope.within(times));
        let mut count = 0;
        let mut ahead = ReadsAhead::default();
        for _ in 0..SOON {
            let next = self.next_trigger((breakpoint.number, watch), &times, direction, &mut ahead);
            let Some(mut found) = next? else { return Ok((count, None)) };
            self.interrupt.check()?;
            match self.stops_at(breakpoint, found.moment)? {
                Some(hit) if count == skipped => {
                    found.fault = hit.fault;
                    return Ok((count, Some(found)));
                }
                hit => count += u64::from(hit.is_some()),
            }
            match direction {
                Direction::Forward => times.start = found.moment + 1,
                Direction::Backward => times.end = found.moment,
            }
        }
        self.nth_far_trigger((breakpoint, watch), times, direction, (skipped, count))
    }

    /// The same in the rest of `times`, behind `count` others.
    fn nth_far_trigger(
        &self,
        (breakpoint, watch): (&Breakpoint, &Watch),
        times: Range<u64>,
        direction: Direction,
        (skipped, mut count): (u64, u64),
    ) -> Result<(u64, Option<Triggered>), StateError> {
        let mut moment = None;
        let sought = (direction, skipped.saturating_sub(count).saturating_add(1));
        self.triggers((breakpoint, watch), &times, sought, &mut |t| {
            if count == skipped {
                moment = Some(t);
                return Ok(ControlFlow::Break(()));
            }
            count += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        let Some(t) = moment else { return Ok((count, None)) };
        let mut ahead = ReadsAhead::default();
        let here = t..t.saturating_add(1);
        let mut found =
            self.next_trigger((breakpoint.number, watch), &here, direction, &mut ahead)?;
        if let Some(found) = &mut found {
            found.fault = self.stops_at(breakpoint, t)?.and_then(|hit| hit.fault);
        }
        Ok((count, found))
    }

    /// Whether a watchpoint stops at an access to what it watches.
    pub(super) fn stops_at(
        &self,
        breakpoint: &Breakpoint,
        moment: u64,
    ) -> Result<Option<Hit>, StateError> {
        let thread = self.timeline.thread(moment)?;
        Ok(self.verdict(breakpoint, thread, (moment.saturating_add(1), 0)))
    }

    /// The first access in `times` of the kind that a watchpoint stops at.
    fn next_trigger<'s>(
        &'s self,
        (number, watch): (u32, &Watch),
        times: &Range<u64>,
        direction: Direction,
        ahead: &mut ReadsAhead<'s>,
    ) -> Result<Option<Triggered>, StateError> {
        let Watch { subject, access, .. } = watch;
        let write = match access {
            Access::Read => None,
            _ => {
                let changes = *access == Access::Write;
                self.trigger(number, subject, times.clone(), direction, changes)?
            }
        };
        if *access == Access::Write {
            return Ok(write);
        }
        let nearer = match (direction, &write) {
            (_, None) => times.clone(),
            // The same tracepoint would say nothing new.
            (Direction::Forward, Some(write)) => times.start..write.moment,
            (Direction::Backward, Some(write)) => write.moment + 1..times.end,
        };
        let Some(addresses) = subject.addresses() else { return Ok(write) };
        let read = ahead.next(&self.timeline, &addresses, nearer, direction)?;
        let read = read.map(|moment| self.read_trigger(number, subject, moment, direction));
        Ok(read.transpose()?.or(write))
    }

    /// The tracepoints from the cursor to `target`, or to what was found nearer.
    fn way(&self, nearest: &Option<Triggered>, target: u64, direction: Direction) -> Range<u64> {
        match (direction, nearest) {
            (Direction::Forward, None) => self.cursor..target,
            (Direction::Backward, None) => target..self.cursor,
            // The same tracepoint would say nothing new.
            (Direction::Forward, Some(found)) => self.cursor..found.state.saturating_sub(1),
            (Direction::Backward, Some(found)) => found.state.saturating_add(1)..self.cursor,
        }
    }

    /// A read of memory at tracepoint `moment`.
    fn read_trigger(
        &self,
        number: u32,
        subject: &Subject,
        moment: u64,
        direction: Direction,
    ) -> Result<Triggered, StateError> {
        let addresses = subject.addresses().unwrap_or_default();
        let length = addresses.end.saturating_sub(addresses.start) as usize;
        let mut value: Bytes = self.timeline.memory(moment, addresses.start, length)?.into();
        if let Some(bits) = subject.bits() {
            value = field_of(bits, &value);
        }
        Ok(triggered(number, moment, direction, (value.clone(), value)))
    }

    fn trigger(
        &self,
        number: u32,
        subject: &Subject,
        mut times: Range<u64>,
        direction: Direction,
        changes: bool,
    ) -> Result<Option<Triggered>, StateError> {
        let mut most = 1;
        loop {
            self.interrupt.check()?;
            let writes = self.changes(subject, times.clone(), direction, most)?;
            let Some(((last, _), _)) = writes.last() else { return Ok(None) };
            let (last, is_all) = (*last, writes.len() < most);
            let wanted = writes.into_iter().find(|(_, (old, new))| old != new || !changes);
            if let Some(((moment, _), held)) = wanted {
                return Ok(Some(triggered(number, moment, direction, held)));
            }
            if is_all {
                return Ok(None);
            }
            match direction {
                Direction::Forward => times.start = last.saturating_add(1),
                Direction::Backward => times.end = last,
            }
            // What is near needs few; of many that change nothing, the values are found together.
            most = (most * GROWTH).min(most_together(subject));
        }
    }
}

/// Reads that were found beyond the one asked for: a condition may pass many of them by, and
/// finding them goes over whole chunks.
#[derive(Default)]
struct ReadsAhead<'a> {
    plans: Option<Plans<'a>>,
    /// The nearest first.
    found: VecDeque<u64>,
    /// How many were last looked for.
    batch: usize,
}

impl<'a> ReadsAhead<'a> {
    /// The nearest read of some of `addresses` in `times`, which always go on from where they
    /// were when this was asked before.
    fn next(
        &mut self,
        timeline: &'a Timeline,
        addresses: &Range<u64>,
        times: Range<u64>,
        direction: Direction,
    ) -> Result<Option<u64>, StateError> {
        while self.found.front().is_some_and(|t| !times.contains(t)) {
            self.found.pop_front();
        }
        if self.found.is_empty() {
            self.batch = self.batch.saturating_mul(8).clamp(1, MOST_AHEAD);
            let plans = self.plans.get_or_insert_with(|| Plans::with_reads(timeline.dictionary()));
            let (found, most) = (&mut self.found, self.batch);
            find_reads(timeline, plans, addresses, (times, direction), &mut |t| {
                found.push_back(t);
                if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
        }
        Ok(self.found.front().copied())
    }
}

fn triggered(
    number: u32,
    moment: u64,
    direction: Direction,
    (old, new): (Bytes, Bytes),
) -> Triggered {
    let state = match direction {
        Direction::Forward => moment + 1,
        Direction::Backward => moment,
    };
    let stop = Stop::Watch {
        number,
        expression: String::new(),
        tracepoint: moment,
        old,
        new,
        typed: None,
    };
    Triggered { state, moment, stop, fault: None }
}
