//! Modifications: the tracepoints that wrote to a subject, with what it held
//! before and after.

mod before;
mod field;
mod stored;
mod typed;
mod values;

pub(in crate::session) use field::field_of;

use super::places::Places;
use super::subject::Subject;
use super::value::{Bytes, serialize_value};
use super::{Place, Session, Window};
use crate::index::{Index, IndexError};
use crate::timeline::{Direction, StateError};
use field::Change;
use serde::Serialize;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// One write to a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Modification {
    /// The tracepoint; the new value shows in the state after it.
    pub tracepoint: u64,
    /// The thread that executed it.
    pub thread: u32,
    /// Its instruction.
    #[serde(flatten, serialize_with = "super::places::serialize")]
    pub place: Arc<Place>,
    /// What was there before.
    #[serde(serialize_with = "serialize_value")]
    pub old: Bytes,
    /// What was there afterwards.
    #[serde(serialize_with = "serialize_value")]
    pub new: Bytes,
    /// Whether it changed what is mapped there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mapped: bool,
    /// Whether it is the cursor's own.
    pub current: bool,
}

/// A tracepoint that writes; whether it changes mappings.
type Moment = (u64, bool);

impl Session {
    /// The writes of `times` around the cursor, in order.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn modifications(
        &self,
        subject: &Subject,
        times: Range<u64>,
        window: Window,
    ) -> Result<Vec<Modification>, StateError> {
        self.placed(self.changes_around(subject, times, window)?.into_iter())
    }

    /// The first writes of `times`, in order: at most `limit`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn modifications_in(
        &self,
        subject: &Subject,
        times: Range<u64>,
        limit: usize,
    ) -> Result<Vec<Modification>, StateError> {
        self.placed(self.changes(subject, times, Direction::Forward, limit)?.into_iter())
    }

    /// The first writes of `times`, in order: at most `limit`; `last` is the one before `times`,
    /// if that is known: what it left is what the first finds.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn modifications_behind(
        &self,
        subject: &Subject,
        times: Range<u64>,
        limit: usize,
        last: Option<&Modification>,
    ) -> Result<Vec<Modification>, StateError> {
        let (Some(last), Subject::Memory { bits: None, .. }) = (last, subject) else {
            return self.modifications_in(subject, times, limit);
        };
        let moments = self.moments(subject, times, Direction::Forward, limit)?;
        let addresses = subject.addresses().unwrap_or_default();
        let values = self.memory_values(&addresses, &moments, Some(last.new.clone()))?;
        self.placed(moments.into_iter().zip(values))
    }

    /// Writes, and where they are made.
    fn placed(
        &self,
        changes: impl ExactSizeIterator<Item = Change>,
    ) -> Result<Vec<Modification>, StateError> {
        let mut places = Places::new(self);
        let mut placed = Vec::with_capacity(changes.len());
        for ((tracepoint, mapped), (old, new)) in changes {
            self.interrupt.check()?;
            let (place, thread) = places.of(tracepoint)?;
            let current = tracepoint == self.cursor;
            placed.push(Modification { tracepoint, thread, place, old, new, mapped, current });
        }
        Ok(placed)
    }

    /// The writes of `times` around the cursor, in order.
    fn changes_around(
        &self,
        subject: &Subject,
        times: Range<u64>,
        window: Window,
    ) -> Result<Vec<Change>, StateError> {
        let [earlier, later] = self.around(times);
        let mut changes = self.changes(subject, earlier, Direction::Backward, window.past)?;
        changes.reverse();
        changes.extend(self.changes(subject, later, Direction::Forward, window.future)?);
        Ok(changes)
    }

    /// At most `limit` writes of `times` to the subject, in `direction`.
    pub(super) fn changes(
        &self,
        subject: &Subject,
        times: Range<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Change>, StateError> {
        match subject.bits() {
            Some(bits) => self.field_changes((subject, bits), times, direction, limit),
            None => self.byte_changes(subject, times, direction, limit),
        }
    }

    /// The same of the bytes that it lies in.
    fn byte_changes(
        &self,
        subject: &Subject,
        times: Range<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Change>, StateError> {
        let mut moments = self.moments(subject, times, direction, limit)?;
        // Values are found in the order of time.
        if direction == Direction::Backward {
            moments.reverse();
        }
        let values = self.values(subject, &moments)?;
        let mut changes: Vec<Change> = moments.into_iter().zip(values).collect();
        if direction == Direction::Backward {
            changes.reverse();
        }
        Ok(changes)
    }

    /// The part of `times` before the cursor, and that from it on.
    pub(super) fn around(&self, times: Range<u64>) -> [Range<u64>; 2] {
        let cursor = self.cursor;
        [times.start..times.end.min(cursor), times.start.max(cursor)..times.end]
    }

    /// The nearest tracepoint of `times` that wrote to the subject, before the cursor or
    /// behind it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn nearest_write(
        &self,
        subject: &Subject,
        times: Range<u64>,
        direction: Direction,
    ) -> Result<Option<u64>, StateError> {
        let [earlier, later] = self.around(times);
        let behind = self.cursor.saturating_add(1);
        let times = match direction {
            Direction::Forward => later.start.max(behind)..later.end,
            Direction::Backward => earlier,
        };
        if subject.bits().is_some() {
            let found = self.next_write(subject, times, direction)?;
            return Ok(found.map(|(tracepoint, ..)| tracepoint));
        }
        let found = self.moments(subject, times, direction, 1)?;
        Ok(found.first().map(|(tracepoint, _)| *tracepoint))
    }

    /// The nearest write of `times` to the subject in `direction`: its tracepoint,
    /// and what was there before and afterwards.
    ///
    /// # Errors
    /// [`StateError`].
    pub(super) fn next_write(
        &self,
        subject: &Subject,
        times: Range<u64>,
        direction: Direction,
    ) -> Result<Option<(u64, Bytes, Bytes)>, StateError> {
        let found = self.changes(subject, times, direction, 1)?.into_iter().next();
        Ok(found.map(|((tracepoint, _), (old, new))| (tracepoint, old, new)))
    }

    fn values(
        &self,
        subject: &Subject,
        moments: &[Moment],
    ) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        match subject {
            Subject::Variable(kept) => {
                moments.iter().map(|(t, _)| self.kept_values(kept, *t)).collect()
            }
            Subject::Register { name, .. } => self.register_values(name, moments),
            Subject::Memory { .. } => {
                self.memory_values(&subject.addresses().unwrap_or_default(), moments, None)
            }
        }
    }

    /// At most `limit` tracepoints of `times` that write to the subject, of a bit-field to the
    /// bytes it lies in, in `direction`.
    fn moments(
        &self,
        subject: &Subject,
        times: Range<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Moment>, StateError> {
        if limit == 0 || times.is_empty() {
            return Ok(Vec::new());
        }
        self.ask_index(|index| {
            let mut found = Vec::new();
            self.moments_of(index, subject, (times.clone(), direction), &mut |moment| {
                found.push(moment);
                if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            Ok(found)
        })
    }

    /// Calls `take` with the tracepoints of `times` that write to the subject, in `direction`,
    /// until it breaks.
    pub(super) fn moments_of(
        &self,
        index: &Index,
        subject: &Subject,
        (times, direction): (Range<u64>, Direction),
        take: &mut dyn FnMut(Moment) -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        match subject {
            Subject::Memory { .. } => {
                let addresses = subject.addresses().unwrap_or_default();
                let visit = &mut |w: crate::index::Write| take((w.tracepoint, w.mapped));
                index.writes(&self.timeline, addresses, times, direction, visit)
            }
            Subject::Variable(kept) => {
                let take = &mut |t| take((t, false));
                self.kept_writes(index, kept, (times, direction), take)
            }
            Subject::Register { name, thread, .. } => {
                let bits = Subject::bits_of(name);
                let others = |t| thread.is_some_and(|id| !self.timeline.runs(t, id));
                let visit = &mut |t| match others(t) {
                    true => ControlFlow::Continue(()),
                    false => take((t, false)),
                };
                index.register_writes(&self.timeline, bits, times, direction, visit)
            }
        }
    }
}
