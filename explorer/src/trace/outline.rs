//! Which frames of a file make up the usable history of its first process.

use super::blocks::DecodedBlocks;
use rdb_schema::chunk::{Dictionary, MAX_TRACEPOINTS};
use rdb_schema::container::{Frame, FrameKind};
use std::ops::Range;

/// A chunk's place in the file; frames by their index in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// Its first tracepoint.
    pub first: u64,
    /// How many it holds.
    pub count: u64,
    /// Its Chunk frame.
    pub frame: usize,
    /// Its Events frame, if it has events.
    pub events: Option<usize>,
}

impl ChunkPlace {
    /// One past its last tracepoint.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.count)
    }

    /// Its tracepoints.
    pub fn range(&self) -> Range<u64> {
        self.first..self.end()
    }
}

/// The usable frames of one process.
#[derive(Default)]
pub struct Outline {
    /// Its chunks: contiguous from tracepoint 0.
    pub chunks: Vec<ChunkPlace>,
    /// Its blocks.
    pub dictionary: Dictionary,
    /// Its Module frames.
    pub modules: Vec<usize>,
    /// The File frames.
    pub files: Vec<usize>,
    /// Its Pages frames.
    pub pages: Vec<usize>,
    /// Its Index frame.
    pub index: Option<usize>,
    /// Its Footer frame.
    pub footer: Option<usize>,
    /// Why later frames do not count.
    pub stopped: Option<String>,
    events: Option<usize>,
}

impl Outline {
    /// Goes through the frames of `process` until one does not fit.
    pub fn new(frames: &[Frame], process: u32, mut blocks: DecodedBlocks) -> Self {
        let mut outline = Self::default();
        for (index, frame) in frames.iter().enumerate() {
            if frame.header.process != process {
                continue;
            }
            if let Err(reason) = outline.add(frames, index, frame, &mut blocks) {
                outline.stopped = Some(format!("{reason} at byte {}", frame.offset));
                break;
            }
        }
        outline
    }

    fn add(
        &mut self,
        frames: &[Frame],
        index: usize,
        frame: &Frame,
        blocks: &mut DecodedBlocks,
    ) -> Result<(), String> {
        match frame.header.kind {
            FrameKind::Header => {}
            FrameKind::Module => self.modules.push(index),
            FrameKind::File => self.files.push(index),
            FrameKind::Pages => self.pages.push(index),
            FrameKind::Blocks => self.add_blocks(index, blocks)?,
            FrameKind::Events if self.events.is_some() => {
                return Err("events without their chunk".into());
            }
            FrameKind::Events => self.events = Some(index),
            FrameKind::Chunk => self.add_chunk(frames, index, frame)?,
            FrameKind::Index => self.index = Some(index),
            FrameKind::Footer => self.footer = Some(index),
        }
        Ok(())
    }

    fn add_blocks(&mut self, index: usize, blocks: &mut DecodedBlocks) -> Result<(), String> {
        let (first, list) = blocks.remove(&index).ok_or("unreadable blocks")??;
        if first as usize != self.dictionary.len() {
            return Err(format!("blocks from {first} where {} come next", self.dictionary.len()));
        }
        for entry in list {
            self.dictionary.add(entry).map_err(|e| format!("unreadable blocks ({e})"))?;
        }
        Ok(())
    }

    fn add_chunk(&mut self, frames: &[Frame], index: usize, frame: &Frame) -> Result<(), String> {
        let (first, count) = (frame.header.first, frame.header.count);
        if first != self.end() || count > MAX_TRACEPOINTS || first.checked_add(count).is_none() {
            return Err(format!("a chunk from {first} where {} comes next", self.end()));
        }
        let events = self.events.take();
        if events.and_then(|e| frames.get(e)).is_some_and(|e| e.header.first != first) {
            return Err("a chunk with the events of another".into());
        }
        self.chunks.push(ChunkPlace { first, count, frame: index, events });
        Ok(())
    }

    /// Drops the chunks after frame `index`.
    pub fn stop_at(&mut self, index: usize, reason: String) {
        self.chunks.retain(|c| c.frame < index);
        self.stopped = Some(reason);
    }

    /// N of the chunks so far.
    pub fn end(&self) -> u64 {
        self.chunks.last().map_or(0, ChunkPlace::end)
    }
}
