//! Threads: their states between their turns, and the steps from one of their tracepoints to
//! the next. Memory is everybody's; registers are a thread's own.

use super::{Direction, Schedule, StateError, Timeline};
use rdb_schema::registers::Registers;
use std::ops::Range;

impl Timeline {
    /// Whose turn it is when.
    pub fn schedule(&self) -> &Schedule {
        self.trace.schedule()
    }

    /// The tracepoints of the first and to the last turn of thread `id`, others' between them
    /// included.
    pub fn lifetime(&self, id: u32) -> Option<Range<u64>> {
        let thread = self.schedule().thread(id)?;
        let (first, last) = (self.place(thread.first()?).ok()?, self.place(thread.last()?).ok()?);
        Some(first.first..last.end())
    }

    /// The state from `t` on at which thread `id` goes on; none if it does not run again.
    pub fn resumes(&self, id: u32, t: u64) -> Option<u64> {
        let index = self.chunk_at(t).ok()?;
        if self.schedule().is_of(index, id) {
            return Some(t);
        }
        let next = self.schedule().thread(id)?.from(index)?;
        self.place(next).ok().map(|place| place.first)
    }

    /// Registers of thread `id` at state `t`: as it left them, if it is not its turn.
    ///
    /// # Errors
    /// [`StateError`]; [`StateError::NoThread`] if there is none, or not yet.
    pub fn registers_of(&self, id: u32, t: u64) -> Result<Registers, StateError> {
        match self.resumption(id, t)? {
            Some(state) => self.registers(state),
            None => self.last_registers(id),
        }
    }

    /// Where thread `id` goes on at state `t`.
    ///
    /// # Errors
    /// As [`Self::registers_of`].
    pub fn pc_of(&self, id: u32, t: u64) -> Result<u64, StateError> {
        match self.resumption(id, t)? {
            Some(state) => self.pc(state),
            None => Ok(self.last_chunk(id)?.1.end_pc),
        }
    }

    /// The state at which thread `id`, which there is at state `t`, goes on; `None` if it
    /// does not.
    fn resumption(&self, id: u32, t: u64) -> Result<Option<u64>, StateError> {
        match self.lifetime(id) {
            Some(life) if life.start <= t => Ok(self.resumes(id, t)),
            _ => Err(StateError::NoThread(id, t)),
        }
    }

    fn last_chunk(
        &self,
        id: u32,
    ) -> Result<(usize, std::sync::Arc<rdb_schema::chunk::Chunk>), StateError> {
        let last = self.schedule().thread(id).and_then(|thread| thread.last());
        let last = last.ok_or(StateError::NoThread(id, self.end()))?;
        Ok((last, self.chunk_path(last)?))
    }

    fn last_registers(&self, id: u32) -> Result<Registers, StateError> {
        let (index, chunk) = self.last_chunk(id)?;
        Ok(self.chunk_view(index)?.registers(self.dictionary(), chunk.end())?)
    }

    /// Registers of the thread of tracepoint `t` right behind it, whoever runs next.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn registers_after(&self, t: u64) -> Result<Registers, StateError> {
        let view = self.chunk_view(self.chunk_at(t)?)?;
        Ok(view.registers(self.dictionary(), t.saturating_add(1))?)
    }

    /// The stack pointer behind tracepoint `t`, as its thread goes on.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn stack_pointer_after(&self, t: u64) -> Result<u64, StateError> {
        let view = self.chunk_view(self.chunk_at(t)?)?;
        Ok(view.stack_pointer(self.dictionary(), t.saturating_add(1))?)
    }

    /// Where the thread of tracepoint `t` goes on behind it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn pc_after(&self, t: u64) -> Result<u64, StateError> {
        let chunk = self.chunk_path(self.chunk_at(t)?)?;
        let next = t.saturating_add(1);
        if next < chunk.end() { self.pc(next) } else { Ok(chunk.end_pc) }
    }

    /// How many of `times` are tracepoints of thread `id`.
    pub fn instructions_of(&self, id: u32, times: Range<u64>) -> u64 {
        let (Some(thread), Ok(mut index)) =
            (self.schedule().thread(id), self.chunk_at(times.start))
        else {
            return 0;
        };
        let mut count = 0;
        while let Some(own) = thread.from(index) {
            let Ok(place) = self.place(own) else { break };
            if place.first >= times.end {
                break;
            }
            let (start, end) = (place.first.max(times.start), place.end().min(times.end));
            count += end.saturating_sub(start);
            index = own + 1;
        }
        count
    }

    /// The state that the thread of state `t` comes to next: its next tracepoint, or the last
    /// state if it runs to there.
    pub fn successor(&self, t: u64) -> Option<u64> {
        let index = self.chunk_at(t).ok().filter(|_| t < self.end())?;
        let place = self.place(index).ok()?;
        let next = t + 1;
        if next < place.end() || next == self.end() {
            return Some(next);
        }
        let follower = self.schedule().follower(index)?;
        self.place(follower).ok().map(|place| place.first)
    }

    /// The last tracepoint of thread `id` before `t`.
    pub fn predecessor(&self, id: u32, t: u64) -> Option<u64> {
        let before = t.checked_sub(1)?;
        let index = self.chunk_at(before).ok()?;
        if self.schedule().is_of(index, id) {
            return Some(before);
        }
        let earlier = self.schedule().thread(id)?.before(index)?;
        self.place(earlier).ok().map(|place| place.end().saturating_sub(1))
    }

    /// The state of thread `id` that lies `count` of its instructions after (before) state
    /// `from`, if there are as many.
    pub fn stepped_by(&self, id: u32, from: u64, count: u64, direction: Direction) -> Option<u64> {
        let (mut at, mut left) = (from, count);
        while left > 0 {
            let (reached, steps) = self.within_turn(id, at, left, direction)?;
            at = reached;
            left -= steps;
        }
        Some(at)
    }

    /// As many of `count` steps as its turn has, at least one: where they lead.
    fn within_turn(
        &self,
        id: u32,
        at: u64,
        count: u64,
        direction: Direction,
    ) -> Option<(u64, u64)> {
        match direction {
            Direction::Forward => {
                let next = self.successor(at)?;
                let place = self.place(self.chunk_at(next).ok()?).ok()?;
                let last = if place.end() == self.end() { place.end() } else { place.end() - 1 };
                let more = (last.saturating_sub(next)).min(count - 1);
                Some((next + more, more + 1))
            }
            Direction::Backward => {
                let before = self.predecessor(id, at)?;
                let place = self.place(self.chunk_at(before).ok()?).ok()?;
                let more = (before - place.first).min(count - 1);
                Some((before - more, more + 1))
            }
        }
    }
}
