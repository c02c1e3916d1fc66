//! The registers of a frame, some of them unknown.

use rdb_schema::registers::Registers;

/// Registers tracked: the general ones and the return address column.
pub const DWARF_REGISTERS: usize = 17;

/// Hardware number (rax rcx rdx rbx rsp rbp rsi rdi r8 …) → DWARF number
/// (System V ABI for x86-64, figure 3.36).
const DWARF_OF_HARDWARE: [usize; 16] = [0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];

/// Names by DWARF number.
const NAMES: [&str; DWARF_REGISTERS] = [
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip",
];

/// DWARF numbers of the registers unwinding speaks of.
pub mod number {
    /// rbx.
    pub const RBX: u16 = 3;
    /// rbp.
    pub const RBP: u16 = 6;
    /// rsp.
    pub const RSP: u16 = 7;
    /// The return address column.
    pub const RIP: u16 = 16;
}

/// The name of a register by DWARF number (System V ABI for x86-64, figure 3.36).
pub(crate) fn name(number: u16) -> String {
    const SEGMENTS: [&str; 6] = ["es", "cs", "ss", "ds", "fs", "gs"];
    let number = usize::from(number);
    match number {
        0..DWARF_REGISTERS => NAMES.get(number).copied().unwrap_or_default().to_owned(),
        17..=32 => format!("xmm{}", number - 17),
        33..=40 => format!("st{}", number - 33),
        41..=48 => format!("mm{}", number - 41),
        49 => "rflags".to_owned(),
        50..=55 => SEGMENTS.get(number - 50).copied().unwrap_or_default().to_owned(),
        58 => "fs_base".to_owned(),
        59 => "gs_base".to_owned(),
        64 => "mxcsr".to_owned(),
        67..=82 => format!("xmm{}", number - 51),
        118..=125 => format!("k{}", number - 118),
        _ => format!("number {number}"),
    }
}

/// General registers and rip of one frame, by DWARF number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameRegisters([Option<u64>; DWARF_REGISTERS]);

impl FrameRegisters {
    /// From an array by DWARF number.
    pub fn new(registers: [Option<u64>; DWARF_REGISTERS]) -> Self {
        Self(registers)
    }

    /// The innermost frame's: all known.
    pub fn of(registers: &Registers) -> Self {
        let mut frame = Self::default();
        for (value, number) in registers.gpr.iter().zip(DWARF_OF_HARDWARE) {
            frame.set(number as u16, Some(*value));
        }
        frame.set(number::RIP, Some(registers.rip));
        frame
    }

    /// A register by DWARF number.
    pub fn get(&self, number: u16) -> Option<u64> {
        self.0.get(usize::from(number)).copied().flatten()
    }

    /// A register by hardware number (see `rdb_schema::registers::Gpr`).
    pub fn gpr(&self, hardware: usize) -> Option<u64> {
        let number = DWARF_OF_HARDWARE.get(hardware)?;
        self.0.get(*number).copied().flatten()
    }

    /// The DWARF number of a register by hardware number.
    pub fn number_of(hardware: usize) -> Option<u16> {
        DWARF_OF_HARDWARE.get(hardware).map(|number| *number as u16)
    }

    /// Sets a register; numbers beyond the general ones are ignored.
    pub fn set(&mut self, number: u16, value: Option<u64>) {
        if let Some(register) = self.0.get_mut(usize::from(number)) {
            *register = value;
        }
    }

    /// The program counter.
    pub fn rip(&self) -> Option<u64> {
        self.get(number::RIP)
    }

    /// The stack pointer.
    pub fn rsp(&self) -> Option<u64> {
        self.get(number::RSP)
    }

    /// The frame pointer, or whatever else rbp holds.
    pub fn rbp(&self) -> Option<u64> {
        self.get(number::RBP)
    }

    /// What a call preserves: rbx, rbp, r12–r15 (System V ABI, 3.2.1).
    pub(super) fn preserved(&self) -> Self {
        let mut kept = Self::default();
        for number in [3, 6, 12, 13, 14, 15] {
            kept.set(number, self.get(number));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbering_follows_the_abi() {
        let gpr = std::array::from_fn(|hardware| hardware as u64);
        let registers = Registers { gpr, rip: 99, ..Registers::default() };
        let frame = FrameRegisters::of(&registers);
        assert_eq!((frame.rsp(), frame.rbp(), frame.rip()), (Some(4), Some(5), Some(99)));
        for (hardware, name) in rdb_schema::registers::Gpr::NAMES.iter().enumerate() {
            let number = NAMES.iter().position(|n| n == name).unwrap();
            assert_eq!(frame.get(number as u16), Some(hardware as u64), "{name}");
            assert_eq!(frame.gpr(hardware), Some(hardware as u64));
        }
    }
}
