//! What watchpoints with conditions stop at, far from the cursor: chunk by chunk, several at a
//! time.

use super::breakpoint::{Access, Breakpoint, Watch};
use super::judged::Found;
use super::{Session, Subject};
use crate::index::{Plans, find_reads};
use crate::timeline::{Direction, StateError};
use std::ops::{ControlFlow, Range};

/// Most writes whose values are looked at together, and most bytes that those are.
const MOST_WRITES: u64 = 1 << 14;
const MOST_BYTES: u64 = 1 << 22;

/// Most writes to a subject whose values are looked at together.
pub(super) fn most_together(subject: &Subject) -> usize {
    let bytes = subject.addresses().map_or(0, |range| range.end.saturating_sub(range.start));
    (MOST_BYTES / bytes.max(1)).clamp(1, MOST_WRITES) as usize
}

impl Session {
    /// Calls `take` with the tracepoints of `times` that a watchpoint stops at, in `direction`,
    /// until it breaks, which it does after `most` at the latest.
    ///
    /// # Errors
    /// When history cannot be read there, or somebody asked to stop; those of `take`.
    pub(super) fn triggers(
        &self,
        (breakpoint, watch): (&Breakpoint, &Watch),
        times: &Range<u64>,
        (direction, most): (Direction, u64),
        take: &mut dyn FnMut(u64) -> Result<ControlFlow<()>, StateError>,
    ) -> Result<(), StateError> {
        if times.is_empty() {
            return Ok(());
        }
        let last = self.timeline.chunk_at(times.end - 1)?;
        let mut chunks: Vec<usize> = (self.timeline.chunk_at(times.start)?..last + 1).collect();
        if direction == Direction::Backward {
            chunks.reverse();
        }
        let reads =
            (watch.access != Access::Write).then(|| Plans::with_reads(self.timeline.dictionary()));
        let find = |session: &Session, chunk: usize, found: &mut Found<'_, u64>| {
            let place = session.timeline.chunk_places().get(chunk);
            let (first, end) = place.map_or((0, 0), |place| (place.first, place.end()));
            let times = first.max(times.start)..end.min(times.end);
            let all = session.accesses(watch, reads.as_ref(), times)?;
            found.add_each(all, direction, &mut |t| {
                session.interrupt.check()?;
                Ok(session.stops_at(breakpoint, t)?.map(|_| (t, true)))
            })
        };
        self.by_chunks(&chunks, most, &find, take)
    }

    /// The tracepoints of `times` with accesses of the kind that a watchpoint stops at, in order.
    fn accesses(
        &self,
        watch: &Watch,
        reads: Option<&Plans<'_>>,
        times: Range<u64>,
    ) -> Result<Vec<u64>, StateError> {
        let mut all = match watch.access {
            Access::Write => self.changing(&watch.subject, times.clone())?,
            Access::Any => self.writing(&watch.subject, times.clone())?,
            Access::Read => Vec::new(),
        };
        if let (Some(plans), Some(addresses)) = (reads, watch.subject.addresses()) {
            let mut visit = |t| {
                all.push(t);
                ControlFlow::Continue(())
            };
            let times = (times, Direction::Forward);
            find_reads(&self.timeline, plans, &addresses, times, &mut visit)?;
            all.sort_unstable();
            all.dedup();
        }
        Ok(all)
    }

    /// The tracepoints of `times` that write to a subject.
    fn writing(&self, subject: &Subject, times: Range<u64>) -> Result<Vec<u64>, StateError> {
        let mut all = Vec::new();
        self.each_write(subject, times, &mut |t, _| all.push(t))?;
        Ok(all)
    }

    /// Those that change it.
    fn changing(&self, subject: &Subject, times: Range<u64>) -> Result<Vec<u64>, StateError> {
        let mut all = Vec::new();
        self.each_write(subject, times, &mut |t, changes| all.extend(changes.then_some(t)))?;
        Ok(all)
    }

    /// Calls `visit` with the tracepoints of `times` that write to a subject, and whether they
    /// change it.
    fn each_write(
        &self,
        subject: &Subject,
        mut times: Range<u64>,
        visit: &mut dyn FnMut(u64, bool),
    ) -> Result<(), StateError> {
        let most = most_together(subject);
        loop {
            let changes = self.changes(subject, times.clone(), Direction::Forward, most)?;
            let is_all = changes.len() < most;
            for ((t, _), (old, new)) in changes {
                visit(t, old != new);
                times.start = t.saturating_add(1);
            }
            if is_all {
                return Ok(());
            }
        }
    }
}
