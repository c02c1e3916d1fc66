//! The frames of a thread at one state, with all that is needed to look into each.

use super::Session;
use super::registers;
use crate::symbols::location::{self, Missing};
use crate::symbols::unwind::{
    self, Backtrace, DWARF_REGISTERS, FrameRegisters, LoadedModule, Method, Modules, backtrace,
    register_name,
};
use crate::symbols::{CodeAddr, DieRef, Dies, FunctionDies, ModuleAddr, ModuleSymbols};
use crate::timeline::{Direction, StateError};
use rdb_schema::registers::Registers;
use rdb_schema::space::{AddressSpace, PROT_EXEC};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

struct At<'a> {
    session: &'a Session,
    state: u64,
    space: Arc<AddressSpace>,
}

impl Modules for At<'_> {
    fn module_at(&self, address: u64) -> Option<LoadedModule<'_>> {
        let session = self.session;
        let found = session.locator.module_at(&session.timeline, self.state, address);
        found.map(|(symbols, bias)| LoadedModule { symbols, bias })
    }

    fn is_code(&self, address: u64) -> bool {
        self.space.find(address).is_some_and(|mapping| mapping.protection & PROT_EXEC != 0)
    }
}

/// The innermost frames at a state.
pub struct Frames<'s> {
    session: &'s Session,
    state: u64,
    registers: Registers,
    walked: Backtrace,
    /// Of each source frame: the frame of code, and how many inlined copies are inside it.
    levels: OnceCell<Vec<(usize, usize)>>,
    /// Of frames of code: the registers when their functions were entered, as far as looked for.
    entries: RefCell<HashMap<usize, Option<Rc<Registers>>>>,
}

/// Chunks of history searched backwards for the entry of a function.
const ENTRY_CHUNKS: u32 = 2;

/// Entries of the same function tried: of recursive ones, one for each frame.
const ENTRY_CALLS: u32 = 32;

impl<'s> Frames<'s> {
    /// At most `limit` frames of code at state `state`.
    pub(super) fn walk(session: &'s Session, state: u64, limit: usize) -> Result<Self, StateError> {
        let registers = session.timeline.registers(state)?;
        let at = At { session, state, space: session.timeline.shared_space(state)? };
        let mut memory = |address, buffer: &mut [u8]| session.timeline.read(state, address, buffer);
        let walked = backtrace(&at, FrameRegisters::of(&registers), &mut memory, limit);
        Ok(Self {
            session,
            state,
            registers,
            walked,
            levels: OnceCell::new(),
            entries: RefCell::default(),
        })
    }

    /// What unwinding found.
    pub(super) fn walked(&self) -> &Backtrace {
        &self.walked
    }

    /// The registers of the thread.
    pub fn registers(&self) -> &Registers {
        &self.registers
    }

    /// The state.
    pub fn state(&self) -> u64 {
        self.state
    }

    /// The source frame `level`, 0 the innermost; `None` if there are fewer.
    pub fn level(&self, level: usize) -> Option<View<'_>> {
        let (physical, inline) = *self.levels.get_or_init(|| self.levels()).get(level)?;
        Some(View { frames: self, physical, inline })
    }

    fn levels(&self) -> Vec<(usize, usize)> {
        let session = self.session;
        let frames = self.walked.frames.iter().enumerate();
        let counted = frames.map(|(index, physical)| match self.is_handler(index) {
            true => (index, 1),
            false => {
                let places = session.locator.places(&session.timeline, self.state, physical.pc);
                (index, places.len())
            }
        });
        counted.flat_map(|(index, count)| (0..count).map(move |inline| (index, inline))).collect()
    }

    /// The registers when the function of a frame was entered, if that was not long ago: the
    /// last state at its entry with the stack pointer right below the frame.
    fn at_entry(&self, physical: usize, entry: u64, rsp: u64) -> Option<Rc<Registers>> {
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
            return Some(Rc::new(self.registers));
        }
        // Entered by another call, or another way, it would return elsewhere.
        let mut returns = [0; 8];
        if !timeline.read(self.state, rsp, &mut returns) {
            return None;
        }
        let mut from = self.state;
        for _ in 0..ENTRY_CALLS {
            let chunks = Cell::new(0);
            let enough = || chunks.replace(chunks.get() + 1) >= ENTRY_CHUNKS;
            let state = timeline.find_pc(from, Direction::Backward, &[entry], &enough).ok()??;
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

    /// Whether a frame is the one the kernel made for a signal handler.
    pub(super) fn is_handler(&self, physical: usize) -> bool {
        let caller = self.walked.frames.get(physical + 1);
        caller.and_then(|caller| caller.method) == Some(Method::SignalFrame)
    }
}

/// One source frame: what location expressions ask.
#[derive(Clone, Copy)]
pub struct View<'f> {
    frames: &'f Frames<'f>,
    physical: usize,
    /// Inlined copies inside it.
    inline: usize,
}

impl<'f> View<'f> {
    fn frame(&self) -> Option<&'f unwind::Frame> {
        self.frames.walked.frames.get(self.physical)
    }

    /// Where execution is in it, or will return to.
    pub fn code(&self) -> CodeAddr {
        self.frame().map_or(CodeAddr::Pc(0), |frame| frame.pc)
    }

    /// Its module, and where that is loaded.
    pub fn module(&self) -> Option<(&'f ModuleSymbols, u64)> {
        let session = self.frames.session;
        let address = self.code().for_lookup();
        session.locator.module_at(&session.timeline, self.frames.state, address)
    }

    /// The module address that look-ups take.
    pub fn address(&self) -> ModuleAddr {
        let bias = self.module().map_or(0, |(_, bias)| bias);
        ModuleAddr::of_runtime(self.code().for_lookup(), bias)
    }

    /// The DIEs of its function.
    pub fn function_dies(&self) -> Option<FunctionDies> {
        if self.frames.is_handler(self.physical) {
            return None;
        }
        self.module()?.0.function_dies(self.address(), self.inline)
    }

    /// The entries of its module.
    pub fn dies(&self) -> Option<&'f Arc<Dies>> {
        self.module().map(|(symbols, _)| symbols.dies())
    }

    /// The state.
    pub fn state(&self) -> u64 {
        self.frames.state
    }

    /// Whether all registers are known: it is the innermost frame of code.
    pub fn is_innermost(&self) -> bool {
        self.physical == 0
    }

    /// A register's bytes.
    ///
    /// # Errors
    /// [`Missing::Register`]: not known in this frame.
    pub fn register_bytes(&self, number: u16) -> Result<Vec<u8>, Missing> {
        use location::Frame;
        self.register(number).ok_or_else(|| Missing::Register(register_name(number)))
    }

    /// Where the function of its code is entered.
    fn entry(&self) -> Option<u64> {
        let (symbols, bias) = self.module()?;
        Some(symbols.function_at(self.address())?.entry.to_runtime(bias))
    }

    /// The registers when the function of its code was entered, if that was not long ago.
    fn entry_registers(&self) -> Option<Rc<Registers>> {
        use location::Frame;
        // A call pushes the return address right below the frame.
        let rsp = self.cfa()?.checked_sub(8)?;
        self.frames.at_entry(self.physical, self.entry()?, rsp)
    }

    /// The registers at the call in this frame: those its callee was entered with.
    fn registers_at_call(&self) -> Option<Rc<Registers>> {
        let callee = View { physical: self.physical.checked_sub(1)?, inline: 0, ..*self };
        callee.entry_registers()
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.frames.session.timeline.read(self.frames.state, address, buffer)
    }
}

impl location::Frame for View<'_> {
    fn pc(&self) -> u64 {
        self.address().0
    }

    fn bias(&self) -> u64 {
        self.module().map_or(0, |(_, bias)| bias)
    }

    fn register(&self, number: u16) -> Option<Vec<u8>> {
        if usize::from(number) < DWARF_REGISTERS {
            let restored = self.frame()?.registers.get(number);
            let value =
                restored.or_else(|| FrameRegisters::of(&*self.registers_at_call()?).get(number))?;
            return Some(value.to_le_bytes().to_vec());
        }
        let name = register_name(number);
        // All of a vector register has the number of its lowest part.
        let whole = name.replace("xmm", "zmm");
        // Calls preserve no vector register (System V ABI, 3.2.1), but segment bases.
        let innermost = self.is_innermost() || name.ends_with("_base");
        let value = match innermost {
            true => registers::read(&self.frames.registers, &whole),
            false => registers::read(&*self.registers_at_call()?, &whole),
        };
        value.map(|value| value.bytes)
    }

    fn memory(&self, address: u64, buffer: &mut [u8]) -> bool {
        self.read(address, buffer)
    }

    fn cfa(&self) -> Option<u64> {
        let frame = self.frame()?;
        frame.cfa.or_else(|| {
            let (symbols, bias) = self.module()?;
            let mut memory = |address, buffer: &mut [u8]| self.read(address, buffer);
            symbols.canonical_frame_address(frame.pc, bias, &frame.registers, &mut memory)
        })
    }

    fn function(&self) -> Option<DieRef> {
        self.module()?.0.function_dies(self.address(), 0).map(|dies| dies.physical)
    }

    fn thread_local(&self, offset: u64) -> Option<u64> {
        let (symbols, _) = self.module()?;
        self.frames.session.thread_local(self.frames.state, symbols, offset)
    }

    fn with_caller(&self, ask: &mut dyn FnMut(&Dies, &dyn location::Frame, u64)) {
        let caller = View { physical: self.physical + 1, inline: 0, ..*self };
        let Some(frame) = caller.frame() else { return };
        if let (CodeAddr::Return(address), Some(dies)) = (frame.pc, caller.dies()) {
            ask(dies, &caller, address);
        }
    }

    fn at_entry(&self, number: u16) -> Option<u64> {
        FrameRegisters::of(&*self.entry_registers()?).get(number)
    }

    fn is_entered_at(&self, address: u64) -> bool {
        self.entry() == Some(address)
    }
}

impl Session {
    /// The address of a thread-local variable of the program itself: its block ends at the
    /// thread pointer (ELF Handling For Thread-Local Storage, variant II). Libraries' are
    /// found through what only the dynamic linker knows.
    pub(super) fn thread_local(
        &self,
        state: u64,
        symbols: &ModuleSymbols,
        offset: u64,
    ) -> Option<u64> {
        const AT_ENTRY: u64 = 9;
        let entry = super::images::auxiliary(&self.timeline.header().start.auxv, AT_ENTRY)?;
        let main = self.locator.module_at(&self.timeline, state, entry);
        let (size, align) = symbols.thread_local()?;
        if main.is_none_or(|(program, _)| !std::ptr::eq(program, symbols)) {
            return None;
        }
        let block = size.checked_next_multiple_of(align.max(1))?;
        let base = self.timeline.registers(state).ok()?.fs_base;
        Some(base.wrapping_sub(block).wrapping_add(offset))
    }
}
