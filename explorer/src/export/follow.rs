//! From the first tracepoint to the last: chunks are swept over in parallel, and followed in
//! order.

use super::marks::Marks;
use super::names::Names;
use super::shadow::Shadow;
use super::steps::{Steps, steps};
use super::{ExportError, Visitor};
use crate::index::Plans;
use crate::session::Session;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Chunks swept over at a time.
const BATCH: usize = 4;

/// Follows the call stacks of all threads over the whole history; the names it met.
///
/// # Errors
/// [`ExportError`].
pub fn follow<'s>(session: &'s Session, to: &mut dyn Visitor) -> Result<Names<'s>, ExportError> {
    let timeline = session.timeline();
    let dictionary = timeline.dictionary();
    let marks = Marks::new(dictionary.len());
    let probes = |id| marks.of(id).all;
    let plans = Plans::with_probes(dictionary, &probes);
    let mut names = Names::new(session);
    let mut threads = BTreeMap::new();
    let all: Vec<usize> = (0..timeline.chunk_count()).collect();
    for batch in all.chunks(BATCH) {
        session.interrupt.check()?;
        for index in batch {
            let chunk = timeline.chunk_path(*index)?;
            for rows in &chunk.blocks {
                if let Some(block) = dictionary.get(rows.id) {
                    marks.meet(session, rows.id, block, chunk.first);
                }
            }
        }
        let one = |index: &usize| steps(timeline, &plans, &marks, *index);
        let swept: Vec<Steps> = batch.par_iter().map(one).collect::<Result<_, _>>()?;
        for chunk in swept {
            take(&chunk, &mut threads, &mut names, to)?;
        }
    }
    for shadow in threads.values_mut() {
        shadow.end(timeline.end(), to)?;
    }
    Ok(names)
}

/// Follows one chunk.
fn take(
    chunk: &Steps,
    threads: &mut BTreeMap<u32, Shadow>,
    names: &mut Names<'_>,
    to: &mut dyn Visitor,
) -> Result<(), ExportError> {
    let mut shadow = match threads.remove(&chunk.thread) {
        Some(mut shadow) => {
            shadow.resume(chunk.first);
            shadow
        }
        None => {
            let at = names.at(chunk.first, chunk.pc)?;
            Shadow::begin(chunk.thread, chunk.first, at.function, (names, to))?
        }
    };
    for step in &chunk.list {
        let at = names.at(step.state, step.pc)?;
        shadow.step(step, at, (names, to))?;
    }
    shadow.run_to(chunk.end, to);
    threads.insert(chunk.thread, shadow);
    Ok(())
}
