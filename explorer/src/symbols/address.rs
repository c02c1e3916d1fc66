//! The address spaces this module speaks of.

use std::fmt;

/// An address as the module's own file states it (a *stated virtual memory
/// address*): what symbol tables, DWARF and program headers contain, before
/// the loader adds the bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleAddr(pub u64);

impl ModuleAddr {
    /// The module address of a run-time address under a load bias.
    pub fn of_runtime(address: u64, bias: u64) -> Self {
        Self(address.wrapping_sub(bias))
    }

    /// The run-time address under a load bias.
    pub fn to_runtime(self, bias: u64) -> u64 {
        self.0.wrapping_add(bias)
    }
}

impl fmt::LowerHex for ModuleAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

/// A run-time code address that knows how it was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeAddr {
    /// The next instruction to execute: exact.
    Pc(u64),
    /// A return address: one past the call, which may already belong to the
    /// next line or even the next function.
    Return(u64),
}

impl CodeAddr {
    /// The address as a register would hold it.
    pub fn value(self) -> u64 {
        match self {
            Self::Pc(address) | Self::Return(address) => address,
        }
    }

    /// An address inside the instruction meant, for every look-up.
    pub fn for_lookup(self) -> u64 {
        match self {
            Self::Pc(address) => address,
            Self::Return(address) => address.wrapping_sub(1),
        }
    }
}
