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
use std::sync::atomic::{AtomicUsize, Ordering};

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
    /// So many wanted ones are enough.
    pub most: u64,
}

/// What was found in a chunk, in the direction of the search.
pub(super) struct Found<'a, T> {
    all: Vec<T>,
    /// How many of them are wanted, and how many of those are enough.
    wanted: u64,
    most: u64,
    /// The chunk's place in its batch, and the first of the batch that holds enough by itself.
    place: usize,
    enough: &'a AtomicUsize,
}

impl<T> Found<'_, T> {
    /// Adds what was found; whether it is one of those wanted.
    fn add(&mut self, one: T, is_wanted: bool) {
        self.all.push(one);
        self.wanted += u64::from(is_wanted);
        if self.holds_enough() {
            self.enough.fetch_min(self.place, Ordering::Relaxed);
        }
    }

    /// Adds what `judge` says of tracepoints of the chunk, which ascend, in `direction`, as long as
    /// more is needed.
    ///
    /// # Errors
    /// Those of `judge`.
    pub fn add_each(
        &mut self,
        all: Vec<u64>,
        direction: Direction,
        judge: &mut dyn FnMut(u64) -> Result<Option<(T, bool)>, StateError>,
    ) -> Result<(), StateError> {
        for t in in_direction(all, direction) {
            if self.is_done() {
                break;
            }
            if let Some((one, is_wanted)) = judge(t)? {
                self.add(one, is_wanted);
            }
        }
        Ok(())
    }

    /// Whether nothing more is needed of this chunk.
    fn is_done(&self) -> bool {
        self.holds_enough() || self.enough.load(Ordering::Relaxed) < self.place
    }

    fn holds_enough(&self) -> bool {
        self.wanted >= self.most
    }
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
        let find = |session: &Session, chunk: usize, found: &mut Found<'_, Verdict>| {
            session.judge_in(executed, chunk, &pcs, found)
        };
        self.by_chunks(rest, executed.most, &find, &mut |verdict| Ok(take(verdict)))
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
    /// time, until it breaks or has taken `most` of those wanted. The chunks are in the
    /// direction of the search, and so is what is found.
    ///
    /// # Errors
    /// Those of both.
    pub(super) fn by_chunks<T: Send>(
        &self,
        chunks: &[usize],
        mut most: u64,
        find: &(impl Fn(&Session, usize, &mut Found<'_, T>) -> Result<(), StateError> + Sync),
        take: &mut dyn FnMut(T) -> Result<ControlFlow<()>, StateError>,
    ) -> Result<(), StateError> {
        let twins = Twins::of(self);
        let progress = Progress::new("looking at executions", chunks.len() as u64);
        for batch in chunks.chunks(MOST.min(BATCH * rayon::current_num_threads())) {
            let enough = AtomicUsize::new(usize::MAX);
            let one = |session: &mut Session, (place, chunk): (usize, &usize)| {
                let mut found = Found { all: Vec::new(), wanted: 0, most, place, enough: &enough };
                if !found.is_done() {
                    find(session, *chunk, &mut found)?;
                }
                progress.step();
                Ok((found.all, found.wanted))
            };
            let found = batch.par_iter().enumerate().map_init(|| twins.session(), one);
            let found: Vec<(Vec<T>, u64)> = found.collect::<Result<_, StateError>>()?;
            for (all, wanted) in found {
                for one in all {
                    if take(one)?.is_break() {
                        return Ok(());
                    }
                }
                most = most.saturating_sub(wanted);
                if most == 0 {
                    return Ok(());
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
            let found = self.timeline.find_all_in(*chunk, executed.times.clone(), pcs)?;
            for t in in_direction(found, executed.direction) {
                if left == 0 {
                    return Ok(chunks.get(at..));
                }
                left -= 1;
                if let Some(verdict) = self.verdict_at(executed, t)? {
                    let wanted = u64::from(verdict.1.is_ok());
                    executed.most = executed.most.saturating_sub(wanted);
                    if take(verdict).is_break() {
                        return Ok(None);
                    }
                }
                match executed.direction {
                    Direction::Forward => executed.times.start = t + 1,
                    Direction::Backward => executed.times.end = t,
                }
            }
        }
        Ok(None)
    }

    /// Adds those of chunk `index` to `found`.
    fn judge_in(
        &self,
        executed: &Executed<'_>,
        index: usize,
        pcs: &[u64],
        found: &mut Found<'_, Verdict>,
    ) -> Result<(), StateError> {
        let all = self.timeline.find_all_in(index, executed.times.clone(), pcs)?;
        let mut last: Option<Arc<ExpressionError>> = None;
        let mut share = |(t, verdict): Verdict| match (verdict, &last) {
            (Err(error), Some(known)) if error == *known => (t, Err(Arc::clone(known))),
            (Err(error), _) => (t, Err(Arc::clone(last.insert(error)))),
            (verdict, _) => (t, verdict),
        };
        found.add_each(all, executed.direction, &mut |t| {
            let verdict = self.verdict_at(executed, t)?;
            Ok(verdict.map(&mut share).map(|verdict| {
                let is_wanted = verdict.1.is_ok();
                (verdict, is_wanted)
            }))
        })
    }

    /// The verdict on tracepoint `t`, unless another place is executed there, or it is not wanted.
    fn verdict_at(&self, executed: &Executed<'_>, t: u64) -> Result<Option<Verdict>, StateError> {
        self.interrupt.check()?;
        if self.comes_to(executed.targets, t)?.is_none() {
            return Ok(None);
        }
        let Some(condition) = executed.condition else { return Ok(Some((t, Ok(true)))) };
        let pc = self.timeline.pc(t)?;
        let module = self.module_at(t, pc);
        let outside = breakpoint::outside(executed.targets, pc, module);
        let holds = self.holds(condition, &self.scene_at(t, outside)?);
        Ok((holds != Ok(false)).then_some((t, holds.map_err(Arc::new))))
    }
}

/// Tracepoints that ascend, the nearest first.
pub(super) fn in_direction(mut all: Vec<u64>, direction: Direction) -> Vec<u64> {
    if direction == Direction::Backward {
        all.reverse();
    }
    all
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
