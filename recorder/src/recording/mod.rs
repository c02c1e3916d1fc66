//! The recording in progress: the chunk under construction, the model that
//! follows it, and the pipeline it goes to. Engines tell it what happened.

mod sealing;

use crate::accounting::{Accounting, timed};
use crate::capture::{self, ModuleCatalog, Tracked};
use crate::children::Children;
use crate::encode::{Builder, Job, Pipeline};
use crate::model::{Model, Page};
use crate::os::{Copies, FaultState, OpenFiles, StackLimit, TrapMask};
use crate::snapshot::Snapshot;
use crate::tracee::{Memory, XsaveLayout};
use rdb_schema::block::{Block, Composition};
use rdb_schema::chunk::Dictionary;
use rdb_schema::event::{Event, EventKind, Exit};
use rdb_schema::header::Header;
use rdb_schema::message::ChunkState;
use rdb_schema::pages::Pages;
use rdb_schema::registers::Registers;
use rdb_schema::replay::Cursor;
use rdb_schema::space::{AddressSpace, Mapping, MappingChange, PAGE};
use rdb_schema::system::SystemState;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// How a recording is kept: what depends on the engine's speed.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Tracepoints after which a chunk ends.
    pub chunk_tracepoints: u64,
    /// Whether a model follows the trace while it is recorded.
    pub model: bool,
}

/// Bytes of rows, bulk stores and events after which a chunk ends.
const CHUNK_BYTES: usize = 16 << 20;

/// Pages in one pages frame.
pub const PAGES_PER_FRAME: usize = 1024;

/// A recording in progress, of a process with one thread.
pub struct Recording {
    /// Process and thread id.
    pub pid: libc::pid_t,
    /// Its memory.
    pub memory: Memory,
    /// Registers at the current state.
    pub registers: Registers,
    /// Where the CPU keeps extended state.
    pub layout: XsaveLayout,
    /// The chunk under construction.
    pub builder: Builder,
    /// Mappings at the current state.
    pub space: AddressSpace,
    /// What only syscalls tell of the process.
    pub tracked: Tracked,
    /// SIGTRAP in its signal mask.
    pub trap_mask: TrapMask,
    /// How far its stacks may grow.
    pub stack_limit: StackLimit,
    /// What the program's signal frames say of its last fault.
    pub faults: FaultState,
    /// Module files met so far.
    pub catalog: ModuleCatalog,
    /// The trace's memory, as far as it was replayed; `None` where that is too
    /// slow: then nothing is audited, and there are no page versions at chunk ends.
    pub model: Option<Model>,
    /// What memory held before something whose writes nobody can tell; only
    /// without a model.
    pub(crate) snapshot: Option<Snapshot>,
    /// What pages held that lie behind the end of their file by now; only without
    /// a model.
    pub(crate) lost: BTreeMap<u64, Page>,
    /// Where encoded data goes.
    pub pipeline: Pipeline,
    /// How the recording ends, once it has.
    pub exit: Exit,
    /// The processes that it made.
    pub children: Children,
    /// What a translating engine left to single-stepping: why, and how many
    /// tracepoints.
    pub stepped: Vec<(String, u64)>,
    /// What the engine did.
    pub accounting: Accounting,
    /// Bytes an audit or an engine could not explain.
    pub unexplained: u64,
    /// What the recorder itself has mapped into the process.
    pub own: Vec<Range<u64>>,
    /// Of the files that would show `own` to the program, while it reads them.
    pub copies: Copies,
    /// What events changed of the address space and of memory since an engine
    /// took note of it; empty as long as `own` is.
    pub touched: Vec<Range<u64>>,
    /// The program's descriptors, as far as syscalls asked for them.
    pub open_files: OpenFiles,
    /// The program has set a filter or a dispatcher for its system calls, which sees where
    /// they are made (seccomp(2), prctl(2)).
    pub calls_are_judged: bool,
    dictionary: Dictionary,
    keeping: Keeping,
    cursor: Cursor,
    start: ChunkState,
    written_blocks: usize,
    /// Kernel-side state at the current state, once the chunk is full.
    boundary: Option<SystemState>,
    /// Kernel-side state as it was read last, until something may change it:
    /// reading it takes long.
    settled: Option<SystemState>,
    pending: Vec<Event>,
    warned: HashSet<String>,
}

/// What a new recording starts from.
pub struct Origin {
    /// The process.
    pub pid: libc::pid_t,
    /// Its memory.
    pub memory: Memory,
    /// Its registers before the first instruction.
    pub registers: Registers,
    /// Where the CPU keeps extended state.
    pub layout: XsaveLayout,
    /// The first frame.
    pub header: Header,
}

/// The trace contradicts itself: a defect of rdb, never of the program.
#[derive(Debug, thiserror::Error)]
#[error("internal error: the trace does not replay at tracepoint {0}")]
pub struct ReplayFailed(u64);

impl Recording {
    /// A recording at state 0.
    ///
    /// # Errors
    /// Those of reading /proc.
    pub fn new(
        origin: Origin,
        mut pipeline: Pipeline,
        keeping: Keeping,
    ) -> Result<Self, capture::CaptureError> {
        let Origin { pid, memory, registers, layout, header } = origin;
        let tracked = Tracked::new(pid.cast_unsigned(), header.start.layout.start_brk);
        pipeline.submit(Job::Header(Box::new(header)));
        let mut builder = Builder::new(0, pid.cast_unsigned(), registers);
        let mut recording = Self {
            pid,
            memory,
            registers,
            layout,
            cursor: Cursor::new(builder.chunk()),
            builder,
            dictionary: Dictionary::default(),
            space: AddressSpace::default(),
            tracked,
            trap_mask: TrapMask::default(),
            stack_limit: StackLimit::default(),
            faults: FaultState::default(),
            catalog: ModuleCatalog::new(),
            model: keeping.model.then(Model::default),
            keeping,
            snapshot: None,
            lost: BTreeMap::new(),
            pipeline,
            exit: Exit::Unknown,
            stepped: Vec::new(),
            children: Children::default(),
            accounting: Accounting::default(),
            unexplained: 0,
            own: Vec::new(),
            copies: Copies::default(),
            touched: Vec::new(),
            open_files: OpenFiles::default(),
            calls_are_judged: false,
            start: ChunkState::default(),
            written_blocks: 0,
            boundary: None,
            settled: None,
            pending: Vec::new(),
            warned: HashSet::new(),
        };
        let mappings = recording.image_mappings(0)?;
        for mapping in &mappings {
            let change = MappingChange::Map(mapping.clone());
            if let Some(model) = &mut recording.model {
                model.change(&change);
            }
            recording.space.apply(&change);
        }
        for mapping in &mappings {
            recording.capture(mapping, 0);
        }
        recording.start = ChunkState {
            space: recording.space.clone(),
            system: recording.system_state(),
            versioned: 0,
        };
        Ok(recording)
    }

    /// The mappings the kernel made for a new program image, in force from
    /// `state` on; their modules are recorded.
    ///
    /// # Errors
    /// Those of reading /proc.
    pub fn image_mappings(&mut self, state: u64) -> Result<Vec<Mapping>, capture::CaptureError> {
        let mut mappings = self.mappings()?;
        for mapping in &mut mappings {
            mapping.since = state;
            self.find_module(mapping);
        }
        Ok(mappings)
    }

    /// The process's mappings now, without the recorder's own.
    ///
    /// # Errors
    /// Those of reading /proc.
    pub fn mappings(&self) -> Result<Vec<Mapping>, capture::CaptureError> {
        let mut mappings = capture::mappings(self.pid.cast_unsigned())?;
        mappings.retain(|m| !self.own.iter().any(|own| own.contains(&m.start)));
        Ok(mappings)
    }

    /// Kernel-side state now. What changes without a syscall or signal of the
    /// program's is as it was after the last one.
    pub fn system_state(&mut self) -> SystemState {
        if let Some(settled) = &self.settled {
            return settled.clone();
        }
        let id = self.pid.cast_unsigned();
        let mut state = capture::system_state(id, id, &self.tracked);
        state.threads.iter_mut().for_each(|t| t.blocked |= self.trap_mask.missing());
        self.settled = Some(state.clone());
        state
    }

    /// The current state: how many tracepoints there are so far.
    pub fn tracepoint(&self) -> u64 {
        self.builder.tracepoint()
    }

    /// Hands pages to the file and the model. The model must have replayed
    /// everything before them.
    pub fn submit_pages(&mut self, pages: Pages) {
        if !pages.numbers.is_empty() {
            if let Some(model) = &mut self.model {
                model.set_pages(&pages);
            }
            self.pipeline.submit(Job::Pages(pages));
        }
    }

    /// Adds an event to the last tracepoint, or to the first if there is none
    /// yet; `space` follows its mapping changes.
    pub fn event(&mut self, kind: EventKind) {
        self.push_event(Event::new(self.last_tracepoint(), self.pid.cast_unsigned(), kind));
    }

    /// The tracepoint that led to the current state (0 at state 0).
    pub fn last_tracepoint(&self) -> u64 {
        self.tracepoint().saturating_sub(1)
    }

    /// Adds an event built elsewhere.
    pub fn push_event(&mut self, event: Event) {
        self.children.note(&event);
        for change in &event.mappings {
            self.space.apply(change);
            let range = change.range();
            self.lost.retain(|number, _| !range.contains(&(number * PAGE)));
        }
        if !self.own.is_empty() {
            self.touched.extend(event.mappings.iter().map(MappingChange::range));
            let range = |(at, bytes): &(u64, Vec<u8>)| *at..at.saturating_add(bytes.len() as u64);
            self.touched.extend(event.memory.iter().map(range));
        }
        if matches!(event.kind, EventKind::Syscall(_) | EventKind::Signal(_) | EventKind::Exec(_)) {
            self.settled = None;
        }
        if self.tracepoint() == self.builder.first() {
            self.pending.push(event);
            return;
        }
        self.builder.event(event);
        // Kernel-side state may have changed with it.
        self.boundary = None;
    }

    /// Adds a dictionary entry; its id.
    pub fn add_block(&mut self, block: &Arc<Block>) -> u32 {
        self.builder.add_block(block);
        self.dictionary.push(Arc::clone(block))
    }

    /// Adds the dictionary entry that `composition` describes; `None` if it cannot be made.
    pub fn make_block(&mut self, composition: &Composition) -> Option<(u32, Arc<Block>)> {
        if !self.dictionary.has_room() {
            return None;
        }
        let block = Arc::new(self.dictionary.make(composition).ok()?);
        Some((self.add_block(&block), block))
    }

    /// Whether the chunk is full and the current state can begin the next.
    pub fn is_full(&self) -> bool {
        self.builder.tracepoints() >= self.keeping.chunk_tracepoints
            || self.builder.bytes() >= CHUNK_BYTES
    }

    /// Whether the boundary at the current state was prepared.
    pub fn has_boundary(&self) -> bool {
        self.boundary.is_some()
    }

    /// Notes kernel-side state for the chunk that begins at the current state.
    pub fn prepare_boundary(&mut self) {
        self.boundary = Some(self.system_state());
    }

    /// To be called when one more tracepoint, of block `id`, has certainly
    /// happened, before anything of it is recorded: ends a full chunk, and begins
    /// an execution unless one is open. A chunk ends this late so that signals
    /// delivered at its end still belong to it.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn begin_tracepoint(&mut self, id: u32) -> Result<(), ReplayFailed> {
        self.before_executions()?;
        if !self.builder.is_open() {
            self.builder.begin(id);
        }
        Ok(())
    }

    /// To be called before anything of a tracepoint that has certainly happened is
    /// recorded: ends a full chunk.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    fn before_executions(&mut self) -> Result<(), ReplayFailed> {
        if !self.builder.is_open()
            && let Some(system) = self.boundary.take()
        {
            self.seal_chunk(system)?;
        }
        for mut event in std::mem::take(&mut self.pending) {
            event.tracepoint = self.tracepoint();
            self.builder.event(event);
        }
        Ok(())
    }

    /// Takes over a log of whole executions: [`Builder::absorb`].
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn absorb(&mut self, log: &[u8]) -> Result<(), ReplayFailed> {
        self.before_executions()?;
        let calls = timed(&mut self.accounting.absorb, || self.builder.absorb(log))
            .map_err(|_| ReplayFailed(self.builder.tracepoint()))?;
        if calls {
            self.settled = None;
        }
        Ok(())
    }

    /// Brings the model, if there is one, to the current state; no execution may
    /// be open.
    ///
    /// # Errors
    /// [`ReplayFailed`].
    pub fn catch_up(&mut self) -> Result<(), ReplayFailed> {
        self.builder.set_pc(self.registers.rip);
        let Some(model) = &mut self.model else { return Ok(()) };
        let until = self.builder.tracepoint();
        self.cursor
            .advance(self.builder.chunk(), &self.dictionary, until, model)
            .map_err(|_| ReplayFailed(self.cursor.tracepoint))
    }

    /// The registers as the trace has them, after [`Self::catch_up`] with a model.
    pub fn replayed(&self) -> &Registers {
        &self.cursor.registers
    }

    /// Says `words` on standard error, once.
    pub fn warn_once(&mut self, words: &str) {
        if self.warned.insert(words.to_owned()) {
            crate::say(words);
        }
    }
}
