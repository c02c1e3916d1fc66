//! A recorded history: registers, memory, mappings and events at any tracepoint.

mod chunks;
mod error;
mod events;
mod index;
mod interrupt;
mod kept_pages;
mod memory;
mod modules;
mod page;
mod placed;
mod search;
mod states;
mod threads;

pub use error::{OpenError, StateError};
pub use interrupt::Interrupt;
pub use modules::ModuleInfo;

use crate::trace::{self, BlockPlans, Cache, ChunkView, Trace};
pub use crate::trace::{Process, Schedule, Thread};
use page::Page;
use placed::Placed;
use rdb_schema::chunk::Chunk;
use rdb_schema::event::Exit;
use rdb_schema::header::Header;
use rdb_schema::message::ChunkState;
use rdb_schema::pages::Pages;
use rdb_schema::space::AddressSpace;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use xxhash_rust::xxh3::xxh3_64;

/// Which way in recorded time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To later tracepoints.
    Forward,
    /// To earlier tracepoints.
    Backward,
}

/// The instruction of a tracepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its address.
    pub pc: u64,
    /// Its bytes as executed.
    pub bytes: Vec<u8>,
}

/// A recorded history of one process. State t is just before instruction t;
/// state [`Timeline::end`] is the last. All questions take `&self`, from any
/// thread; what was decoded for one is kept for the next, up to about 400 MB.
pub struct Timeline {
    trace: Trace,
    modules: OnceLock<Vec<ModuleInfo>>,
    plans: OnceLock<BlockPlans>,
    placed: Placed,
    views: Cache<usize, ChunkView>,
    paths: Cache<usize, Chunk>,
    starts: Cache<usize, ChunkState>,
    spaces: Cache<(usize, usize), AddressSpace>,
    events: Cache<usize, events::ChunkEvents>,
    frames: Cache<u32, Pages>,
    pages: Cache<(u64, u64), Page>,
    latest: Cache<(usize, u64), kept_pages::Latest>,
    files: Cache<u32, [u8]>,
    held: index::Held,
    interrupt: Interrupt,
    path: PathBuf,
}

impl Timeline {
    /// Opens a trace. A damaged or unsealed one opens up to its last whole
    /// frame; [`Self::notices`] then says so.
    ///
    /// # Errors
    /// [`OpenError`]: no such file, no trace, or nothing in it is whole.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_process(path, None)
    }

    /// Opens the history of a process of a trace, or of its first.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_process(path: &Path, process: Option<u32>) -> Result<Self, OpenError> {
        const MB: usize = 1 << 20;
        let trace = trace::open(path, process)?;
        // Found out by several threads, so not for the first time in one of several.
        trace.schedule();
        Ok(Self {
            trace,
            modules: OnceLock::new(),
            plans: OnceLock::new(),
            placed: Placed::default(),
            views: Cache::new(144 * MB),
            paths: Cache::new(32 * MB),
            starts: Cache::new(4 * MB),
            spaces: Cache::new(8 * MB),
            events: Cache::new(16 * MB),
            frames: Cache::new(48 * MB),
            pages: Cache::new(4 * MB),
            latest: Cache::new(16 * MB),
            files: Cache::new(128 * MB),
            held: index::Held::default(),
            interrupt: Interrupt::default(),
            path: path.to_owned(),
        })
    }

    /// The trace's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What tells its trace from all others.
    pub fn identity(&self) -> u64 {
        self.trace.identity()
    }

    /// What tells its history from all others, those of other processes of its trace included.
    pub fn history_identity(&self) -> u64 {
        let other = self.other_process().map_or(0, |id| xxh3_64(&id.to_le_bytes()));
        self.identity() ^ other
    }

    /// The processes of the trace, in the file's order.
    pub fn processes(&self) -> &[Process] {
        self.trace.processes()
    }

    /// The process whose history it is, unless that is the trace's first.
    pub fn other_process(&self) -> Option<u32> {
        let first = self.processes().first().map(|process| process.id);
        Some(self.trace.process()).filter(|own| first.is_some_and(|first| first != *own))
    }

    /// The id of the process whose history it is.
    pub fn process(&self) -> u32 {
        self.trace.process()
    }

    /// The same, stopped by another flag.
    #[must_use]
    pub fn interrupted_by(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: interrupt.clone(), ..self }
    }

    /// Raised, it stops questions that take long: they fail with
    /// [`StateError::Interrupted`].
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// What the user should know of this trace: cut short, damaged …
    pub fn notices(&self) -> &[String] {
        self.trace.notices()
    }

    /// Where it comes from.
    pub fn header(&self) -> &Header {
        self.trace.header()
    }

    /// N, the end state.
    pub fn end(&self) -> u64 {
        self.trace.end()
    }

    /// How it ends.
    pub fn exit(&self) -> Exit {
        self.trace.exit()
    }

    /// What a translating engine left to single-stepping, and how often.
    pub fn stepped(&self) -> &[(String, u64)] {
        self.trace.stepped()
    }

    /// Bytes of the file that the recorded program's own files take, its modules.
    pub fn module_file_bytes(&self) -> u64 {
        self.trace.module_file_bytes()
    }

    /// File size, bytes.
    pub fn file_bytes(&self) -> u64 {
        self.trace.bytes().len() as u64
    }
}
