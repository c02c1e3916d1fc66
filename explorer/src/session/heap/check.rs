//! All uses of memory after its free, in one sweep over history.

use super::freed::Freed;
use super::genuine::MAX_TRIED;
use super::{Block, Heap, Use};
use crate::index::{Found, Plans, Span, Stored, sweep_soundly};
use crate::progress::Progress;
use crate::session::Session;
use crate::timeline::{Direction, StateError, Timeline};
use rayon::prelude::*;
use rdb_schema::event::Event;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Chunks that are swept over at a time, for each thread that does.
const BATCH: usize = 4;

/// Most uses that are kept of one chunk.
const MAX_USES: usize = 1 << 16;

/// What became of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The first use of each block after its free, by block of the heap.
    pub uses: BTreeMap<usize, Use>,
    /// Whether some memory, or some uses, were too many to look at.
    pub more: bool,
}

/// Uses of one chunk.
struct Uses<'a> {
    heap: &'a Heap,
    freed: &'a Freed,
    first: u64,
    found: Vec<(usize, Use)>,
    more: bool,
}

impl Uses<'_> {
    fn access(&mut self, at: Stored, write: bool) {
        let tracepoint = self.first.saturating_add(at.time.into());
        let addresses = at.address..at.address.saturating_add(at.bytes.max(1));
        let Some(block) = self.freed.hit(&self.heap.blocks, tracepoint, addresses) else { return };
        if self.heap.is_inside(tracepoint) {
            return;
        }
        self.more |= self.found.len() >= MAX_USES;
        if self.found.len() < MAX_USES {
            self.found.push((block, Use { tracepoint, write }));
        }
    }
}

impl Found for Uses<'_> {
    fn store(&mut self, stored: Stored) {
        self.access(stored, true);
    }

    fn read(&mut self, read: Stored) {
        self.access(read, false);
    }

    fn span(&mut self, _: Span) {}

    fn event(&mut self, _: &Event, _: u64) {}
}

impl Session {
    /// The uses of blocks after they were freed and before their memory was given out again,
    /// but for the allocator's own, and what string functions read behind the end of what they
    /// were given. Of a repeated string instruction only the first element it reads is looked
    /// at; what the kernel reads is not.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn check_heap(&self, heap: &Heap) -> Result<Checked, StateError> {
        let timeline = &self.timeline;
        let mut mapped = Vec::new();
        timeline.events(0..timeline.end(), Direction::Forward, &mut |event| {
            let changes = event.mappings.iter().cloned();
            mapped.extend(changes.map(|change| (event.tracepoint, change)));
            ControlFlow::Continue(())
        })?;
        let freed = Freed::new(heap, &mapped, timeline.end());
        let plans = Plans::with_reads(timeline.dictionary());
        let chunks: Vec<usize> = (0..timeline.chunk_count()).collect();
        let progress = Progress::new("looking for uses after free", chunks.len() as u64);
        let mut checked = Checked { more: freed.more, ..Checked::default() };
        let mut tried: BTreeMap<usize, usize> = BTreeMap::new();
        for batch in chunks.chunks(BATCH * rayon::current_num_threads()) {
            let one = |index: &usize| {
                timeline.interrupt().check()?;
                progress.step();
                uses_in(timeline, &plans, *index, (heap, &freed))
            };
            let found: Vec<_> = batch.par_iter().map(one).collect::<Result<_, StateError>>()?;
            for (uses, more) in found {
                checked.more |= more;
                for (block, used) in uses {
                    if checked.uses.contains_key(&block) {
                        continue;
                    }
                    let times = tried.entry(block).or_default();
                    *times += 1;
                    checked.more |= *times == MAX_TRIED;
                    let own = heap.blocks.get(block).map(Block::addresses).unwrap_or_default();
                    if *times < MAX_TRIED && self.is_genuine(&used, own)? {
                        checked.uses.insert(block, used);
                    }
                }
            }
        }
        Ok(checked)
    }
}

/// The uses in chunk `index`, by time; whether there were too many.
fn uses_in(
    timeline: &Timeline,
    plans: &Plans,
    index: usize,
    (heap, freed): (&Heap, &Freed),
) -> Result<(Vec<(usize, Use)>, bool), StateError> {
    let chunk = timeline.chunk(index)?;
    let mut uses = Uses { heap, freed, first: chunk.first, found: Vec::new(), more: false };
    sweep_soundly(timeline, plans, (index, &chunk), &mut uses)?;
    uses.found.sort_by_key(|(_, used)| used.tracepoint);
    Ok((uses.found, uses.more))
}
