//! Who runs when: the threads of a history, and which of them each chunk is of.

use super::Trace;
use rayon::prelude::*;
use rdb_schema::container::{Frame, FrameKind};
use rdb_schema::message::decode_chunk_thread;
use std::collections::HashMap;

/// Bytes of a chunk's payload that are looked at first: its thread stands near the start.
const START: u64 = 4096;

/// A thread of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its number in this history, from 1, in the order in which threads first run.
    pub number: usize,
    /// Its id while recording.
    pub id: u32,
    /// Its chunks, ascending.
    chunks: Vec<usize>,
}

/// The threads of a history, and whose turn it is in each chunk.
#[derive(Debug, Default)]
pub struct Schedule {
    threads: Vec<Thread>,
    /// Of each chunk: the place of its thread in `threads`.
    turns: Vec<usize>,
}

impl Schedule {
    /// From each chunk's thread id.
    fn new(ids: &[u32]) -> Self {
        let mut schedule = Self::default();
        let mut known: HashMap<u32, usize> = HashMap::new();
        for (chunk, id) in ids.iter().enumerate() {
            let at = *known.entry(*id).or_insert_with(|| {
                let number = schedule.threads.len() + 1;
                schedule.threads.push(Thread { number, id: *id, chunks: Vec::new() });
                number - 1
            });
            schedule.turns.push(at);
            if let Some(thread) = schedule.threads.get_mut(at) {
                thread.chunks.push(chunk);
            }
        }
        schedule
    }

    /// The threads, by number.
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// Whether there is more than one thread.
    pub fn is_shared(&self) -> bool {
        self.threads.len() > 1
    }

    /// The thread of this id.
    pub fn thread(&self, id: u32) -> Option<&Thread> {
        self.threads.iter().find(|thread| thread.id == id)
    }

    /// The thread of chunk `index`.
    pub fn of(&self, index: usize) -> Option<&Thread> {
        self.threads.get(*self.turns.get(index)?)
    }

    /// Whether chunk `index` is of the thread with this id.
    pub fn is_of(&self, index: usize, id: u32) -> bool {
        self.of(index).is_some_and(|thread| thread.id == id)
    }

    /// The chunk with which the thread of chunk `index` goes on.
    pub fn follower(&self, index: usize) -> Option<usize> {
        self.of(index)?.from(index + 1)
    }
}

impl Thread {
    /// Its first chunk from `index` on.
    pub fn from(&self, index: usize) -> Option<usize> {
        self.chunks.get(self.chunks.partition_point(|chunk| *chunk < index)).copied()
    }

    /// Its last chunk before `index`.
    pub fn before(&self, index: usize) -> Option<usize> {
        let after = self.chunks.partition_point(|chunk| *chunk < index);
        self.chunks.get(after.checked_sub(1)?).copied()
    }

    /// Its first chunk.
    pub fn first(&self) -> Option<usize> {
        self.chunks.first().copied()
    }

    /// Its last chunk.
    pub fn last(&self) -> Option<usize> {
        self.chunks.last().copied()
    }
}

impl Trace {
    /// Whose turn it is when; found out when it is first asked for. A chunk that cannot be
    /// read counts for the thread of the one before.
    pub fn schedule(&self) -> &Schedule {
        self.schedule.get_or_init(|| {
            let found: Vec<Option<u32>> =
                self.chunks.par_iter().map(|place| self.thread_of(place.frame)).collect();
            let first = found.iter().copied().flatten().next().unwrap_or_default();
            let mut last = first;
            let known = |id: Option<u32>| {
                last = id.unwrap_or(last);
                last
            };
            Schedule::new(&found.into_iter().map(known).collect::<Vec<_>>())
        })
    }

    fn thread_of(&self, index: usize) -> Option<u32> {
        let frame = self.frames.get(index).filter(|f| f.header.kind == FrameKind::Chunk)?;
        let near = frame.payload_start(self.bytes(), START).ok();
        near.and_then(|start| decode_chunk_thread(&start).ok()).or_else(|| self.far_thread(frame))
    }

    fn far_thread(&self, frame: &Frame) -> Option<u32> {
        decode_chunk_thread(&frame.payload(self.bytes()).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_take_turns() {
        let schedule = Schedule::new(&[7, 7, 9, 7, 9, 9]);
        let numbers: Vec<_> = schedule.threads().iter().map(|t| (t.number, t.id)).collect();
        assert_eq!(numbers, [(1, 7), (2, 9)]);
        let followers: Vec<_> = (0..6).map(|index| schedule.follower(index)).collect();
        assert_eq!(followers, [Some(1), Some(3), Some(4), None, Some(5), None]);
        let nine = schedule.thread(9).unwrap();
        assert_eq!((nine.first(), nine.last()), (Some(2), Some(5)));
        assert_eq!([0, 3, 5, 6].map(|at| nine.before(at)), [None, Some(2), Some(4), Some(5)]);
        assert!(schedule.is_of(3, 7) && !schedule.is_of(3, 9) && !schedule.is_of(6, 7));
    }
}
