//! Building: all chunks in parallel, the tree as they come.

use super::directory::Directory;
use super::file::{HEADER, complete};
use super::keys::RADIX;
use super::leaf::{End, Leaf, Made, Maker};
use super::node::{self, Child, Node};
use super::parts::Appender;
use super::sound::{ENDS_ELSEWHERE, swept};
use super::sweep::Plans;
use crate::progress::Progress;
use crate::timeline::{StateError, Timeline};
use rdb_schema::registers::Registers;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most threads: each holds a decoded chunk, and some 20 MB to sort what is found in it.
const MAX_THREADS: usize = 8;

/// Why an index was not built.
#[derive(Debug)]
pub enum BuildError {
    /// Somebody asked to stop.
    Interrupted,
    /// The file it goes to.
    Io(io::Error),
}

impl From<io::Error> for BuildError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What is left of a chunk.
struct Done {
    leaf: Leaf,
    keyframe: Box<Registers>,
    end: End,
}

/// One level of the tree while it grows.
#[derive(Default)]
struct Level {
    /// Children of nodes not yet made.
    waiting: BTreeMap<usize, Child>,
    nodes: BTreeMap<usize, Node>,
}

/// The work that threads share.
struct Work<'a> {
    timeline: &'a Timeline,
    plans: Plans<'a>,
    file: Appender<'a>,
    next: AtomicUsize,
    leaves: Mutex<BTreeMap<usize, Done>>,
    levels: Mutex<Vec<Level>>,
    progress: Progress,
}

/// Builds the index of `timeline` into `file`.
///
/// # Errors
/// [`BuildError`]; the file is then useless.
pub fn build(timeline: &Timeline, file: &File) -> Result<(), BuildError> {
    let count = timeline.chunk_count();
    let work = Work {
        timeline,
        plans: Plans::with_values(timeline.dictionary()),
        file: Appender::new(file, HEADER as u64),
        next: AtomicUsize::new(0),
        leaves: Mutex::default(),
        levels: Mutex::default(),
        progress: Progress::new("indexing", count as u64),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // Not rayon's threads: those that wait could be handed another question
    // that waits for this answer.
    let result = std::thread::scope(|scope| {
        let start = |_| scope.spawn(|| work.run());
        let all: Vec<_> = (0..threads.clamp(1, MAX_THREADS).min(count)).map(start).collect();
        let mut joined = all.into_iter().map(|thread| thread.join());
        let failed = |_| Err(io::Error::other("a thread failed"));
        joined.try_for_each(|end| end.unwrap_or_else(failed))
    });
    result?;
    if timeline.interrupt().raised() {
        return Err(BuildError::Interrupted);
    }
    let end = work.file.end();
    let directory = work.directory();
    Ok(complete(file, end, &directory, timeline.history_identity())?)
}

impl Work<'_> {
    /// Takes chunk after chunk.
    fn run(&self) -> io::Result<()> {
        let mut maker = Maker::new();
        while !self.timeline.interrupt().raised() {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.timeline.chunk_count() {
                break;
            }
            let mut made = match self.timeline.chunk(index) {
                Ok(chunk) => {
                    let plans = (&self.plans, self.timeline.plans());
                    maker.make(&chunk, plans, &self.file)?
                }
                Err(StateError::Damaged(_, _, why)) => Made::unsound(why),
                Err(error) => Made::unsound(error.to_string()),
            };
            let child = Child::of(&mut made);
            let Made { leaf, keyframe, end, .. } = made;
            lock(&self.leaves).insert(index, Done { leaf, keyframe, end });
            self.add(0, index, child)?;
            self.progress.step();
        }
        Ok(())
    }

    /// Nodes of a level, or leaves below the first.
    fn size(&self, level: u32) -> usize {
        self.timeline.chunk_count().div_ceil(RADIX.saturating_pow(level))
    }

    /// Notes a child of `level`; the one that completes its siblings makes the node.
    fn add(&self, level: u32, index: usize, child: Child) -> io::Result<()> {
        let size = self.size(level);
        if size <= 1 {
            return Ok(());
        }
        let at = level as usize;
        let first = index / RADIX * RADIX;
        let range = first..(first + RADIX).min(size);
        let children: Vec<Child> = {
            let mut levels = lock(&self.levels);
            if levels.len() <= at {
                levels.resize_with(at + 1, Level::default);
            }
            let Some(Level { waiting, .. }) = levels.get_mut(at) else { return Ok(()) };
            waiting.insert(index, child);
            if waiting.range(range.clone()).count() < range.len() {
                return Ok(());
            }
            range.filter_map(|index| waiting.remove(&index)).collect()
        };
        let (node, child) = node::make(children, &self.file)?;
        if let Some(level) = lock(&self.levels).get_mut(at) {
            level.nodes.insert(first / RADIX, node);
        }
        self.add(level + 1, first / RADIX, child)
    }

    fn directory(self) -> Directory {
        let done = self.leaves.into_inner().unwrap_or_else(PoisonError::into_inner);
        let broken: Vec<usize> =
            (0..done.len()).filter(|index| is_broken(self.timeline, &done, *index)).collect();
        let mut leaves: Vec<Leaf> = done.into_values().map(|done| done.leaf).collect();
        for index in &broken {
            if let Some(leaf) = leaves.get_mut(*index) {
                leaf.unsound = Some(ENDS_ELSEWHERE.into());
            }
        }
        let levels = self.levels.into_inner().unwrap_or_else(PoisonError::into_inner);
        let levels = levels.into_iter().map(|level| level.nodes.into_values().collect());
        let mut levels: Vec<Vec<Node>> = levels.collect();
        broken.iter().for_each(|index| distrust(&mut levels, *index));
        Directory { leaves, levels }
    }
}

/// Makes questions find the leaf, so that they meet what is wrong with it.
fn distrust(levels: &mut [Vec<Node>], leaf: usize) {
    let mut child = leaf;
    for level in levels {
        if let Some(node) = level.get_mut(child / RADIX) {
            node.always |= 1 << (child % RADIX);
        }
        child /= RADIX;
    }
}

/// Whether the registers that chunk `index` ends with are not those that the
/// next one of its thread starts with.
fn is_broken(timeline: &Timeline, done: &BTreeMap<usize, Done>, index: usize) -> bool {
    let next = timeline.schedule().follower(index).and_then(|next| done.get(&next));
    let (Some(this), Some(next)) = (done.get(&index), next) else { return false };
    let sound = this.leaf.unsound.is_none() && next.leaf.unsound.is_none();
    let end = &this.end.registers;
    let same =
        if this.end.whole { *end == next.keyframe } else { swept(end) == swept(&next.keyframe) };
    sound && !same
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
