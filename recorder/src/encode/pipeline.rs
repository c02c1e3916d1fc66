//! The pipeline: jobs are encoded and compressed by worker threads, and written
//! in the order they were given. Its queues are short, so memory stays bounded:
//! an engine that is faster than the disk waits.

use crate::tracee::sys::CpuSet;
use crossbeam_channel::{Receiver, Sender, bounded};
use rdb_schema::block::Block;
use rdb_schema::chunk::Chunk;
use rdb_schema::container::{Encoded, FrameKind, Writer};
use rdb_schema::event::Exit;
use rdb_schema::header::{Header, Module};
use rdb_schema::message::{self, ChunkState, Footer};
use rdb_schema::pages::{PageIndex, PageVersion, Pages};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Jobs that may wait for a worker.
const QUEUE: usize = 4;

/// Most worker threads.
const MAX_WORKERS: usize = 8;

/// zstd level: a stepping engine leaves the workers time.
const LEVEL: i32 = 3;

/// One thing to write.
pub enum Job {
    /// Where the recording comes from.
    Header(Box<Header>),
    /// A mapped file, and its bytes.
    Module(Box<Module>, Arc<[u8]>),
    /// Page contents.
    Pages(Pages),
    /// A finished chunk.
    Chunk(Box<ChunkJob>),
}

/// A finished chunk with all that encoding it takes.
pub struct ChunkJob {
    /// The chunk.
    pub chunk: Chunk,
    /// Its blocks, one for each entry of [`Chunk::blocks`].
    pub blocks: Vec<Arc<Block>>,
    /// What stands at its start.
    pub state: ChunkState,
    /// Id of the first of `new`.
    pub first_new: u32,
    /// The dictionary entries that are new with it.
    pub new: Vec<Arc<Block>>,
}

/// What the pipeline tells while it runs.
#[derive(Default)]
pub struct PipelineStatus {
    /// Bytes written.
    pub bytes: AtomicU64,
    /// Bytes of module frames among them.
    pub module_bytes: AtomicU64,
    /// Whether writing has failed; later jobs are dropped.
    pub failed: AtomicBool,
    error: Mutex<Option<io::Error>>,
}

impl PipelineStatus {
    fn fail(&self, error: io::Error) {
        let mut slot = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }

    /// Why writing failed.
    pub fn take_error(&self) -> Option<io::Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Tells the engine when a thread is lost: the frames behind it would wait for
/// its own for ever.
struct FailOnPanic<'a>(&'a PipelineStatus);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(io::Error::other("an encoding thread panicked"));
        }
    }
}

type Numbered<T> = (u64, T);
type Frames = Vec<(Encoded, Vec<u64>)>;

/// Worker threads and the writer behind them.
pub struct Pipeline {
    jobs: Option<Sender<Numbered<Job>>>,
    next: u64,
    workers: Vec<JoinHandle<()>>,
    writer: JoinHandle<Written>,
    process: u32,
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
    /// `writer`.
    pub fn new(writer: Writer, process: u32, cpus: CpuSet) -> Self {
        let status = Arc::new(PipelineStatus::default());
        let (jobs, queue) = bounded::<Numbered<Job>>(QUEUE);
        let (done, results) = bounded::<Numbered<Frames>>(QUEUE);
        let workers = (0..cpus.cpus().len().clamp(1, MAX_WORKERS))
            .map(|_| {
                let encoder = Encoder { process, status: Arc::clone(&status) };
                let (queue, done) = (queue.clone(), done.clone());
                std::thread::spawn(move || {
                    let _ = cpus.apply(0);
                    let _guard = FailOnPanic(&encoder.status);
                    encoder.run(&queue, &done);
                })
            })
            .collect();
        let writer_status = Arc::clone(&status);
        let writer = std::thread::spawn(move || {
            let _ = cpus.apply(0);
            let _guard = FailOnPanic(&writer_status);
            write(writer, &results, &writer_status)
        });
        Self { jobs: Some(jobs), next: 0, workers, writer, process, status }
    }

    /// Hands over a job; waits while the queue is full.
    pub fn submit(&mut self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // It fails only when all workers are gone, which `finish` reports.
            let _ = jobs.send((self.next, job));
            self.next += 1;
        }
    }

    /// Waits for all jobs, then seals the file; its size in bytes.
    ///
    /// # Errors
    /// The first that any thread met; the file then ends with a whole frame and
    /// is not sealed.
    pub fn finish(mut self, end: End) -> io::Result<u64> {
        let End { tracepoints, exit, stepped } = end;
        drop(self.jobs.take());
        let panicked = |_| io::Error::other("an encoding thread panicked");
        for worker in self.workers {
            worker.join().map_err(panicked)?;
        }
        let Written { mut writer, versions } = self.writer.join().map_err(panicked)?;
        if let Some(error) = self.status.take_error() {
            return Err(error);
        }
        let frame = |kind, count, payload: &[u8]| {
            Encoded::new(kind, self.process, (0, count), payload, LEVEL)
        };
        let index = message::encode_index(&PageIndex::new(versions));
        writer.append(&frame(FrameKind::Index, tracepoints, &index)?)?;
        let frames = writer.frames().len() as u32;
        let footer = Footer { tracepoints, exit, frames, stepped };
        writer.seal(&frame(FrameKind::Footer, tracepoints, &message::encode_footer(&footer))?)
    }
}

struct Encoder {
    process: u32,
    status: Arc<PipelineStatus>,
}

impl Encoder {
    fn run(&self, queue: &Receiver<Numbered<Job>>, done: &Sender<Numbered<Frames>>) {
        for (number, job) in queue {
            let frames = if self.status.failed.load(Ordering::Acquire) {
                Vec::new()
            } else {
                self.encode(job).unwrap_or_else(|error| {
                    self.status.fail(error);
                    Vec::new()
                })
            };
            if done.send((number, frames)).is_err() {
                return;
            }
        }
    }

    fn encode(&self, job: Job) -> io::Result<Frames> {
        match job {
            Job::Header(header) => {
                self.one(FrameKind::Header, (0, 1), &message::encode_header(&header))
            }
            Job::Module(module, bytes) => {
                let place = (module.index.into(), 1);
                let about =
                    self.frame(FrameKind::Module, place, &message::encode_module(&module))?;
                let file = self.frame(FrameKind::File, place, &bytes)?;
                Ok(vec![(about, Vec::new()), (file, Vec::new())])
            }
            Job::Pages(pages) => {
                let place = (pages.state, pages.numbers.len() as u64);
                let encoded =
                    self.frame(FrameKind::Pages, place, &message::encode_pages(&pages))?;
                Ok(vec![(encoded, pages.numbers)])
            }
            Job::Chunk(job) => self.encode_chunk(&job),
        }
    }

    fn encode_chunk(&self, job: &ChunkJob) -> io::Result<Frames> {
        let ChunkJob { chunk, blocks, state, first_new, new } = job;
        let mut frames = Vec::new();
        if !new.is_empty() {
            let payload = message::encode_blocks(*first_new, new);
            let place = (u64::from(*first_new), new.len() as u64);
            frames.extend(self.one(FrameKind::Blocks, place, &payload)?);
        }
        let payload = message::encode_chunk(chunk, state, blocks);
        let place = (chunk.first, chunk.count);
        if !chunk.events.is_empty() {
            let events = message::encode_events(&chunk.events);
            frames.extend(self.one(FrameKind::Events, place, &events)?);
        }
        frames.extend(self.one(FrameKind::Chunk, place, &payload)?);
        Ok(frames)
    }

    fn one(&self, kind: FrameKind, place: (u64, u64), payload: &[u8]) -> io::Result<Frames> {
        Ok(vec![(self.frame(kind, place, payload)?, Vec::new())])
    }

    fn frame(&self, kind: FrameKind, place: (u64, u64), payload: &[u8]) -> io::Result<Encoded> {
        Encoded::new(kind, self.process, place, payload, LEVEL)
    }
}

/// The writer thread: puts results back into order and writes them.
fn write(
    mut writer: Writer,
    results: &Receiver<Numbered<Frames>>,
    status: &PipelineStatus,
) -> Written {
    let mut versions = Vec::new();
    let mut waiting: BTreeMap<u64, Frames> = BTreeMap::new();
    let mut next = 0;
    for (number, frames) in results {
        waiting.insert(number, frames);
        while let Some(frames) = waiting.remove(&next) {
            next += 1;
            if status.failed.load(Ordering::Acquire) {
                continue;
            }
            if let Err(error) = write_frames(&mut writer, frames, &mut versions, status) {
                status.fail(error);
            }
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
