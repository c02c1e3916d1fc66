//! What a location expression asks of the frame it is evaluated in.

use super::Missing;
use crate::symbols::dies::{DieRef, Dies};

/// A frame, at one moment.
pub trait Frame {
    /// The module address of code in it that decides which places hold.
    fn pc(&self) -> u64;

    /// Run-time minus module addresses.
    fn bias(&self) -> u64;

    /// The bytes of a register by DWARF number, little-endian, if they are known.
    fn register(&self, number: u16) -> Option<Vec<u8>>;

    /// Fills the buffer with memory, all or nothing.
    fn memory(&self, address: u64, buffer: &mut [u8]) -> bool;

    /// Its canonical frame address.
    fn cfa(&self) -> Option<u64>;

    /// The function (not inlined copy) whose code it executes: its DIE says what the frame
    /// base is.
    fn function(&self) -> Option<DieRef>;

    /// The address of a thread-local variable of this module.
    ///
    /// # Errors
    /// Why it has none.
    fn thread_local(&self, offset: u64) -> Result<u64, Missing>;

    /// Whether frames are real: `false` where only variables with static storage are asked for.
    fn is_real(&self) -> bool {
        true
    }

    /// Calls `ask` with the caller's entries and frame, if there is a caller. The run-time
    /// address is where it will continue.
    fn with_caller(&self, ask: &mut dyn FnMut(&Dies, &dyn Frame, u64));

    /// The bytes of a register, little-endian, when the frame's function was entered, if whoever
    /// made the frame remembers: a recorded history does.
    fn at_entry(&self, _number: u16) -> Option<Vec<u8>> {
        None
    }

    /// Whether the function at a run-time address is the one this frame executes.
    fn is_entered_at(&self, address: u64) -> bool;
}

/// No frame: for variables with static storage.
pub struct Fixed<'a> {
    /// Run-time minus module addresses.
    pub bias: u64,
    /// Memory at the moment.
    pub memory: &'a dyn Fn(u64, &mut [u8]) -> bool,
    /// Addresses of thread-local variables.
    pub thread_local: &'a dyn Fn(u64) -> Result<u64, Missing>,
}

impl Frame for Fixed<'_> {
    fn pc(&self) -> u64 {
        0
    }

    fn bias(&self) -> u64 {
        self.bias
    }

    fn register(&self, _: u16) -> Option<Vec<u8>> {
        None
    }

    fn memory(&self, address: u64, buffer: &mut [u8]) -> bool {
        (self.memory)(address, buffer)
    }

    fn cfa(&self) -> Option<u64> {
        None
    }

    fn function(&self) -> Option<DieRef> {
        None
    }

    fn thread_local(&self, offset: u64) -> Result<u64, Missing> {
        (self.thread_local)(offset)
    }

    fn is_real(&self) -> bool {
        false
    }

    fn with_caller(&self, _: &mut dyn FnMut(&Dies, &dyn Frame, u64)) {}

    fn is_entered_at(&self, _: u64) -> bool {
        false
    }
}
