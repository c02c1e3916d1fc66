//! Which tracepoints change a variable whose place changes.

use super::Kept;
use crate::index::{Index, IndexError};
use crate::session::{Session, Subject};
use crate::timeline::{Direction, StateError};
use crate::values::Place;
use std::ops::{ControlFlow, Range};

/// Tracepoints that are looked at together, forwards.
const TOGETHER: usize = 256;

/// A tracepoint that may change a variable.
struct Candidate {
    t: u64,
    /// Which registers that may be its it writes to, as [`Subject::bits_of`] gives them.
    written: u64,
    /// Whether it stores to one of its addresses, which other functions do as well.
    stores: bool,
}

impl Candidate {
    fn new(t: u64) -> Self {
        Self { t, written: 0, stores: false }
    }

    fn add(&mut self, other: &Self) {
        self.written |= other.written;
        self.stores |= other.stores;
    }
}

impl Session {
    /// Calls `take` with the tracepoints of `times` that write to a variable where it is then,
    /// or after which it is elsewhere and holds something else, in `direction`, until it breaks.
    pub(in crate::session) fn kept_writes(
        &self,
        index: &Index,
        kept: &Kept,
        (times, direction): (Range<u64>, Direction),
        take: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        if times.is_empty() {
            return Ok(());
        }
        let timeline = &self.timeline;
        let mut chunks: Vec<usize> =
            (timeline.chunk_at(times.start)?..timeline.chunk_at(times.end - 1)? + 1).collect();
        if direction == Direction::Backward {
            chunks.reverse();
        }
        for chunk in chunks {
            self.interrupt.check()?;
            let Some(place) = timeline.chunk_places().get(chunk) else { continue };
            let part = place.first.max(times.start)..place.end().min(times.end);
            let mut candidates = self.kept_candidates(index, kept, chunk, part)?;
            if direction == Direction::Backward {
                candidates.reverse();
            }
            for some in candidates.chunks(TOGETHER) {
                for t in self.changing_kept(index, kept, (some, direction))? {
                    if take(t).is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Those of some candidates that change a variable, in `direction`, which they are in.
    fn changing_kept(
        &self,
        index: &Index,
        kept: &Kept,
        (candidates, direction): (&[Candidate], Direction),
    ) -> Result<Vec<u64>, IndexError> {
        let mut changing = Vec::new();
        let mut look = |candidate: &Candidate| -> Result<(), IndexError> {
            let changes = match self.writes_register(kept, candidate)? {
                Some(writes) => writes,
                None => self.changes_kept(index, kept, candidate)?,
            };
            changing.extend(changes.then_some(candidate.t));
            Ok(())
        };
        // States are replayed forwards.
        match direction {
            Direction::Forward => candidates.iter().try_for_each(&mut look)?,
            Direction::Backward => {
                candidates.iter().rev().try_for_each(&mut look)?;
                changing.reverse();
            }
        }
        Ok(changing)
    }

    /// The tracepoints of a part of a chunk that may change a variable, in order.
    fn kept_candidates(
        &self,
        index: &Index,
        kept: &Kept,
        chunk: usize,
        times: Range<u64>,
    ) -> Result<Vec<Candidate>, IndexError> {
        let timeline = &self.timeline;
        if times.is_empty() || timeline.thread(times.start)? != kept.thread {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for name in kept.registers.iter().chain(&kept.inputs).chain(&kept.bases) {
            let bits = Subject::bits_of(name);
            index.register_writes(timeline, bits, times.clone(), Direction::Forward, &mut |t| {
                all.push(Candidate { written: bits, ..Candidate::new(t) });
                ControlFlow::Continue(())
            })?;
        }
        let chunk_path = timeline.chunk_path(chunk)?;
        all.retain(|one| kept.has_code(timeline.pc_in(&chunk_path, one.t)));
        let borders = kept.borders();
        let part_of = |pc: u64| kept.part_of(&borders, pc);
        for state in timeline.find_entered(chunk, times.clone(), &part_of)? {
            all.extend(timeline.predecessor(kept.thread, state).map(Candidate::new));
        }
        // What comes behind the chunk is entered by its last.
        let last = times.end - 1;
        if let Some(next) = timeline.successor(last)
            && kept.has_code(timeline.pc(next)?)
        {
            all.push(Candidate::new(last));
        }
        all.retain(|one| times.contains(&one.t));
        for address in self.addresses_of(kept, &all, times.start)? {
            let addresses = address..address.saturating_add(kept.bytes);
            index.writes(timeline, addresses, times.clone(), Direction::Forward, &mut |write| {
                all.push(Candidate { stores: true, ..Candidate::new(write.tracepoint) });
                ControlFlow::Continue(())
            })?;
        }
        all.sort_by_key(|one| one.t);
        all.dedup_by(|next, one| {
            let same = next.t == one.t;
            if same {
                one.add(next);
            }
            same
        });
        Ok(all)
    }

    /// The addresses where a variable is in memory: those of its list, and where it is at
    /// `start` and behind the tracepoints that move it.
    fn addresses_of(
        &self,
        kept: &Kept,
        moving: &[Candidate],
        start: u64,
    ) -> Result<Vec<u64>, StateError> {
        let mut addresses = kept.memory.clone();
        if kept.indirect {
            let behind = moving.iter().map(|one| one.t.saturating_add(1));
            for state in std::iter::once(start).chain(behind) {
                if let Place::Memory(address) = self.kept_at(kept, state, state == start)?.place {
                    addresses.push(address);
                }
            }
            addresses.sort_unstable();
            addresses.dedup();
        }
        Ok(addresses)
    }

    /// Whether a tracepoint writes to the register that a variable is in before it and behind it;
    /// `None` where that cannot be said at a glance.
    fn writes_register(
        &self,
        kept: &Kept,
        candidate: &Candidate,
    ) -> Result<Option<bool>, StateError> {
        if candidate.stores {
            return Ok(None);
        }
        let (timeline, t) = (&self.timeline, candidate.t);
        let (pc, behind) = (timeline.pc(t)?, timeline.pc_after(t)?);
        let register = kept.register_at(pc).filter(|_| kept.has_code(behind));
        let Some(register) = register.filter(|at| kept.register_at(behind) == Some(*at)) else {
            return Ok(None);
        };
        let own = self.is_in_frame(t, kept.cfa);
        Ok(own.map(|own| own && candidate.written & register != 0))
    }

    /// Whether a tracepoint writes to a variable where it is then, or it is elsewhere then and
    /// holds something else.
    fn changes_kept(
        &self,
        index: &Index,
        kept: &Kept,
        candidate: &Candidate,
    ) -> Result<bool, IndexError> {
        let (t, stores) = (candidate.t, candidate.stores);
        let (before, after) = self.kept_around(kept, t, stores)?;
        if before.is_known() && after.is_known() && before.bytes != after.bytes {
            return Ok(true);
        }
        let (timeline, here) = (&self.timeline, t..t.saturating_add(1));
        match after.place {
            Place::Register(name) if before.innermost || after.innermost => {
                let writes = candidate.written & Subject::bits_of(&name) != 0;
                Ok(writes && kept.has_code(timeline.pc(t)?))
            }
            Place::Memory(address) => {
                let mut writes = false;
                let addresses = address..address.saturating_add(kept.bytes);
                index.writes(timeline, addresses, here, Direction::Forward, &mut |_| {
                    writes = true;
                    ControlFlow::Break(())
                })?;
                Ok(writes)
            }
            _ => Ok(false),
        }
    }
}
