//! The pipeline: jobs are encoded and compressed by worker threads, and written
//! in the order they were given. What it holds is bounded: an engine that is faster
//! than the workers encodes, too, and one that is faster than the disk waits.

use super::budget::{Budget, Share};
use super::spares::Spares;
use super::status::{FailOnPanic, PipelineStatus, timed};
use super::worker::{Frames, Worker};
use crate::tracee::sys::CpuSet;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use rdb_schema::block::Block;
use rdb_schema::container::{Encoded, FrameKind, Writer};
use rdb_schema::draft::Draft;
use rdb_schema::event::Exit;
use rdb_schema::header::{Header, Module};
use rdb_schema::message::{self, ChunkState, Footer};
use rdb_schema::pages::{PageIndex, PageVersion, Pages};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// Jobs that may wait for a worker.
const QUEUE: usize = 4;

/// Bytes that the jobs in flight may take.
const IN_FLIGHT: usize = 96 << 20;

/// Most worker threads.
const MAX_WORKERS: usize = 8;

/// One thing to write.
pub enum Job {
    /// Where the recording comes from.
    Header(Box<Header>),
    /// A mapped file, and its bytes.
    Module(Box<Module>, Arc<Vec<u8>>),
    /// Page contents.
    Pages(Pages),
    /// A finished chunk.
    Chunk(Box<ChunkJob>),
}

impl Job {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        match self {
            Self::Header(_) => 0,
            Self::Module(_, bytes) => bytes.len(),
            Self::Pages(pages) => pages.contents.len(),
            Self::Chunk(job) => job.draft.bytes(),
        }
    }
}

/// A finished chunk with all that encoding it takes.
pub struct ChunkJob {
    /// The chunk.
    pub draft: Draft,
    /// Its blocks, one for each entry of [`Draft::blocks`].
    pub blocks: Vec<Arc<Block>>,
    /// What stands at its start.
    pub state: ChunkState,
    /// Id of the first of `new`.
    pub first_new: u32,
    /// The dictionary entries that are new with it.
    pub new: Vec<Arc<Block>>,
}

/// Something with its place in the order of submission and its share of memory.
pub(super) struct Numbered<T> {
    pub(super) number: u64,
    pub(super) share: Share,
    pub(super) value: T,
}

/// Worker threads and the writer behind them.
pub struct Pipeline {
    jobs: Option<Sender<Numbered<Job>>>,
    done: Option<Sender<Numbered<Frames>>>,
    /// Encodes on the engine's own thread, once it had to.
    own: Option<Worker>,
    next: u64,
    budget: Arc<Budget>,
    spares: Spares,
    workers: Vec<JoinHandle<()>>,
    writer: JoinHandle<Written>,
    process: u32,
    level: i32,
    /// How it goes.
    pub status: Arc<PipelineStatus>,
}

/// What a sealed recording says of its end.
pub struct End {
    /// How many tracepoints there are.
    pub tracepoints: u64,
    /// How the program ended.
    pub exit: Exit,
    /// What was left to single-stepping: why, and how many tracepoints.
    pub stepped: Vec<(String, u64)>,
}

/// What the writer thread leaves behind.
struct Written {
    writer: Writer,
    versions: Vec<PageVersion>,
}

impl Pipeline {
    /// Starts threads, one for each of `cpus`, that write `process`'s history to
    /// `writer`, compressed at zstd `level`.
    pub fn new(writer: Writer, process: u32, cpus: CpuSet, level: i32) -> Self {
        let status = Arc::new(PipelineStatus::default());
        let (jobs, queue) = bounded(QUEUE);
        let (done, results) = bounded(QUEUE);
        let spares = Spares::default();
        let workers = (0..cpus.cpus().len().clamp(1, MAX_WORKERS))
            .map(|_| {
                let status = Arc::clone(&status);
                let (queue, done, spares) = (queue.clone(), done.clone(), spares.clone());
                std::thread::spawn(move || {
                    let _ = cpus.apply(0);
                    let _guard = FailOnPanic(&status);
                    match Worker::new(process, level, Arc::clone(&status), spares) {
                        Ok(mut worker) => worker.run(&queue, &done),
                        Err(error) => status.fail(error),
                    }
                })
            })
            .collect();
        let writer_status = Arc::clone(&status);
        let writer = std::thread::spawn(move || {
            let _ = cpus.apply(0);
            let _guard = FailOnPanic(&writer_status);
            write(writer, &results, &writer_status)
        });
        let budget = Budget::new(IN_FLIGHT);
        let (jobs, done, own) = (Some(jobs), Some(done), None);
        Self { jobs, done, own, next: 0, budget, spares, workers, writer, process, level, status }
    }

    /// Hands over a job, or does it where all workers have enough to do; waits while
    /// too much is in flight.
    pub fn submit(&mut self, job: Job) {
        let Some(jobs) = &self.jobs else { return };
        let number = self.next;
        self.next += 1;
        if self.budget.has_no_room(job.bytes()) && matches!(job, Job::Chunk(_)) {
            let share = self.budget.note(job.bytes());
            return self.encode(Numbered { number, share, value: job });
        }
        let share = timed(&self.status.times.blocked, || {
            self.budget.take(job.bytes(), &self.status.failed)
        });
        // Where the workers are gone, `finish` reports it.
        if let Err(TrySendError::Full(job)) = jobs.try_send(Numbered { number, share, value: job })
        {
            self.encode(job);
        }
    }

    /// Does a job on the engine's thread; waits while the writer has enough to do.
    fn encode(&mut self, job: Numbered<Job>) {
        if self.own.is_none() {
            let (status, spares) = (Arc::clone(&self.status), self.spares.clone());
            match Worker::new(self.process, self.level, status, spares) {
                Ok(worker) => self.own = Some(worker),
                Err(error) => return self.status.fail(error),
            }
        }
        if let (Some(own), Some(done)) = (&mut self.own, &self.done) {
            let _ = done.send(own.one_job(job));
        }
    }

    /// A draft whose buffers have served before, or a new one.
    pub fn spare(&self) -> Draft {
        self.spares.take()
    }

    /// Waits for all jobs, then seals the file; its size in bytes.
    ///
    /// # Errors
    /// The first that any thread met; the file then ends with a whole frame and
    /// is not sealed.
    pub fn finish(mut self, end: End) -> io::Result<u64> {
        let End { tracepoints, exit, stepped } = end;
        drop((self.jobs.take(), self.done.take()));
        let panicked = |_| io::Error::other("an encoding thread panicked");
        for worker in self.workers {
            worker.join().map_err(panicked)?;
        }
        let Written { mut writer, versions } = self.writer.join().map_err(panicked)?;
        if let Some(error) = self.status.take_error() {
            return Err(error);
        }
        let frame = |kind, count, payload: &[u8]| {
            Encoded::new(kind, self.process, (0, count), payload, self.level)
        };
        let index = message::encode_index(&PageIndex::new(versions));
        writer.append(&frame(FrameKind::Index, tracepoints, &index)?)?;
        let frames = writer.frames().len() as u32;
        let footer = Footer { tracepoints, exit, frames, stepped };
        writer.seal(&frame(FrameKind::Footer, tracepoints, &message::encode_footer(&footer))?)
    }
}

/// The writer thread: puts results back into order and writes them.
fn write(
    mut writer: Writer,
    results: &Receiver<Numbered<Frames>>,
    status: &PipelineStatus,
) -> Written {
    let mut versions = Vec::new();
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for result in results {
        waiting.insert(result.number, result);
        while let Some(Numbered { share, value, .. }) = waiting.remove(&next) {
            next += 1;
            if !status.failed.load(Ordering::Acquire) {
                let written = timed(&status.times.write, || {
                    write_frames(&mut writer, value, &mut versions, status)
                });
                written.unwrap_or_else(|error| status.fail(error));
            }
            drop(share);
        }
    }
    Written { writer, versions }
}

fn write_frames(
    writer: &mut Writer,
    frames: Frames,
    versions: &mut Vec<PageVersion>,
    status: &PipelineStatus,
) -> io::Result<()> {
    for (encoded, pages) in frames {
        let frame = writer.append(&encoded)?;
        let state = encoded.header().first;
        versions.extend(pages.iter().enumerate().map(|(slot, page)| PageVersion {
            page: *page,
            state,
            frame,
            slot: slot as u32,
        }));
        if encoded.header().kind == FrameKind::File {
            status.module_bytes.fetch_add(encoded.file_bytes(), Ordering::Relaxed);
        }
    }
    status.bytes.store(writer.bytes(), Ordering::Relaxed);
    Ok(())
}
