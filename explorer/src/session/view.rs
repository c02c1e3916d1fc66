//! One frame, as expressions over its variables see it.

use super::{Frames, registers};
use crate::symbols::location::{self, Missing};
use crate::symbols::unwind::{self, DWARF_REGISTERS, FrameRegisters, register_name};
use crate::symbols::{CodeAddr, DieRef, Dies, FunctionDies, ModuleAddr, ModuleSymbols};
use rdb_schema::registers::Registers;
use std::rc::Rc;
use std::sync::Arc;

/// One source frame: what location expressions ask.
#[derive(Clone, Copy)]
pub struct View<'f> {
    frames: &'f Frames<'f>,
    physical: usize,
    /// Inlined copies inside it.
    inline: usize,
}

impl<'f> View<'f> {
    /// The frame of code `physical`, seen from outside of `inline` inlined copies in it.
    pub(super) fn new(frames: &'f Frames<'f>, physical: usize, inline: usize) -> Self {
        Self { frames, physical, inline }
    }

    fn frame(&self) -> Option<&'f unwind::Frame> {
        self.frames.walked().frames.get(self.physical)
    }

    /// Which frame of code it is in, 0 the innermost.
    pub(super) fn physical(&self) -> usize {
        self.physical
    }

    /// How many inlined copies are inside it.
    pub(super) fn inline(&self) -> usize {
        self.inline
    }

    /// Where execution is in it, or will return to.
    pub fn code(&self) -> CodeAddr {
        self.frames.code(self.physical).unwrap_or(CodeAddr::Pc(0))
    }

    /// Its module, and where that is loaded.
    pub fn module(&self) -> Option<(&'f ModuleSymbols, u64)> {
        let session = self.frames.session;
        let found = session.found_at(self.frames.state, self.code().for_lookup())?;
        Some((found.symbols, found.image.bias))
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
        let (symbols, bias) = self.module()?;
        let address = ModuleAddr::of_runtime(self.code().for_lookup(), bias);
        self.frames.session.function_dies(symbols, address, self.inline)
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
    pub(super) fn entry(&self) -> Option<u64> {
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

/// The bytes of a register by DWARF number, of registers that are all known.
fn held(all: &Registers, number: u16) -> Option<Vec<u8>> {
    if usize::from(number) < DWARF_REGISTERS {
        return Some(FrameRegisters::of(all).get(number)?.to_le_bytes().to_vec());
    }
    // All of a vector register has the number of its lowest part.
    let whole = register_name(number).replace("xmm", "zmm");
    registers::read(all, &whole).map(|value| value.bytes)
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
            if self.is_innermost() {
                return held(&self.frames.registers, number);
            }
            let restored = self.frame()?.registers.get(number);
            let restored = restored.map(|value| value.to_le_bytes().to_vec());
            return restored.or_else(|| held(&*self.registers_at_call()?, number));
        }
        // Calls preserve no vector register (System V ABI, 3.2.1), but segment bases.
        let innermost = self.is_innermost() || register_name(number).ends_with("_base");
        match innermost {
            true => held(&self.frames.registers, number),
            false => held(&*self.registers_at_call()?, number),
        }
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
        let (symbols, bias) = self.module()?;
        let address = ModuleAddr::of_runtime(self.code().for_lookup(), bias);
        self.frames.session.function_dies(symbols, address, 0).map(|dies| dies.physical)
    }

    fn thread_local(&self, offset: u64) -> Result<u64, Missing> {
        let Frames { session, state, registers, .. } = self.frames;
        let module = self.module().ok_or(Missing::ThreadLocal)?;
        session.thread_local((*state, registers.fs_base), module, offset)
    }

    fn with_caller(&self, ask: &mut dyn FnMut(&Dies, &dyn location::Frame, u64)) {
        let caller = View { physical: self.physical + 1, inline: 0, ..*self };
        let Some(frame) = caller.frame() else { return };
        if let (CodeAddr::Return(address), Some(dies)) = (frame.pc, caller.dies()) {
            ask(dies, &caller, address);
        }
    }

    fn at_entry(&self, number: u16) -> Option<Vec<u8>> {
        held(&*self.entry_registers()?, number)
    }

    fn is_entered_at(&self, address: u64) -> bool {
        self.entry() == Some(address)
    }
}
