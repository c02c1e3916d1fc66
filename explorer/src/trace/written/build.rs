//! Replaying all chunks, in parallel, to find what they write.

use super::blob::{Blob, merge};
use super::collect::Collector;
use super::{GROUP, Place, Written};
use crate::trace::view::check_end;
use crate::trace::{ChunkPlace, Schedule, Trace};
use indicatif::{ProgressBar, ProgressStyle};
use memmap2::Mmap;
use rdb_schema::registers::Registers;
use rdb_schema::replay::Cursor;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Most threads: each holds a decoded chunk.
const MAX_THREADS: usize = 8;

/// Why what chunks write is not known.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The file it goes to.
    #[error("failed to keep what the program wrote in {0}: {1}")]
    Io(String, io::Error),
}

/// What is left of a replayed chunk.
struct Replayed {
    place: Place,
    keyframe: Box<Registers>,
    end: Result<Box<Registers>, String>,
}

/// The work that threads share.
struct Work<'a> {
    trace: &'a Trace,
    file: &'a File,
    stopped: &'a (dyn Fn() -> bool + Sync),
    next: AtomicUsize,
    bytes: AtomicU64,
    chunks: Mutex<BTreeMap<usize, Replayed>>,
    groups: Mutex<BTreeMap<usize, Place>>,
    bar: ProgressBar,
}

impl Written {
    /// Replays all chunks of `trace` but the last, whose end nobody starts from.
    /// `stopped` is polled.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(trace: &Trace, stopped: &(dyn Fn() -> bool + Sync)) -> Result<Self, BuildError> {
        let folder = folder();
        let failed = |error| BuildError::Io(folder.display().to_string(), error);
        let file = tempfile::tempfile_in(&folder).map_err(failed)?;
        let count = trace.chunks().len().saturating_sub(1);
        let bar = bar(count as u64);
        let work = Work {
            trace,
            file: &file,
            stopped,
            next: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            chunks: Mutex::default(),
            groups: Mutex::default(),
            bar: bar.clone(),
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        // Not rayon's threads: those that wait could be handed another question
        // that waits for this answer.
        let result = std::thread::scope(|scope| {
            let start = |_| scope.spawn(|| work.run(count));
            let all: Vec<_> = (0..threads.clamp(1, MAX_THREADS)).map(start).collect();
            let panicked = |_| Err(io::Error::other("a thread panicked"));
            all.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(panicked))
        });
        bar.finish_and_clear();
        result.map_err(failed)?;
        work.finish(count).map_err(failed)?.ok_or(BuildError::Interrupted)
    }
}

impl Work<'_> {
    fn run(&self, count: usize) -> io::Result<()> {
        let mut collector = Collector::new();
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = self.trace.chunks().get(index).filter(|_| index < count) else {
                return Ok(());
            };
            if (self.stopped)() {
                return Ok(());
            }
            let replayed = self.replay(place, &mut collector)?;
            self.add(index, replayed)?;
            self.bar.inc(1);
        }
    }

    fn replay(&self, place: &ChunkPlace, collector: &mut Collector) -> io::Result<Replayed> {
        let chunk = match self.trace.chunk(place) {
            Ok(chunk) => chunk,
            Err(error) => {
                let keyframe = Box::default();
                return Ok(Replayed { place: (0, 0), keyframe, end: Err(error.0) });
            }
        };
        let mut cursor = Cursor::new(&chunk);
        let all = cursor.advance(&chunk, self.trace.dictionary(), chunk.end(), collector);
        let end = all
            .map_err(|e| e.to_string())
            .and_then(|()| check_end(&chunk, &cursor.registers, None))
            .map(|()| Box::new(cursor.registers));
        let place = self.keep(&collector.finish())?;
        Ok(Replayed { place, keyframe: Box::new(chunk.keyframe), end })
    }

    /// Appends a blob to the file.
    fn keep(&self, blob: &[u8]) -> io::Result<Place> {
        let length = blob.len() as u64;
        let offset = self.bytes.fetch_add(length, Ordering::Relaxed);
        self.file.write_all_at(blob, offset)?;
        Ok((offset, length))
    }

    /// Notes a chunk; the one that completes its group merges that.
    fn add(&self, index: usize, replayed: Replayed) -> io::Result<()> {
        let first = index / GROUP * GROUP;
        let places: Vec<Place> = {
            let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
            chunks.insert(index, replayed);
            chunks.range(first..first + GROUP).map(|(_, r)| r.place).collect()
        };
        if places.len() < GROUP {
            return Ok(());
        }
        let blobs = places.iter().map(|place| self.read(place)).collect::<io::Result<Vec<_>>>()?;
        let blobs: Vec<Blob> = blobs.iter().map(|bytes| Blob::new(bytes)).collect();
        let place = self.keep(&merge(&blobs))?;
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).insert(index / GROUP, place);
        Ok(())
    }

    fn read(&self, (offset, length): &Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(*length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, *offset)?;
        Ok(bytes)
    }

    /// All of it; `None` if chunks are missing.
    fn finish(self, count: usize) -> io::Result<Option<Written>> {
        let chunks = self.chunks.into_inner().unwrap_or_else(PoisonError::into_inner);
        if chunks.len() < count {
            return Ok(None);
        }
        let groups = self.groups.into_inner().unwrap_or_else(PoisonError::into_inner);
        let file = if self.bytes.load(Ordering::Relaxed) == 0 {
            None
        } else {
            // SAFETY: the file has no name, and nobody writes to it any more.
            Some(unsafe { Mmap::map(self.file) }?)
        };
        let schedule = self.trace.schedule();
        let unsound =
            (0..count).filter_map(|i| Some((i, unsound(schedule, &chunks, i)?))).collect();
        let place = |i: usize| chunks.get(&i).map_or((0, 0), |r| r.place);
        let chunks = (0..count).map(place).collect();
        Ok(Some(Written { file, chunks, groups: groups.into_values().collect(), unsound }))
    }
}

/// Why the stores of chunk `index` are not known.
fn unsound(
    schedule: &Schedule,
    chunks: &BTreeMap<usize, Replayed>,
    index: usize,
) -> Option<String> {
    let end = match &chunks.get(&index)?.end {
        Ok(end) => end,
        Err(why) => return Some(why.clone()),
    };
    let next = chunks.get(&schedule.follower(index)?).filter(|next| next.end.is_ok())?;
    (*end != next.keyframe).then(|| "replay ends elsewhere than the next chunk starts".to_owned())
}

/// Where large files without a name go.
pub fn folder() -> std::path::PathBuf {
    let asked = std::env::var_os("TMPDIR").is_some();
    let large = Path::new("/var/tmp");
    if !asked && large.is_dir() { large.to_path_buf() } else { std::env::temp_dir() }
}

/// On standard error, if that is a terminal.
fn bar(chunks: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("reading what was written {bar:30} {percent} %");
    let bar = ProgressBar::new(chunks);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}
