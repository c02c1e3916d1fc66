//! Why code did not run: the branch that led elsewhere.

mod callers;
mod decision;
mod graph;

pub use decision::{Condition, Operand};

use super::breakpoint::Target;
use super::{LocationError, Place, Session};
use crate::symbols::CodeAddr;
use crate::timeline::{Direction, StateError};
use graph::Graph;
use iced_x86::Instruction;
use serde::Serialize;
use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

/// Most bytes of one function that are decoded.
const MAX_CODE: u64 = 1 << 20;

/// Most places that one answer looks at, callers included, and how far it goes out.
const MAX_PLACES: usize = 32;
const MAX_CALLERS: usize = 8;
const MAX_DEPTH: usize = 4;

/// Branches that are asked what decides on them.
const MAX_DECIDERS: usize = 256;

/// Executions of a branch that are counted.
const MAX_COUNTED: usize = 10_000;

/// Functions that never come back.
const ENDS: [&str; 12] = [
    "abort",
    "exit",
    "_exit",
    "_Exit",
    "quick_exit",
    "__stack_chk_fail",
    "__assert_fail",
    "__cxa_throw",
    "__cxa_rethrow",
    "_Unwind_Resume",
    "longjmp",
    "siglongjmp",
];

/// Why a location did not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// The first state looked at.
    pub from: u64,
    /// One past the last tracepoint looked at.
    pub until: u64,
    /// When it did run.
    pub ran: Option<u64>,
    /// Of each place in code that it has: why not.
    pub places: Vec<Unreached>,
}

/// Code that did not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreached {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// Why it did not.
    pub reason: Reason,
}

/// Why code did not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// A branch led elsewhere.
    Branch(Box<Decision>),
    /// Its function did not run, nor did what calls it.
    NotCalled {
        /// The function.
        function: String,
        /// The places that call it, and why they did not run; those that are not among
        /// them go through pointers.
        callers: Vec<Unreached>,
        /// Whether there are more.
        more: bool,
    },
    /// It is not known.
    Unknown {
        /// What is.
        what: String,
    },
}

/// A branch that was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Its tracepoint.
    pub tracepoint: u64,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// Its condition; none if a register or a table said where to.
    pub condition: Option<Condition>,
    /// Where it led.
    pub led_to: Place,
    /// How often it was executed in the time looked at; before the cursor, once.
    pub times: usize,
    /// Whether that was before the cursor.
    pub before: bool,
}

/// What one question is about.
struct Question {
    times: Range<u64>,
    left: usize,
}

impl Session {
    /// Why `location` did not run in the `within` tracepoints from the cursor on.
    ///
    /// # Errors
    /// [`LocationError`].
    pub fn why_not(&self, location: &str, within: Option<u64>) -> Result<WhyNot, LocationError> {
        let targets = self.resolve(location)?;
        let end = self.timeline.end();
        let until = within.map_or(end, |count| self.cursor.saturating_add(count).min(end));
        let mut question = Question { times: self.cursor..until, left: MAX_PLACES };
        let ran = self.first_of(&targets, &question.times)?;
        let mut places = Vec::new();
        if ran.is_none() {
            for target in targets.iter().take(MAX_PLACES) {
                places.push(self.unreached(&mut question, target.address, MAX_DEPTH)?);
            }
        }
        Ok(WhyNot { from: self.cursor, until, ran, places })
    }

    fn first_of(&self, targets: &[Target], times: &Range<u64>) -> Result<Option<u64>, StateError> {
        let addresses: BTreeSet<u64> = targets.iter().map(|target| target.address).collect();
        let addresses: Vec<u64> = addresses.into_iter().collect();
        self.executed_among(&addresses, times.clone(), Direction::Forward)
    }

    /// The nearest tracepoint of `times` in `direction` that executes one of `addresses`
    /// (ascending).
    fn executed_among(
        &self,
        addresses: &[u64],
        times: Range<u64>,
        direction: Direction,
    ) -> Result<Option<u64>, StateError> {
        let mut found = None;
        self.ask_index(|index| {
            index.executions(&self.timeline, times.clone(), direction, addresses, &mut |t| {
                found = Some(t);
                ControlFlow::Break(())
            })
        })?;
        Ok(found)
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
        let bounds = self.locator.bounds(&self.timeline, self.cursor, address);
        let Some(bounds) = bounds.filter(|bounds| bounds.start < bounds.end) else {
            return unknown("where its function begins and ends is not known");
        };
        if bounds.end - bounds.start > MAX_CODE {
            return unknown("its function is too large");
        }
        let code = bounds.start..bounds.end;
        let Some(graph) = self.graph(&code)? else {
            return unknown("its code is not mapped at the cursor");
        };
        let Some(target) = graph.at(address) else { return unknown("there is no code") };
        if let Some(decision) = self.decision(question, &graph, target)? {
            return Ok(Reason::Branch(Box::new(decision)));
        }
        if self
            .executed_among(&[bounds.start], question.times.clone(), Direction::Forward)?
            .is_some()
        {
            return unknown(
                "its function ran, and no branch of it kept the line from running: it was left \
                 on the way, by a call that did not return",
            );
        }
        if depth == 0 || question.left == 0 {
            return unknown("its function did not run; what calls it is too far out");
        }
        let mut found = self.branches_into(&code, MAX_CALLERS + 1)?;
        let more = found.len() > MAX_CALLERS;
        found.truncate(MAX_CALLERS);
        let mut callers = Vec::new();
        for caller in found {
            callers.push(self.unreached(question, caller, depth - 1)?);
        }
        Ok(Reason::NotCalled { function: bounds.name, callers, more })
    }

    fn graph(&self, code: &Range<u64>) -> Result<Option<Graph>, StateError> {
        let length = (code.end - code.start) as usize;
        let bytes = self.timeline.memory(self.cursor, code.start, length)?;
        let Some(bytes) = bytes.into_iter().collect::<Option<Vec<u8>>>() else { return Ok(None) };
        Ok(Some(Graph::new(code.start, &bytes, &|call| self.never_returns(call))))
    }

    fn never_returns(&self, call: &Instruction) -> bool {
        let target = Some(call.near_branch_target()).filter(|to| *to != 0);
        let symbol = target.and_then(|to| self.locator.symbol(&self.timeline, self.cursor, to));
        symbol.is_some_and(|(name, offset)| {
            let name = name.split('@').next().unwrap_or_default();
            offset == 0 && ENDS.contains(&name)
        })
    }

    /// The nearest executed branch that `target` depends on, or that one of those depends on
    /// which were not executed: first after the cursor, then before.
    fn decision(
        &self,
        question: &Question,
        graph: &Graph,
        target: usize,
    ) -> Result<Option<Decision>, StateError> {
        let spans =
            [(question.times.clone(), Direction::Forward), (0..self.cursor, Direction::Backward)];
        for (times, direction) in spans {
            let (mut seen, mut level) = (BTreeSet::from([target]), vec![target]);
            while !level.is_empty() && seen.len() < MAX_DECIDERS {
                if self.interrupt.raised() {
                    return Err(StateError::Interrupted);
                }
                level.truncate(MAX_DECIDERS);
                let deciders = level.iter().flat_map(|block| graph.deciders(*block));
                level = deciders.filter(|block| seen.insert(*block)).collect();
                let branches = level.iter().filter_map(|block| graph.0.get(*block));
                let mut addresses: Vec<u64> = branches.map(|block| block.last).collect();
                addresses.sort_unstable();
                if let Some(t) = self.executed_among(&addresses, times.clone(), direction)? {
                    return self.decided(t, &times, direction).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn decided(
        &self,
        tracepoint: u64,
        times: &Range<u64>,
        direction: Direction,
    ) -> Result<Decision, StateError> {
        let pc = self.timeline.pc(tracepoint)?;
        let next = self.timeline.pc(tracepoint + 1)?;
        let before = direction == Direction::Backward;
        let mut times_executed = 1;
        if !before {
            times_executed = self.count(pc, times.clone())?;
        }
        let place = |t, pc| self.locator.place(&self.timeline, t, CodeAddr::Pc(pc));
        Ok(Decision {
            tracepoint,
            place: place(tracepoint, pc),
            condition: self.condition_of(tracepoint)?,
            led_to: place(tracepoint + 1, next),
            times: times_executed,
            before,
        })
    }

    fn count(&self, pc: u64, times: Range<u64>) -> Result<usize, StateError> {
        let mut count = 0;
        self.ask_index(|index| {
            index.executions(&self.timeline, times.clone(), Direction::Forward, &[pc], &mut |_| {
                count += 1;
                if count < MAX_COUNTED { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        })?;
        Ok(count)
    }
}
