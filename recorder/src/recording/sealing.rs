//! The ends of chunks, and of the recording.

use super::{PAGES_PER_FRAME, Recording, ReplayFailed};
use crate::compare::Before;
use crate::encode::{ChunkJob, End, Job};
use rdb_schema::draft::Draft;
use rdb_schema::message::ChunkState;
use rdb_schema::pages::Pages;
use rdb_schema::replay::Cursor;
use rdb_schema::system::SystemState;

impl Recording {
    /// Ends the chunk at the current state, where kernel-side state is `system`.
    pub(super) fn seal_chunk(&mut self, system: SystemState) -> Result<(), ReplayFailed> {
        self.catch_up()?;
        let versioned = if self.model.is_some() { self.tracepoint() } else { 0 };
        let next = ChunkState { space: self.space.clone(), system, versioned };
        let spare = self.pipeline.spare();
        let draft = self.builder.finish(self.registers, spare);
        self.cursor = Cursor::new(self.builder.chunk());
        self.submit_dirty();
        let state = std::mem::replace(&mut self.start, next);
        self.submit_chunk(draft, state)
    }

    /// Hands over the versions of the pages written in the chunk that ends at
    /// the current state.
    fn submit_dirty(&mut self) {
        let state = self.tracepoint();
        let Some(model) = &mut self.model else { return };
        let dirty: Vec<u64> = model.take_dirty().into_iter().collect();
        for part in dirty.chunks(PAGES_PER_FRAME) {
            let mut pages = Pages::new(state);
            for number in part {
                if let Some(content) = model.page(*number) {
                    pages.push(*number, &content);
                }
            }
            self.pipeline.submit(Job::Pages(pages));
        }
    }

    fn submit_chunk(&mut self, draft: Draft, state: ChunkState) -> Result<(), ReplayFailed> {
        let blocks = self.dictionary.of(&draft).map_err(|_| ReplayFailed(draft.first))?;
        let first_new = std::mem::replace(&mut self.written_blocks, self.dictionary.len());
        let new = self.dictionary.since(first_new).to_vec();
        let job = ChunkJob { draft, blocks, state, first_new: first_new as u32, new };
        self.pipeline.submit(Job::Chunk(Box::new(job)));
        Ok(())
    }

    /// Ends the last chunk. Nothing may be recorded afterwards.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn finish(&mut self) -> Result<(), ReplayFailed> {
        if self.builder.tracepoints() > 0 {
            self.seal_chunk(SystemState::default())?;
        }
        Ok(())
    }

    /// What the sealed file will say of its end.
    fn end(&self) -> End {
        End { tracepoints: self.tracepoint(), exit: self.exit, stepped: self.stepped.clone() }
    }

    /// Seals the trace; its size in bytes. `exiting`: the recorder is about to exit, and
    /// need not free the dictionary block by block.
    ///
    /// # Errors
    /// What writing met; the trace is not sealed then.
    pub fn seal(self, exiting: bool) -> std::io::Result<u64> {
        let end = self.end();
        if exiting {
            std::mem::forget(self.dictionary);
        }
        self.pipeline.finish(end)
    }
}
