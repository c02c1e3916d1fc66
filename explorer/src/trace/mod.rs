//! A trace file: mapped, checked, and decoded frame by frame on demand.

mod blocks;
mod cache;
mod open;
mod outline;
mod processes;
mod replay;
mod schedule;
pub mod sigbus;
mod stack_pointers;
mod stores;
mod touched;
mod versions;
mod view;

pub use cache::Cache;
pub use open::open;
pub use outline::ChunkPlace;
pub use processes::Process;
pub use replay::{BlockPlans, Replay};
pub use schedule::{Schedule, Thread};
pub use stores::{Store, Stores};
pub use view::{ChunkView, Unsound, difference, path_weight};

use memmap2::Mmap;
use rdb_schema::chunk::{Chunk, Dictionary};
use rdb_schema::container::{Frame, FrameKind};
use rdb_schema::event::{Event, Exit};
use rdb_schema::header::{Header, Module};
use rdb_schema::message::{
    ChunkState, MessageError, decode_chunk, decode_chunk_path, decode_chunk_state, decode_events,
    decode_module, decode_pages,
};
use rdb_schema::pages::{PageIndex, Pages};
use std::sync::OnceLock;
use xxhash_rust::xxh3::Xxh3;

/// Why a frame cannot be used, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl From<MessageError> for Unreadable {
    fn from(error: MessageError) -> Self {
        Self(error.to_string())
    }
}

/// An open trace: the usable history of one of its processes.
pub struct Trace {
    file: Option<Mmap>,
    frames: Vec<Frame>,
    header: Header,
    chunks: Vec<ChunkPlace>,
    dictionary: Dictionary,
    modules: Vec<usize>,
    files: Vec<usize>,
    versions: PageIndex,
    exit: Exit,
    stepped: Vec<(String, u64)>,
    notices: Vec<String>,
    schedule: OnceLock<Schedule>,
    process: u32,
    processes: Vec<Process>,
}

impl Trace {
    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.file.as_deref().unwrap_or_default()
    }

    /// Where it comes from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its chunks, at least one: contiguous from tracepoint 0.
    pub fn chunks(&self) -> &[ChunkPlace] {
        &self.chunks
    }

    /// Its blocks.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// Where the versions of pages are.
    pub fn versions(&self) -> &PageIndex {
        &self.versions
    }

    /// How it ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What a translating engine left to single-stepping: why, and how many
    /// tracepoints. Empty for other engines and unsealed traces.
    pub fn stepped(&self) -> &[(String, u64)] {
        &self.stepped
    }

    /// Bytes that the modules' files take in it.
    pub fn module_file_bytes(&self) -> u64 {
        let files = self.frames.iter().filter(|frame| frame.header.kind == FrameKind::File);
        let bytes = |frame: &Frame| frame.end()?.checked_sub(frame.offset);
        files.filter_map(bytes).fold(0, u64::saturating_add)
    }

    /// What tells it from all others, and from itself when it has grown: a hash
    /// over its frames' places and checksums.
    pub fn identity(&self) -> u64 {
        let mut hash = Xxh3::new();
        for Frame { header, offset } in &self.frames {
            let words = [*offset, header.checksum, header.first, header.count];
            words.iter().for_each(|word| hash.update(&word.to_le_bytes()));
        }
        hash.digest()
    }

    /// The processes of the file, in its order.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The process whose history it is.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// What the user should know of it.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// N, the end state.
    pub fn end(&self) -> u64 {
        self.chunks.last().map_or(0, ChunkPlace::end)
    }

    /// Index of the chunk that holds state `t`; the end state is the last's.
    pub fn chunk_at(&self, t: u64) -> usize {
        self.chunks.partition_point(|c| c.first <= t).saturating_sub(1)
    }

    /// The modules: index and Module frame.
    pub fn modules(&self) -> impl Iterator<Item = (u32, usize)> {
        let index = |f: &usize| u32::try_from(self.frames.get(*f)?.header.first).ok();
        self.modules.iter().filter_map(move |f| Some((index(f)?, *f)))
    }

    /// Decodes a chunk, events included.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn chunk(&self, place: &ChunkPlace) -> Result<Chunk, Unreadable> {
        let payload = self.payload(place.frame, FrameKind::Chunk)?;
        expect(place, decode_chunk(&payload, self.events(place)?, &self.dictionary)?)
    }

    /// Decodes only where a chunk goes.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn chunk_path(&self, place: &ChunkPlace) -> Result<Chunk, Unreadable> {
        let payload = self.payload(place.frame, FrameKind::Chunk)?;
        expect(place, decode_chunk_path(&payload, &self.dictionary)?)
    }

    /// Decodes what stands at a chunk's start.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn chunk_state(&self, place: &ChunkPlace) -> Result<ChunkState, Unreadable> {
        Ok(decode_chunk_state(&self.payload(place.frame, FrameKind::Chunk)?)?)
    }

    /// Decodes a chunk's events.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn events(&self, place: &ChunkPlace) -> Result<Vec<Event>, Unreadable> {
        let Some(frame) = place.events else { return Ok(Vec::new()) };
        let events = decode_events(&self.payload(frame, FrameKind::Events)?)?;
        if events.iter().all(|e| place.range().contains(&e.tracepoint)) {
            Ok(events)
        } else {
            Err(Unreadable("events outside of their chunk".into()))
        }
    }

    /// Decodes a Pages frame.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn pages(&self, frame: u32) -> Result<Pages, Unreadable> {
        Ok(decode_pages(&self.payload(frame as usize, FrameKind::Pages)?)?)
    }

    /// Decodes a Module frame.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn module(&self, frame: usize) -> Result<Module, Unreadable> {
        Ok(decode_module(&self.payload(frame, FrameKind::Module)?)?)
    }

    /// The bytes of module `index`.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn file(&self, index: u32) -> Result<Vec<u8>, Unreadable> {
        let of =
            |f: &&usize| self.frames.get(**f).is_some_and(|f| f.header.first == u64::from(index));
        let frame = self.files.iter().find(of);
        let frame = frame.ok_or_else(|| Unreadable("not in the trace".into()))?;
        self.payload(*frame, FrameKind::File)
    }

    fn payload(&self, index: usize, kind: FrameKind) -> Result<Vec<u8>, Unreadable> {
        match self.frames.get(index) {
            Some(frame) if frame.header.kind == kind => Ok(frame.payload(self.bytes())?),
            _ => Err(Unreadable(format!("frame {index} is not what the trace takes it for"))),
        }
    }
}

/// The chunk, if it is the range its frame's header says.
fn expect(place: &ChunkPlace, chunk: Chunk) -> Result<Chunk, Unreadable> {
    if (chunk.first, chunk.count) == (place.first, place.count) {
        Ok(chunk)
    } else {
        Err(Unreadable("a chunk of another range than its frame says".into()))
    }
}
