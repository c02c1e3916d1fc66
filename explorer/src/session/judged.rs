//! Executions of a place, judged one by one: the first few in turn, so that a short answer comes
//! at once, the others chunk by chunk, several at a time.

use super::twin::Twins;
use super::{Session, Target, breakpoint};
use crate::expression::ExpressionError;
use crate::progress::Progress;
use crate::timeline::{Direction, StateError};
use rayon::prelude::*;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// Executions judged in turn.
const SOON: usize = 1024;

/// Chunks looked through at a time, for each thread that does.
const BATCH: usize = 2;

/// Most chunks at a time: all of them, replayed, stay in the timeline's cache.
const MOST: usize = 8;

/// What came of judging an execution: whether it is wanted, if that can be said. Many share
/// one error.
pub(super) type Verdict = (u64, Result<bool, Arc<ExpressionError>>);

/// The executions of some places.
pub(super) struct Executed<'a> {
    /// The places.
    pub targets: &'a [Target],
    /// When.
    pub times: Range<u64>,
    /// Which come first.
    pub direction: Direction,
    /// Holds at those that are wanted.
    pub condition: Option<&'a str>,
}

impl Session {
    /// Calls `take` with those executions that are wanted, or of which that cannot be said, in
    /// their direction, until it breaks.
    ///
    /// # Errors
    /// When history cannot be read there, or somebody asked to stop.
    pub(super) fn judge(
        &self,
        mut executed: Executed<'_>,
        take: &mut dyn FnMut(Verdict) -> ControlFlow<()>,
    ) -> Result<(), StateError> {
        let pcs = executed.pcs();
        let direction = executed.direction;
        let chunks = self.chunks_executing(executed.times.clone(), direction, &pcs)?;
        let Some(rest) = self.judge_first(&mut executed, &pcs, &chunks, take)? else {
            return Ok(());
        };
        let executed = &executed;
        let find = |session: &Session, chunk: usize| session.judge_in(executed, chunk, &pcs);
        self.by_chunks(rest, direction, &find, &mut |verdict| Ok(take(verdict)))
    }

    /// The chunks of `times` that may execute code at some of `pcs` (ascending), in `direction`.
    ///
    /// # Errors
    /// The history's.
    pub(super) fn chunks_executing(
        &self,
        times: Range<u64>,
        direction: Direction,
        pcs: &[u64],
    ) -> Result<Vec<usize>, StateError> {
        let mut chunks = Vec::new();
        self.ask_index(|index| {
            chunks.clear();
            index.executing(&self.timeline, times.clone(), direction, pcs, &mut |chunk| {
                chunks.push(chunk);
                Ok(ControlFlow::Continue(()))
            })
        })?;
        Ok(chunks)
    }

    /// Calls `take` with what `find` finds in each of `chunks`, in order, several chunks at a
    /// time, until it breaks. The chunks are in `direction`, and so is what is taken.
    ///
    /// # Errors
    /// Those of both.
    pub(super) fn by_chunks<T: Send>(
        &self,
        chunks: &[usize],
        direction: Direction,
        find: &(impl Fn(&Session, usize) -> Result<Vec<T>, StateError> + Sync),
        take: &mut dyn FnMut(T) -> Result<ControlFlow<()>, StateError>,
    ) -> Result<(), StateError> {
        let twins = Twins::of(self);
        let progress = Progress::new("looking at executions", chunks.len() as u64);
        for batch in chunks.chunks(MOST.min(BATCH * rayon::current_num_threads())) {
            let one = |session: &mut Session, chunk: &usize| {
                let found = find(session, *chunk);
                progress.step();
                found
            };
            let found = batch.par_iter().map_init(|| twins.session(), one);
            let found: Vec<Vec<T>> = found.collect::<Result<_, _>>()?;
            for mut all in found {
                if direction == Direction::Backward {
                    all.reverse();
                }
                for one in all {
                    if take(one)?.is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Judges the first in turn, and takes them out; the chunks of the others. `None` if `take`
    /// broke, or there are no others.
    fn judge_first<'c>(
        &self,
        executed: &mut Executed<'_>,
        pcs: &[u64],
        chunks: &'c [usize],
        take: &mut dyn FnMut(Verdict) -> ControlFlow<()>,
    ) -> Result<Option<&'c [usize]>, StateError> {
        let mut left = SOON;
        for (at, chunk) in chunks.iter().enumerate() {
            let mut found = self.timeline.find_all_in(*chunk, executed.times.clone(), pcs)?;
            if executed.direction == Direction::Backward {
                found.reverse();
            }
            for t in found {
                if left == 0 {
                    return Ok(chunks.get(at..));
                }
                left -= 1;
                let verdict = self.verdict_at(executed, t)?;
                if verdict.is_some_and(|verdict| take(verdict).is_break()) {
                    return Ok(None);
                }
                match executed.direction {
                    Direction::Forward => executed.times.start = t + 1,
                    Direction::Backward => executed.times.end = t,
                }
            }
        }
        Ok(None)
    }

    /// Those of chunk `index`, in order.
    fn judge_in(
        &self,
        executed: &Executed<'_>,
        index: usize,
        pcs: &[u64],
    ) -> Result<Vec<Verdict>, StateError> {
        let found = self.timeline.find_all_in(index, executed.times.clone(), pcs)?;
        let mut last: Option<Arc<ExpressionError>> = None;
        let mut share = |(t, verdict): Verdict| match (verdict, &last) {
            (Err(error), Some(known)) if error == *known => (t, Err(Arc::clone(known))),
            (Err(error), _) => (t, Err(Arc::clone(last.insert(error)))),
            (verdict, _) => (t, verdict),
        };
        let verdicts = found.into_iter().filter_map(|t| self.verdict_at(executed, t).transpose());
        verdicts.map(|verdict| verdict.map(&mut share)).collect()
    }

    /// The verdict on tracepoint `t`, unless another place is executed there, or it is not wanted.
    fn verdict_at(&self, executed: &Executed<'_>, t: u64) -> Result<Option<Verdict>, StateError> {
        self.interrupt.check()?;
        let pc = self.timeline.pc(t)?;
        let module = self.module_at(t, pc);
        if !executed.targets.iter().any(|target| target.is_at(pc, module)) {
            return Ok(None);
        }
        let Some(condition) = executed.condition else { return Ok(Some((t, Ok(true)))) };
        let outside = breakpoint::outside(executed.targets, pc, module);
        let holds = self.holds(condition, &self.scene_at(t, outside)?);
        Ok((holds != Ok(false)).then_some((t, holds.map_err(Arc::new))))
    }
}

impl Executed<'_> {
    /// The addresses of its places, ascending.
    fn pcs(&self) -> Vec<u64> {
        let mut addresses: Vec<u64> = self.targets.iter().map(|target| target.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}
