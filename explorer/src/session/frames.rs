//! The frames of a thread at one state, with all that is needed to look into each.

use super::callers::MOST_IN_ALL;
use super::ended::Entered;
use super::{Session, View};
use crate::symbols::CodeAddr;
use crate::symbols::unwind::{
    self, Backtrace, Called, FrameRegisters, LoadedModule, Method, Modules, backtrace,
};
use crate::timeline::{Direction, StateError};
use rdb_schema::registers::Registers;
use rdb_schema::space::{AddressSpace, PROT_EXEC};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

impl Modules for Frames<'_> {
    fn module_at(&self, address: u64) -> Option<LoadedModule<'_>> {
        let session = self.session;
        let found = session.found_at(self.state, address);
        found.map(|found| LoadedModule { symbols: found.symbols, bias: found.image.bias })
    }

    fn is_code(&self, address: u64) -> bool {
        self.space.find(address).is_some_and(|mapping| mapping.protection & PROT_EXEC != 0)
    }

    fn call_of(&self, inner: &[unwind::Frame]) -> Option<Called> {
        Self::call_of(self, inner)
    }

    fn is_entered(&self, inner: &[unwind::Frame], called: &Called) -> bool {
        self.is_entered_by(inner, called).unwrap_or(true)
    }

    fn read_at(&self, state: u64, address: u64, buffer: &mut [u8]) -> bool {
        self.session.timeline.read(state, address, buffer)
    }
}

/// The innermost frames at a state.
pub struct Frames<'s> {
    pub(super) session: &'s Session,
    pub(super) state: u64,
    pub(super) thread: u32,
    pub(super) registers: Box<Registers>,
    pub(super) space: Arc<AddressSpace>,
    /// Instructions that searches for calls may still look at.
    pub(super) steps_left: Cell<usize>,
    /// Most frames of code.
    limit: usize,
    /// They, once more than the innermost is asked for.
    walked: OnceCell<Backtrace>,
    /// Inlined copies in the innermost frame of code, and itself.
    innermost: OnceCell<usize>,
    /// Whether that is known to be no signal frame, without unwinding.
    ordinary: OnceCell<bool>,
    /// Of each source frame: the frame of code, and how many inlined copies are inside it.
    levels: OnceCell<Vec<(usize, usize)>>,
    /// Of frames of code: the registers when their functions were entered, as far as looked for.
    entries: RefCell<HashMap<usize, Option<Rc<Registers>>>>,
}

/// Chunks of history searched backwards for the entry of a function.
const ENTRY_CHUNKS: u32 = 2;

/// Chunks of a history short enough to make an index of for the entry of a function.
const FEW_CHUNKS: usize = 32;

/// Entries of the same function tried: of recursive ones, one for each frame.
const ENTRY_CALLS: u32 = 32;

impl<'s> Frames<'s> {
    /// At most `limit` frames of code of a thread at state `state`.
    pub(super) fn walk(
        session: &'s Session,
        thread: u32,
        state: u64,
        limit: usize,
    ) -> Result<Self, StateError> {
        let registers = Box::new(session.timeline.registers_of(thread, state)?);
        Ok(Self {
            session,
            state,
            thread,
            registers,
            space: session.space_at(state)?,
            steps_left: Cell::new(MOST_IN_ALL),
            limit,
            walked: OnceCell::new(),
            innermost: OnceCell::new(),
            ordinary: OnceCell::new(),
            levels: OnceCell::new(),
            entries: RefCell::default(),
        })
    }

    /// What unwinding found.
    pub(super) fn walked(&self) -> &Backtrace {
        self.walked.get_or_init(|| {
            let mut memory = |address, buffer: &mut [u8]| self.read_at(self.state, address, buffer);
            backtrace(self, FrameRegisters::of(&self.registers), &mut memory, self.limit)
        })
    }

    /// Where execution is in a frame of code, or will return to.
    pub(super) fn code(&self, physical: usize) -> Option<CodeAddr> {
        match physical {
            0 => Some(CodeAddr::Pc(self.registers.rip)),
            _ => self.walked().frames.get(physical).map(|frame| frame.pc),
        }
    }

    /// The registers of the thread.
    pub fn registers(&self) -> &Registers {
        &self.registers
    }

    /// The state.
    pub fn state(&self) -> u64 {
        self.state
    }

    /// The thread.
    pub fn thread(&self) -> u32 {
        self.thread
    }

    /// The source frame `level`, 0 the innermost; `None` if there are fewer.
    pub fn level(&self, level: usize) -> Option<View<'_>> {
        let inside = *self.innermost.get_or_init(|| self.copies(0));
        if level < inside {
            return Some(View::new(self, 0, level));
        }
        let (physical, inline) = *self.levels.get_or_init(|| self.levels()).get(level)?;
        Some(View::new(self, physical, inline))
    }

    fn levels(&self) -> Vec<(usize, usize)> {
        let all = 0..self.walked().frames.len();
        all.flat_map(|index| (0..self.copies(index)).map(move |inline| (index, inline))).collect()
    }

    /// How many source frames are in a frame of code.
    fn copies(&self, physical: usize) -> usize {
        let Self { session, state, .. } = self;
        match self.code(physical) {
            Some(pc) if !self.is_handler(physical) => {
                let found = session.found_at(*state, pc.for_lookup());
                found.map_or(1, |found| session.frame_count_at(found.symbols, found.address))
            }
            _ => 1,
        }
    }

    /// The registers when the function of a frame was entered, if that is found: the last state
    /// at its entry with the stack pointer right below the frame.
    pub(super) fn at_entry(&self, physical: usize, entry: u64, rsp: u64) -> Option<Rc<Registers>> {
        if let Some(known) = self.entries.borrow().get(&physical) {
            return known.clone();
        }
        let found = self.find_entry(entry, rsp);
        self.entries.borrow_mut().insert(physical, found.clone());
        found
    }

    fn find_entry(&self, entry: u64, rsp: u64) -> Option<Rc<Registers>> {
        let timeline = &self.session.timeline;
        let pc = FrameRegisters::of(&self.registers).rip();
        if pc == Some(entry) && FrameRegisters::of(&self.registers).rsp() == Some(rsp) {
            return Some(Rc::new(*self.registers));
        }
        if let Some(state) = self.entered_by_call(entry, rsp) {
            return timeline.registers(state).ok().map(Rc::new);
        }
        // Entered by another call, or another way, it would return elsewhere.
        let mut returns = [0; 8];
        if !timeline.read(self.state, rsp, &mut returns) {
            return None;
        }
        let thread = Some(self.thread);
        let mut from = self.state;
        for _ in 0..ENTRY_CALLS {
            let chunks = Cell::new(0);
            let enough = || chunks.replace(chunks.get() + 1) >= ENTRY_CHUNKS;
            let state =
                timeline.find_pc(thread, from, Direction::Backward, &[entry], &enough).ok()??;
            let registers = timeline.registers(state).ok()?;
            if FrameRegisters::of(&registers).rsp() == Some(rsp) {
                let mut returned = [0; 8];
                let same = timeline.read(state, rsp, &mut returned) && returned == returns;
                return same.then(|| Rc::new(registers));
            }
            from = state;
        }
        None
    }

    /// The state at the entry of the function of a frame, if that is near, or an index leads there.
    fn entered_by_call(&self, entry: u64, rsp: u64) -> Option<u64> {
        if !self.may_search() {
            return None;
        }
        let base = rsp.checked_add(8)?;
        let entered = Entered { thread: self.thread, function: None, entry, base };
        self.session.entry_of(&entered, self.state).ok()?
    }

    /// Whether calls may be looked for far back: not if an index had to be made for that first
    /// which takes long.
    pub(super) fn may_search(&self) -> bool {
        let timeline = &self.session.timeline;
        timeline.chunk_count() <= FEW_CHUNKS || timeline.ready_index().is_some()
    }

    /// Whether a frame is the one the kernel made for a signal handler.
    pub(super) fn is_handler(&self, physical: usize) -> bool {
        if physical == 0 && *self.ordinary.get_or_init(|| self.is_ordinary()) {
            return false;
        }
        let session = self.session;
        match self.walked().frames.get(physical + 1) {
            Some(caller) => caller.method == Some(Method::SignalFrame),
            // It is the last that was asked for.
            None => self.code(physical).is_some_and(|pc| {
                session.locator.is_signal_frame(&session.timeline, self.state, pc.value())
            }),
        }
    }

    fn is_ordinary(&self) -> bool {
        let Self { session, state, registers, .. } = self;
        let found = session.found_at(*state, registers.rip);
        found.is_some_and(|found| session.is_ordinary(found.symbols, found.address))
    }
}
