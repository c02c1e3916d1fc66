//! Executions of code, and calls of functions.

use super::passed::Passed;
use super::places::Places;
use super::{LocationError, Place, Session, Target};
use crate::symbols::{Arrival, CodeAddr};
use crate::timeline::{Direction, StateError};
use serde::Serialize;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// How many of something before and behind the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The nearest before it.
    pub past: usize,
    /// The nearest from it on.
    pub future: usize,
}

/// One execution of an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Execution {
    /// Its tracepoint.
    pub tracepoint: u64,
    /// Its thread.
    pub thread: u32,
    /// Where it is.
    #[serde(flatten, serialize_with = "super::places::serialize")]
    pub place: Arc<Place>,
    /// Whether it is the cursor's.
    pub current: bool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It returned to its caller.
    Returned,
    /// Its frame was left another way: longjmp, an exception.
    Left,
    /// It had not ended when history did.
    Running,
}

/// One call of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The tracepoint of its first instruction.
    pub tracepoint: u64,
    /// Its thread.
    pub thread: u32,
    /// The function, as it is named where it is.
    pub function: Option<String>,
    /// What the registers of integer arguments held.
    #[serde(serialize_with = "serialize_words")]
    pub arguments: [u64; 6],
    /// The function that it returns to.
    pub caller: Option<Place>,
    /// How it ended.
    pub ending: Ending,
    /// The state behind it.
    pub end: Option<u64>,
    /// Instructions of its thread that it took, its callees' included.
    pub instructions: Option<u64>,
    /// What rax held when it returned.
    #[serde(serialize_with = "serialize_word")]
    pub value: Option<u64>,
    /// Whether the cursor is at its first instruction.
    pub current: bool,
}

impl Session {
    /// Executions of a location around the cursor, in order.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn executions(
        &self,
        location: &str,
        window: Window,
    ) -> Result<Vec<Execution>, LocationError> {
        let targets = self.resolve_passes(location)?;
        Ok(self.executions_at(self.executed(&targets, window)?, &targets)?)
    }

    /// The first executions of places in `times`, in order: at most `limit`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn executions_in(
        &self,
        targets: &[Target],
        times: Range<u64>,
        limit: usize,
    ) -> Result<Vec<Execution>, StateError> {
        self.executions_at(self.executed_in(targets, times, Direction::Forward, limit)?, targets)
    }

    /// What was executed at tracepoints, which ascend; of those of `targets`, in their frames.
    pub(super) fn executions_at(
        &self,
        all: Vec<u64>,
        targets: &[Target],
    ) -> Result<Vec<Execution>, StateError> {
        let mut places = Places::of_targets(self, targets);
        let execution = |tracepoint: u64| {
            self.interrupt.check()?;
            let (place, thread) = places.of(tracepoint)?;
            Ok(Execution { tracepoint, thread, place, current: tracepoint == self.cursor })
        };
        all.into_iter().map(execution).collect()
    }

    /// Calls of the functions that are entered at `entries` ([`Session::entries_of`]) around the
    /// cursor, in order.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn calls(&self, entries: &[Target], window: Window) -> Result<Vec<Call>, StateError> {
        self.calls_entered(entries, &self.executed(entries, window)?)
    }

    /// The calls that begin at the tracepoints `all`, which ascend, of functions entered at
    /// `entries`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn calls_entered(&self, entries: &[Target], all: &[u64]) -> Result<Vec<Call>, StateError> {
        let mut calls = Vec::with_capacity(all.len());
        self.calls_at(all, &mut |passed| {
            self.interrupt.check()?;
            let function = entries.iter().find(|entry| entry.address == passed.pc);
            let function = function.and_then(|entry| entry.function.clone());
            calls.push(Call { function, ..self.call(&passed)? });
            Ok(())
        })?;
        Ok(calls)
    }

    /// The tracepoints around the cursor that execute one of `targets`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn executed(&self, targets: &[Target], window: Window) -> Result<Vec<u64>, StateError> {
        let mut past =
            self.executed_in(targets, 0..self.cursor, Direction::Backward, window.past)?;
        past.reverse();
        let later = self.cursor..self.timeline.end();
        past.extend(self.executed_in(targets, later, Direction::Forward, window.future)?);
        Ok(past)
    }

    /// At most `limit` tracepoints of `times` that execute one of `targets`, in `direction`.
    pub(super) fn executed_in(
        &self,
        targets: &[Target],
        times: Range<u64>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<u64>, StateError> {
        self.executed_that(targets, (times, direction), limit, &mut |_| Ok(true))
    }

    /// At most `limit` tracepoints of `times`, in `direction`, that execute one of `targets`
    /// and that `keep` wants.
    pub(super) fn executed_that(
        &self,
        targets: &[Target],
        (times, direction): (Range<u64>, Direction),
        limit: usize,
        keep: &mut dyn FnMut(u64) -> Result<bool, StateError>,
    ) -> Result<Vec<u64>, StateError> {
        if limit == 0 || times.is_empty() {
            return Ok(Vec::new());
        }
        let mut addresses: Vec<u64> = targets.iter().map(|target| target.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut keep = |t: u64| {
            self.interrupt.check()?;
            match self.comes_to(targets, t)? {
                Some(_) => keep(t),
                None => Ok(false),
            }
        };
        self.ask_index(|index| {
            let (mut found, mut failed) = (Vec::new(), None);
            index.executions(&self.timeline, times.clone(), direction, &addresses, &mut |t| {
                match keep(t) {
                    Ok(true) => found.push(t),
                    Ok(false) => {}
                    Err(error) => failed = Some(error),
                }
                let go_on = failed.is_none() && found.len() < limit;
                if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            failed.map_or(Ok(found), |error| Err(error.into()))
        })
    }

    /// The one of `targets` that tracepoint `t` comes to, if it does.
    pub(super) fn comes_to<'a>(
        &self,
        targets: &'a [Target],
        t: u64,
    ) -> Result<Option<&'a Target>, StateError> {
        let pc = self.timeline.pc(t)?;
        let module = self.module_at(t, pc);
        let mut here = targets.iter().filter(|target| target.is_at(pc, module)).peekable();
        if here.peek().is_none_or(|target| target.arrival == Arrival::Any) {
            return Ok(here.next());
        }
        let before = self.timeline.predecessor(self.timeline.thread(t)?, t);
        let before = before.map(|before| self.timeline.pc(before)).transpose()?;
        Ok(here.find(|target| before.is_none_or(|before| target.arrival.is_by(before))))
    }

    /// A call with who made it, and how it ended.
    pub(super) fn call(&self, passed: &Passed) -> Result<Call, StateError> {
        let t = passed.tracepoint;
        let thread = self.timeline.thread(t)?;
        let back = self.back_of(passed);
        let end = match self.end_of(passed)? {
            Some(end) if back != Some(end.pc) => self.end_on_own_stack(passed, end)?,
            end => end,
        };
        let returned = end.filter(|end| back == Some(end.pc));
        let caller = back.map(|back| {
            let place = self.locator.place(&self.timeline, t, CodeAddr::Return(back));
            match self.locator.is_signal_frame(&self.timeline, t, back) {
                true => Place { pc: back, ..place }.of_signal_frame(),
                false => place,
            }
        });
        Ok(Call {
            tracepoint: t,
            thread,
            function: None,
            arguments: passed.arguments,
            caller,
            ending: match (end, returned) {
                (None, _) => Ending::Running,
                (_, Some(_)) => Ending::Returned,
                (_, None) => Ending::Left,
            },
            end: end.map(|end| end.state),
            instructions: end.map(|end| self.timeline.instructions_of(thread, t..end.state)),
            value: returned.map(|end| end.value),
            current: t == self.cursor,
        })
    }
}

fn serialize_words<S: serde::Serializer>(words: &[u64; 6], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(words.iter().map(|word| crate::render::hex(*word)))
}

fn serialize_word<S: serde::Serializer>(word: &Option<u64>, out: S) -> Result<S::Ok, S::Error> {
    word.map(crate::render::hex).serialize(out)
}
