//! Which registers an effect or an event writes, one bit each.

use rdb_schema::block::Slot;
use rdb_schema::effects::Effect;
use rdb_schema::registers::{RegisterPatch, Registers};
use std::mem::offset_of;
use std::sync::OnceLock;

/// The bit of rsp.
pub const STACK_POINTER: u32 = 4;

const RFLAGS: u32 = 16;
const FS_BASE: u32 = 17;
const GS_BASE: u32 = 18;
const MXCSR: u32 = 19;
const PKRU: u32 = 20;
const X87: u32 = 21;
const SELECTORS: u32 = 22;
const MASKS: u32 = 24;
const VECTORS: u32 = 32;

/// The registers that an effect writes.
pub fn of_effect(effect: &Effect) -> u64 {
    let number = match *effect {
        Effect::Gpr { register, .. } => u32::from(register.number()),
        Effect::StatusFlags
        | Effect::FlagsOf { .. }
        | Effect::Flags
        | Effect::FlagsConst { .. } => RFLAGS,
        Effect::FsBase => FS_BASE,
        Effect::GsBase => GS_BASE,
        Effect::Vector { register, .. } => VECTORS + u32::from(register & 31),
        Effect::VectorOf(vector) => VECTORS + u32::from(vector.register & 31),
        Effect::ZeroVectors { .. } => return 0xffff << VECTORS,
        Effect::Mask { register } | Effect::MaskOf { register, .. } => {
            MASKS + u32::from(register & 7)
        }
        Effect::X87 => X87,
        Effect::Mxcsr => MXCSR,
        Effect::Pkru => PKRU,
        Effect::Loaded { .. }
        | Effect::Store { .. }
        | Effect::StoreVector { .. }
        | Effect::StoreMasked { .. }
        | Effect::StoreBytes { .. }
        | Effect::StoreBulk => return 0,
    };
    1 << number
}

/// The registers that an instruction's effects write.
pub fn of_slots(slots: &[Slot]) -> u64 {
    slots.iter().map(|slot| of_effect(&slot.effect)).fold(0, |all, one| all | one)
}

/// The registers that a patch writes.
pub fn of_patch(patch: &RegisterPatch) -> u64 {
    let one = |(offset, bytes): &(u16, Vec<u8>)| {
        let start = usize::from(*offset);
        (start..start.saturating_add(bytes.len()).min(size_of::<Registers>()))
            .map(register_bit)
            .fold(0, |all, one| all | one)
    };
    patch.0.iter().map(one).fold(0, |all, one| all | one)
}

/// The register that byte `at` of the canonical layout belongs to; rip, which
/// every instruction writes, is none.
fn bit_at(at: usize) -> Option<u32> {
    Some(match at {
        _ if at < offset_of!(Registers, rip) => (at / 8) as u32,
        _ if at < offset_of!(Registers, rflags) => return None,
        _ if at < offset_of!(Registers, fs_base) => RFLAGS,
        _ if at < offset_of!(Registers, gs_base) => FS_BASE,
        _ if at < offset_of!(Registers, selectors) => GS_BASE,
        _ if at < offset_of!(Registers, mask) => SELECTORS,
        _ if at < offset_of!(Registers, x87) => {
            MASKS + ((at - offset_of!(Registers, mask)) / 8) as u32
        }
        _ if at < offset_of!(Registers, mxcsr) => X87,
        _ if at < offset_of!(Registers, pkru) => MXCSR,
        _ if at < offset_of!(Registers, vector) => PKRU,
        _ => VECTORS + ((at - offset_of!(Registers, vector)) / 64) as u32,
    })
}

/// The bit of the register that byte `at` of the canonical layout belongs to; 0 for rip.
pub fn register_bit(at: usize) -> u64 {
    bit_at(at).map_or(0, |bit| 1 << bit)
}

/// The registers that `read` looks at, found by trying which of them it tells
/// apart; rip is none.
pub fn register_bits<T: PartialEq>(read: impl Fn(&Registers) -> T) -> u64 {
    static FILLED: OnceLock<Vec<Registers>> = OnceLock::new();
    let filled = FILLED.get_or_init(|| (0..u64::BITS).map(filled).collect());
    let usual = read(&Registers::default());
    let told_apart = filled.iter().map(|registers| read(registers) != usual);
    (0..).zip(told_apart).fold(0, |found, (bit, told)| found | u64::from(told) << bit)
}

/// Registers of which only those of one bit are not zero.
fn filled(bit: u32) -> Registers {
    let mut registers = Registers::default();
    let bytes = bytemuck::bytes_of_mut(&mut registers).iter_mut().enumerate();
    bytes.filter(|(at, _)| bit_at(*at) == Some(bit)).for_each(|(_, byte)| *byte = 0xff);
    registers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::registers::read;

    #[test]
    fn names_stand_for_the_registers_they_are_part_of() {
        let bits = |name: &str| register_bits(|registers| read(registers, name));
        assert_eq!([bits("rax"), bits("ah"), bits("sp"), bits("r15d")], [1, 1, 16, 1 << 15]);
        assert_eq!([bits("eflags"), bits("fs_base"), bits("k7")], [1 << 16, 1 << 17, 1 << 31]);
        assert_eq!([bits("xmm0"), bits("zmm31"), bits("st3")], [1 << 32, 1 << 63, 1 << 21]);
        assert_eq!(
            [bits("mxcsr"), bits("pkru"), bits("cs"), bits("fctrl")],
            [1 << 19, 1 << 20, 1 << 22, 1 << 21]
        );
        assert_eq!([bits("rip"), bits("nonsense")], [0, 0]);
    }
}
