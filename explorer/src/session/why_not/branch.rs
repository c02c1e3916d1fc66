//! The branch that code depends on and that led elsewhere.

use super::question::{MAX_COUNTED, Question};
use super::reason::Decision;
use crate::dataflow::{Around, Graph, Returns};
use crate::session::Session;
use crate::symbols::CodeAddr;
use crate::timeline::{Direction, StateError};
use iced_x86::{FlowControl, Instruction};
use std::collections::BTreeSet;
use std::ops::Range;

/// Branches that are asked what decides on them.
const MAX_DECIDERS: usize = 256;

impl Session {
    /// The control flow of a function; `None` if its code is not mapped at the cursor.
    pub(super) fn graph(&self, code: &Range<u64>) -> Result<Option<Graph>, StateError> {
        let length = (code.end - code.start) as usize;
        let bytes = self.timeline.memory(self.cursor, code.start, length)?;
        let Some(bytes) = bytes.into_iter().collect::<Option<Vec<u8>>>() else { return Ok(None) };
        let data = |at, length| self.leading_bytes(at, length);
        let around = Around { call: &|call| self.returns(call), data: &data };
        Ok(Some(Graph::new(&[(code.start, &bytes)], &[], &around)))
    }

    /// The bytes at an address that are known, `length` of them at most.
    fn leading_bytes(&self, at: u64, length: usize) -> Vec<u8> {
        let bytes = self.timeline.memory(self.cursor, at, length).unwrap_or_default();
        bytes.into_iter().map_while(|byte| byte).collect()
    }

    fn returns(&self, call: &Instruction) -> Returns {
        let module = self.locator.module_at(&self.timeline, self.cursor, call.ip());
        module.map_or(Returns::Once, |(symbols, bias)| symbols.returns(call, bias))
    }

    /// The nearest executed branch that `target` depends on, or that one of those depends on
    /// which were not executed: first after the cursor, then in the stretch `before` it.
    pub(super) fn decision(
        &self,
        question: &Question,
        (graph, target): (&Graph, usize),
        before: Option<Range<u64>>,
    ) -> Result<Option<Decision>, StateError> {
        let after = Some((question.times.clone(), Direction::Forward));
        let before = before.map(|times| (times, Direction::Backward));
        for (times, direction) in after.into_iter().chain(before) {
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
                let first = self.executed_among(question, &addresses, times.clone(), direction)?;
                let last = first.map(|t| match direction {
                    Direction::Forward => self.last_in_turn(question, (graph, &addresses), t),
                    Direction::Backward => Ok(t),
                });
                if let Some(t) = last.transpose()? {
                    return self.decided(question, t, direction).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// Of the branches at `addresses`, the last that is executed in turn from tracepoint `t` on,
    /// where one of them is: as long as one led to the next, the way was still open.
    fn last_in_turn(
        &self,
        question: &Question,
        (graph, addresses): (&Graph, &[u64]),
        t: u64,
    ) -> Result<u64, StateError> {
        let block = |t: u64| Ok::<_, StateError>(graph.at(self.timeline.pc(t)?));
        let (mut last, mut seen) = (t, BTreeSet::from([block(t)?]));
        loop {
            let times = last.saturating_add(1)..question.times.end;
            let next = self.executed_among(question, addresses, times, Direction::Forward)?;
            let Some(next) = next else { return Ok(last) };
            let (at, led_to) = (block(next)?, graph.at(self.timeline.pc_after(last)?));
            let same = self.timeline.stack_pointer(next)? == self.timeline.stack_pointer(last)?;
            let (Some(to), Some(from), Some(led_to)) = (at, block(last)?, led_to) else {
                return Ok(last);
            };
            if !same || !graph.leads(led_to, to, from) || !seen.insert(at) {
                return Ok(last);
            }
            last = next;
        }
    }

    /// Whether the instruction of a tracepoint jumps only if a condition holds.
    pub(super) fn branches_at(&self, tracepoint: u64) -> Result<bool, StateError> {
        let instruction = self.instruction_at(tracepoint)?;
        let flow = instruction.map(|instruction| instruction.flow_control());
        Ok(flow == Some(FlowControl::ConditionalBranch))
    }

    pub(super) fn decided(
        &self,
        question: &Question,
        tracepoint: u64,
        direction: Direction,
    ) -> Result<Decision, StateError> {
        let pc = self.timeline.pc(tracepoint)?;
        let next = self.timeline.pc_after(tracepoint)?;
        let before = direction == Direction::Backward;
        let times = if before { 1 } else { self.executed_times(question, pc)? };
        let place = |t, pc| self.locator.place(&self.timeline, t, CodeAddr::Pc(pc));
        Ok(Decision {
            tracepoint,
            place: place(tracepoint, pc),
            condition: self.condition_of(tracepoint)?,
            led_to: place(tracepoint + 1, next),
            times: times.min(MAX_COUNTED),
            more: times > MAX_COUNTED,
            before,
        })
    }
}
