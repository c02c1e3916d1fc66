//! Conditions of breakpoints and watchpoints.

use super::Scene;
use super::breakpoint::{self, Breakpoint, Target, Watch};
use super::{Session, Stop};
use crate::expression::ExpressionError;

/// A breakpoint that history stops at.
pub(super) struct Hit {
    /// Its number.
    pub number: u32,
    /// How many inlined copies it is outside of.
    pub outside: usize,
    /// What is wrong with its condition, if it stops because of that.
    pub fault: Option<String>,
}

impl Session {
    /// Gives a breakpoint a condition, or none; the breakpoint, if there is one of this
    /// number.
    ///
    /// # Errors
    /// It makes no sense, or uses a name that is unknown where the breakpoint is. What has no
    /// value at the cursor may have one there.
    pub fn set_condition(
        &mut self,
        number: u32,
        condition: Option<&str>,
    ) -> Result<Option<&Breakpoint>, ExpressionError> {
        if let Some(condition) = condition {
            self.check_for(condition, self.breakpoints.get(number))?;
        }
        self.due.clear();
        Ok(self.breakpoints.set_condition(number, condition))
    }

    /// Sets a breakpoint, for one thread or all; its number. One at an address is of this
    /// process only.
    pub fn add_breakpoint(
        &mut self,
        location: &str,
        targets: Vec<Target>,
        thread: Option<u32>,
        temporary: bool,
    ) -> u32 {
        let process = self.own_process().filter(|_| location.starts_with('*') || thread.is_some());
        let added = self.breakpoints.add(location, targets);
        (added.thread, added.process, added.temporary) = (thread, process, temporary);
        added.number
    }

    /// Sets a watchpoint of this process; its number.
    pub fn add_watch(&mut self, expression: &str, watch: Watch) -> u32 {
        let process = self.own_process();
        let added = self.breakpoints.add_watch(expression, watch);
        added.process = process;
        added.number
    }

    /// The enabled breakpoints at `pc` whose conditions hold at `state`.
    pub(super) fn hits(&self, state: u64, pc: u64) -> Vec<Hit> {
        let module = self.module_at(state, pc);
        let here = self.breakpoints.at(pc, module);
        let thread = self.timeline.thread(state).unwrap_or_default();
        let hit = |breakpoint: &Breakpoint| {
            let outside = breakpoint::outside(&breakpoint.targets, pc, module);
            let hit = self.verdict(breakpoint, thread, (state, outside))?;
            self.is_due(breakpoint, state).then_some(hit)
        };
        here.filter_map(hit).collect()
    }

    /// A hit, if the condition of `breakpoint` holds for `thread` at `state`, or cannot be
    /// evaluated, `outside` of so many inlined copies.
    pub(super) fn verdict(
        &self,
        breakpoint: &Breakpoint,
        thread: u32,
        (state, outside): (u64, usize),
    ) -> Option<Hit> {
        let number = breakpoint.number;
        if breakpoint.thread.is_some_and(|own| own != thread) {
            return None;
        }
        let Some(condition) = &breakpoint.condition else {
            return Some(Hit { number, outside, fault: None });
        };
        let holds = match self.scene_of(thread, state, outside) {
            Ok(scene) => self.holds(condition, &scene).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match holds {
            Ok(holds) => holds.then_some(Hit { number, outside, fault: None }),
            Err(why) => {
                let fault = format!("the condition of {number}, {condition}, has no value: {why}");
                Some(Hit { number, outside, fault: Some(fault) })
            }
        }
    }

    /// Whether a condition holds in a scene; it is parsed once for each place.
    pub(super) fn holds(
        &self,
        condition: &str,
        scene: &Scene<'_>,
    ) -> Result<bool, ExpressionError> {
        self.parsed(condition, scene)?.holds(scene)
    }

    /// What stopped where the cursor is, besides [`Session::stop`]: other watchpoints, or
    /// breakpoints where a watchpoint or a signal stopped.
    pub fn also_stopped(&self) -> &[Stop] {
        &self.also
    }

    /// What is wrong with the conditions of breakpoints that the cursor stopped at.
    pub fn condition_faults(&self) -> &[String] {
        &self.faults
    }
}
