//! A worker: encodes and compresses jobs.

use super::pipeline::{ChunkJob, Job, Numbered};
use super::spares::Spares;
use super::status::{PipelineStatus, timed};
use crossbeam_channel::{Receiver, Sender};
use rdb_schema::container::{Compressor, Encoded, FrameKind};
use rdb_schema::message::{self, ChunkEncoder};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A job's frames, each with the numbers of the pages in it.
pub(super) type Frames = Vec<(Encoded, Vec<u64>)>;

/// What a thread that encodes keeps from job to job.
pub(super) struct Worker {
    process: u32,
    status: Arc<PipelineStatus>,
    compressor: Compressor,
    chunks: ChunkEncoder,
    spares: Spares,
}

impl Worker {
    /// A worker that compresses at zstd `level`, and hands buffers it is done with
    /// to `spares`.
    ///
    /// # Errors
    /// zstd's.
    pub(super) fn new(
        process: u32,
        level: i32,
        status: Arc<PipelineStatus>,
        spares: Spares,
    ) -> io::Result<Self> {
        let (compressor, chunks) = (Compressor::new(level)?, ChunkEncoder::default());
        Ok(Self { process, status, compressor, chunks, spares })
    }

    /// Works until there are no more jobs.
    pub(super) fn run(&mut self, queue: &Receiver<Numbered<Job>>, done: &Sender<Numbered<Frames>>) {
        while let Ok(job) = timed(&self.status.times.idle, || queue.recv()) {
            if done.send(self.one_job(job)).is_err() {
                return;
            }
        }
    }

    /// The frames of one job; none after a failure.
    pub(super) fn one_job(&mut self, job: Numbered<Job>) -> Numbered<Frames> {
        let Numbered { number, share, value } = job;
        let value = if self.status.failed.load(Ordering::Acquire) {
            Vec::new()
        } else {
            self.encode(value).unwrap_or_else(|error| {
                self.status.fail(error);
                Vec::new()
            })
        };
        Numbered { number, share, value }
    }

    fn encode(&mut self, job: Job) -> io::Result<Frames> {
        match job {
            Job::Header(header) => {
                self.one(FrameKind::Header, (0, 1), || message::encode_header(&header))
            }
            Job::Module(module, bytes) => {
                let place = (module.index.into(), 1);
                let mut frames =
                    self.one(FrameKind::Module, place, || message::encode_module(&module))?;
                frames.push((self.compress(FrameKind::File, place, &bytes)?, Vec::new()));
                Ok(frames)
            }
            Job::Pages(pages) => {
                let place = (pages.state, pages.numbers.len() as u64);
                let mut frames =
                    self.one(FrameKind::Pages, place, || message::encode_pages(&pages))?;
                frames.iter_mut().for_each(|frame| frame.1.clone_from(&pages.numbers));
                Ok(frames)
            }
            Job::Chunk(job) => self.encode_chunk(*job),
        }
    }

    fn encode_chunk(&mut self, job: ChunkJob) -> io::Result<Frames> {
        let ChunkJob { draft, blocks, state, first_new, new } = job;
        let mut frames = Vec::new();
        if !new.is_empty() {
            let place = (first_new.into(), new.len() as u64);
            let message = || message::encode_blocks(first_new, &new);
            frames.extend(self.one(FrameKind::Blocks, place, message)?);
        }
        let place = (draft.first, draft.count);
        if !draft.events.is_empty() {
            let message = || message::encode_events(&draft.events);
            frames.extend(self.one(FrameKind::Events, place, message)?);
        }
        let status = Arc::clone(&self.status);
        let times = &status.times;
        let message = timed(&times.encode, || self.chunks.encode(&draft, &state, &blocks));
        self.spares.put(draft);
        let chunk = timed(&times.compress, || {
            self.compressor.frame(FrameKind::Chunk, self.process, place, message)
        });
        frames.push((chunk?, Vec::new()));
        Ok(frames)
    }

    fn one(
        &mut self,
        kind: FrameKind,
        place: (u64, u64),
        message: impl FnOnce() -> Vec<u8>,
    ) -> io::Result<Frames> {
        let message = timed(&self.status.times.encode, message);
        Ok(vec![(self.compress(kind, place, &message)?, Vec::new())])
    }

    fn compress(
        &mut self,
        kind: FrameKind,
        place: (u64, u64),
        message: &[u8],
    ) -> io::Result<Encoded> {
        timed(&self.status.times.compress, || {
            self.compressor.frame(kind, self.process, place, message)
        })
    }
}
