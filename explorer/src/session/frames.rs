//! The frames of a thread at one state, with all that is needed to look into each.

use super::Session;
use super::registers;
use crate::symbols::location::{self, Missing};
use crate::symbols::unwind::{
    self, Backtrace, DWARF_REGISTERS, FrameRegisters, LoadedModule, Method, Modules, backtrace,
    register_name,
};
use crate::symbols::{CodeAddr, DieRef, Dies, FunctionDies, ModuleAddr, ModuleSymbols};
use crate::timeline::StateError;
use rdb_schema::registers::Registers;
use rdb_schema::space::{AddressSpace, PROT_EXEC};
use std::cell::OnceCell;
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
}

impl<'s> Frames<'s> {
    /// At most `limit` frames of code at state `state`.
    pub(super) fn walk(session: &'s Session, state: u64, limit: usize) -> Result<Self, StateError> {
        let registers = session.timeline.registers(state)?;
        let at = At { session, state, space: session.timeline.shared_space(state)? };
        let mut memory = |address, buffer: &mut [u8]| session.timeline.read(state, address, buffer);
        let walked = backtrace(&at, FrameRegisters::of(&registers), &mut memory, limit);
        Ok(Self { session, state, registers, walked, levels: OnceCell::new() })
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
            let value = self.frame()?.registers.get(number)?;
            return Some(value.to_le_bytes().to_vec());
        }
        let name = register_name(number);
        // Calls preserve no vector register (System V ABI, 3.2.1), but segment bases.
        if !self.is_innermost() && !name.ends_with("_base") {
            return None;
        }
        // All of a vector register has the number of its lowest part.
        let whole = name.replace("xmm", "zmm");
        registers::read(&self.frames.registers, &whole).map(|value| value.bytes)
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

    fn is_entered_at(&self, address: u64) -> bool {
        let entry = self.module().and_then(|(symbols, bias)| {
            let function = symbols.function_at(self.address())?;
            Some(function.entry.to_runtime(bias))
        });
        entry == Some(address)
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
