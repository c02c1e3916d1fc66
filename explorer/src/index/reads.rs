//! Who read memory. No index has that: addresses follow from registers, so all that
//! may have read is swept over, the nearest first.

use super::sound::sweep_soundly;
use super::sweep::{Found, Plans, Span, Stored};
use crate::timeline::{Direction, StateError, Timeline};
use rayon::prelude::*;
use rdb_schema::event::Event;
use rdb_schema::registers::{Gpr, Registers};
use std::ops::{ControlFlow, Range};

/// Chunks swept over at a time.
const BATCH: usize = 4;

/// The nearest tracepoint of `times` that read some of `addresses`, in `direction`, as
/// [`find_reads`] finds them.
///
/// # Errors
/// [`StateError`].
pub fn find_read(
    timeline: &Timeline,
    plans: &Plans,
    addresses: &Range<u64>,
    times: Range<u64>,
    direction: Direction,
) -> Result<Option<u64>, StateError> {
    let mut found = None;
    find_reads(timeline, plans, addresses, (times, direction), &mut |t| {
        found = Some(t);
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// Calls `visit` with the tracepoints of `times` that read some of `addresses`, in
/// `direction`, until it breaks. `plans` are those that [`Plans::with_reads`] makes. What a
/// masked load leaves out counts as read; gathers and xrstor are not seen, nor is what the
/// kernel reads.
///
/// # Errors
/// [`StateError`].
pub fn find_reads(
    timeline: &Timeline,
    plans: &Plans,
    addresses: &Range<u64>,
    (times, direction): (Range<u64>, Direction),
    visit: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), StateError> {
    let times = times.start..times.end.min(timeline.end());
    if times.is_empty() || addresses.is_empty() {
        return Ok(());
    }
    let mut chunks: Vec<usize> =
        (timeline.chunk_at(times.start)?..timeline.chunk_at(times.end - 1)? + 1).collect();
    if direction == Direction::Backward {
        chunks.reverse();
    }
    for batch in chunks.chunks(BATCH) {
        if timeline.interrupt().raised() {
            return Err(StateError::Interrupted);
        }
        let one = |index: &usize| reads_in(timeline, plans, *index, addresses, &times);
        let found: Vec<Vec<Stored>> = batch.par_iter().map(one).collect::<Result<_, _>>()?;
        for (index, mut reads) in batch.iter().zip(found) {
            if direction == Direction::Backward {
                reads.reverse();
            }
            let first = timeline.chunk_places().get(*index).map_or(0, |place| place.first);
            let mut visited = None;
            for read in reads {
                let t = first + u64::from(read.time);
                // An instruction may read there twice.
                let touches = read.all || reads_elements(timeline, t, &read, addresses)?;
                if touches && visited.replace(t) != Some(t) && visit(t).is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Reads of one chunk that touch a range, or may.
struct Reads<'a> {
    addresses: &'a Range<u64>,
    times: Range<u64>,
    list: Vec<Stored>,
}

impl Found for Reads<'_> {
    fn store(&mut self, _: Stored) {}

    fn span(&mut self, _: Span) {}

    fn event(&mut self, _: &Event, _: u64) {}

    fn read(&mut self, read: Stored) {
        let end = read.address.saturating_add(read.bytes);
        let touches = read.address < self.addresses.end && self.addresses.start < end;
        if (touches || !read.all) && self.times.contains(&read.time.into()) {
            self.list.push(read);
        }
    }
}

/// The reads of chunk `index`, by time.
fn reads_in(
    timeline: &Timeline,
    plans: &Plans,
    index: usize,
    addresses: &Range<u64>,
    times: &Range<u64>,
) -> Result<Vec<Stored>, StateError> {
    let chunk = timeline.chunk(index)?;
    let relative = |t: u64| t.saturating_sub(chunk.first);
    let times = relative(times.start)..relative(times.end);
    let mut reads = Reads { addresses, times, list: Vec::new() };
    sweep_soundly(timeline, plans, (index, &chunk), &mut reads)?;
    reads.list.sort_by_key(|read| read.time);
    Ok(reads.list)
}

/// Whether the repeated string instruction of `t`, which starts to read at `read`,
/// reads some of `addresses`: how far it comes is how far its pointer goes.
fn reads_elements(
    timeline: &Timeline,
    t: u64,
    read: &Stored,
    addresses: &Range<u64>,
) -> Result<bool, StateError> {
    let (before, after) = (timeline.registers(t)?, timeline.registers_after(t)?);
    let at = |all: &Registers, gpr: Gpr| all.gpr.get(gpr.index()).copied().unwrap_or_default();
    let passed = [Gpr::RSI, Gpr::RDI]
        .into_iter()
        .filter(|gpr| at(&before, *gpr) == read.address)
        .map(|gpr| at(&after, gpr).wrapping_sub(at(&before, gpr)) as i64)
        .find(|passed| *passed != 0);
    let Some(passed) = passed else { return Ok(false) };
    // Backwards, the first element is the last in memory.
    let start = match passed {
        0.. => read.address,
        _ => read.address.wrapping_add(read.bytes).wrapping_sub(passed.unsigned_abs()),
    };
    let end = start.saturating_add(passed.unsigned_abs());
    Ok(start < addresses.end && addresses.start < end)
}
