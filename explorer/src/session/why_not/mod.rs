//! Why code did not run: the branch that led elsewhere.

mod bounds;
mod branch;
mod callers;
mod decision;
mod no_instruction;
mod pointers;
mod question;
mod reason;
mod running;
mod slots;

pub use decision::{Condition, Operand};
pub use reason::{Decision, NotCalled, Pointers, Reason, Running, Site, Unreached, WhyNot};

use super::linespec::Linespec;
use super::locate::{Bounds, Owner};
use super::{LocationError, Session};
use crate::symbols::CodeAddr;
use crate::timeline::{Direction, StateError};
use question::Question;
use std::collections::BTreeSet;
use std::ops::Range;

/// Most bytes of one function that are decoded.
const MAX_CODE: u64 = 1 << 20;

/// Most places that one answer looks at, callers included, and how far it goes out.
const MAX_PLACES: usize = 32;
const MAX_CALLERS: usize = 8;
const MAX_DEPTH: usize = 4;

impl Session {
    /// Why the selected thread did not run `location` in the `within` tracepoints from the cursor
    /// on.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn why_not(&self, location: &str, within: Option<u64>) -> Result<WhyNot, LocationError> {
        let targets = self.resolve_blocks(location)?;
        let end = self.timeline.end();
        let until = within.map_or(end, |count| self.cursor.saturating_add(count).min(end));
        let id = self.thread()?;
        let thread = Some(id).filter(|_| self.has_threads());
        let times = self.cursor..until;
        let mut question = Question { times: times.clone(), since: 0, thread, left: MAX_PLACES };
        let addresses: BTreeSet<u64> = targets.iter().map(|target| target.address).collect();
        let addresses: Vec<u64> = addresses.into_iter().collect();
        let executed =
            |times, direction| self.executed_among(&question, &addresses, times, direction);
        let ran = executed(times, Direction::Forward)?;
        let last = executed(0..self.cursor, Direction::Backward)?;
        let next = if ran.is_none() { executed(until..end, Direction::Forward)? } else { None };
        question.since = behind(last);
        let (from, thread) = (self.cursor, self.thread_number(id));
        let mut answer = WhyNot { from, until, ran, last, next, ..WhyNot::new(thread) };
        if let Ok(Linespec::Line(_, asked)) = Linespec::parse(location) {
            let line = targets.iter().find_map(|target| target.line);
            answer.line = line.filter(|line| *line != asked);
        }
        if ran.is_none() {
            answer.elsewhere = self.in_another_thread(&question, &addresses)?;
            for address in addresses.iter().take(MAX_PLACES) {
                answer.places.push(self.unreached(&mut question, *address, MAX_DEPTH)?);
            }
            if answer.places.iter().any(|one| matches!(one.reason, Reason::NotCalled(_))) {
                answer.unmapped = self.unmapped_modules()?;
            }
        }
        Ok(answer)
    }

    /// When any thread first executed one of `addresses`, and that thread's number.
    fn in_another_thread(
        &self,
        question: &Question,
        addresses: &[u64],
    ) -> Result<Option<(u64, usize)>, StateError> {
        if question.thread.is_none() {
            return Ok(None);
        }
        let all = Question { times: question.times.clone(), since: 0, thread: None, left: 0 };
        let times = all.times.clone();
        let Some(t) = self.executed_among(&all, addresses, times, Direction::Forward)? else {
            return Ok(None);
        };
        Ok(self.thread_number(self.timeline.thread(t)?).map(|number| (t, number)))
    }

    fn unreached(
        &self,
        question: &mut Question,
        address: u64,
        depth: usize,
    ) -> Result<Unreached, StateError> {
        let place = self.locator.place(&self.timeline, self.cursor, CodeAddr::Pc(address));
        let reason = self.reason(question, address, depth)?;
        Ok(Unreached { place, reason })
    }

    fn reason(
        &self,
        question: &mut Question,
        address: u64,
        depth: usize,
    ) -> Result<Reason, StateError> {
        let unknown = |what: &str| Ok(Reason::Unknown { what: what.to_owned() });
        question.left = question.left.saturating_sub(1);
        let times = question.times.clone();
        let ran = self.executed_among(question, &[address], times.clone(), Direction::Forward)?;
        if let Some(tracepoint) = ran {
            if self.branches_at(tracepoint)? {
                let decision = self.decided(question, tracepoint, Direction::Forward)?;
                return Ok(Reason::Branch(Box::new(decision)));
            }
            let to = CodeAddr::Pc(self.timeline.pc_after(tracepoint)?);
            let led_to = self.locator.place(&self.timeline, tracepoint, to);
            return Ok(Reason::Elsewhere { tracepoint, led_to });
        }
        if let Some(what) = self.no_instruction(address)? {
            return Ok(Reason::NoInstruction { what });
        }
        let bounds = self.bounds_of(address).filter(|bounds| bounds.start < bounds.end);
        let Some(bounds) = bounds else {
            if self.timeline.memory(self.cursor, address, 1)?.iter().all(Option::is_none) {
                return unknown("no code is mapped there at the cursor");
            }
            // What is called is the address itself.
            let end = address.saturating_add(1);
            let name = crate::render::hex(address);
            let bounds = Bounds { name, entry: address, start: address, end };
            return self.not_called(question, bounds, None, depth);
        };
        if bounds.end - bounds.start > MAX_CODE {
            return unknown("its function is too large");
        }
        let code = bounds.start..bounds.end;
        let Some(graph) = self.graph(&code)? else {
            return unknown("its code is not mapped at the cursor");
        };
        let Some(target) = graph.at(address) else { return unknown("there is no code") };
        let running = self.running(question, &code)?;
        let before = match running {
            Some(running) => Some(self.not_since(question, address, running.entered)?),
            None => None,
        };
        if let Some(decision) = self.decision(question, (&graph, target), before)? {
            return Ok(Reason::Branch(Box::new(decision)));
        }
        if self.executed_among(question, &[code.start], times, Direction::Forward)?.is_some() {
            return unknown(
                "its function ran, and no branch of it kept the line from running: it was left \
                 on the way, by a call that did not return",
            );
        }
        self.not_called(question, bounds, running, depth)
    }

    /// The stretch before the cursor, from when its function was entered on, in which the
    /// question's thread ran neither what is asked for nor `address`.
    fn not_since(
        &self,
        question: &Question,
        address: u64,
        entered: Option<u64>,
    ) -> Result<Range<u64>, StateError> {
        let past = question.since..self.cursor;
        let ran = self.executed_among(question, &[address], past, Direction::Backward)?;
        Ok(entered.unwrap_or(0).max(question.since).max(behind(ran))..self.cursor)
    }

    fn not_called(
        &self,
        question: &mut Question,
        bounds: Bounds,
        running: Option<Running>,
        depth: usize,
    ) -> Result<Reason, StateError> {
        if depth == 0 || question.left == 0 {
            let what = "its function did not run; what calls it is too far out".to_owned();
            return Ok(Reason::Unknown { what });
        }
        let ways = self.ways_into(&(bounds.start..bounds.end));
        let mut found = self.branches_into(ways)?;
        let owner = |at: &u64| self.locator.owner(&self.timeline, self.cursor, *at);
        let (own, others): (Vec<u64>, Vec<u64>) =
            found.iter().partition(|at| owner(at) == Owner::Program);
        let foreign = !own.is_empty() && !others.is_empty();
        found = if own.is_empty() { others } else { own };
        let more = foreign || found.len() > MAX_CALLERS;
        found.truncate(MAX_CALLERS);
        let asks = found.is_empty() && running.is_none() && depth == MAX_DEPTH;
        let pointers = asks.then(|| self.pointers(question)).transpose()?;
        let mut callers = Vec::new();
        for caller in found {
            callers.push(self.unreached(question, caller, depth - 1)?);
        }
        let part = (bounds.entry != bounds.start).then_some(bounds.start);
        let function = bounds.name;
        let answer = NotCalled { function, part, running, callers, more, pointers };
        Ok(Reason::NotCalled(Box::new(answer)))
    }
}

/// The first tracepoint behind one, if there is one.
fn behind(tracepoint: Option<u64>) -> u64 {
    tracepoint.map_or(0, |t| t.saturating_add(1))
}
