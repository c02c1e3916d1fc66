//! What holds at every execution of a place.

use super::judged::Executed;
use super::{Scene, Session, Target, breakpoint};
use crate::expression::ExpressionError;
use crate::timeline::{Direction, StateError};
use std::ops::ControlFlow;

/// Which of the executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The nearest before the cursor.
    Past,
    /// The nearest from the cursor on.
    Future,
    /// The first of the whole history.
    Any,
}

/// The executions of a place at which a condition holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Each {
    /// Their tracepoints, in order.
    pub tracepoints: Vec<u64>,
    /// How many were met: all, if none was asked for.
    pub count: u64,
    /// Whether there are more than were asked for.
    pub more: bool,
    /// At how many others the condition has no value.
    pub without_value: u64,
    /// Why, at the first of them.
    pub fault: Option<ExpressionError>,
    /// Whether these are all that were looked at.
    pub none_has_value: bool,
    /// Whether the place was executed at all in the time looked at.
    pub executed: bool,
}

impl Session {
    /// At most `limit` executions of some places at which `condition` holds, if there is one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn each(
        &self,
        targets: &[Target],
        condition: Option<&str>,
        times: Times,
        limit: usize,
    ) -> Result<Each, StateError> {
        let end = self.timeline.end();
        let (times, direction) = match times {
            Times::Past => (0..self.cursor, Direction::Backward),
            Times::Future => (self.cursor..end, Direction::Forward),
            Times::Any => (0..end, Direction::Forward),
        };
        let mut each = Each::default();
        let most = if limit == 0 { u64::MAX } else { (limit as u64).saturating_add(1) };
        let executed = Executed { targets, times: times.clone(), direction, condition, most };
        self.judge(executed, &mut |(t, verdict)| {
            match verdict {
                Ok(_) => {
                    each.count += 1;
                    if limit > 0 {
                        each.tracepoints.push(t);
                    }
                }
                Err(fault) => {
                    each.without_value += 1;
                    each.fault.get_or_insert_with(|| fault.as_ref().clone());
                }
            }
            let enough = each.tracepoints.len() > limit;
            if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let met = each.count > 0 || each.without_value > 0;
        each.none_has_value = each.count == 0 && each.without_value > 0 && {
            let others = usize::try_from(each.without_value).unwrap_or(usize::MAX);
            let most = others.saturating_add(1);
            self.executed_in(targets, times.clone(), direction, most)?.len() == others
        };
        each.executed = met || !self.executed_in(targets, times, direction, 1)?.is_empty();
        each.more = each.tracepoints.len() > limit;
        each.tracepoints.truncate(limit);
        if direction == Direction::Backward {
            each.tracepoints.reverse();
        }
        Ok(each)
    }

    /// What expressions see at each of `tracepoints`, executions of some places, one after the
    /// other.
    ///
    /// # Errors
    /// When history cannot be read there, or somebody asked to stop.
    pub fn scenes<T>(
        &self,
        targets: &[Target],
        tracepoints: &[u64],
        mut visit: impl FnMut(&Scene<'_>) -> Result<T, StateError>,
    ) -> Result<Vec<T>, StateError> {
        let one = |t: &u64| {
            self.interrupt.check()?;
            let pc = self.timeline.pc(*t)?;
            let outside = breakpoint::outside(targets, pc, self.module_at(*t, pc));
            visit(&self.scene_at(*t, outside)?)
        };
        tracepoints.iter().map(one).collect()
    }
}
