//! Bytes of a state: of registers, of memory, and status flags.

use iced_x86::Register;
use rdb_schema::registers::{Gpr, Registers, VECTOR_BYTES};
use std::mem::offset_of;
use std::ops::Range;

/// Where a byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the registers: an offset in their canonical layout.
    Register(u16),
    /// In memory.
    Memory(u64),
    /// These status flags, by their bits in RFLAGS; a whole.
    Flags(u32),
}

/// Bytes that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first.
    pub place: Place,
    /// How many there are; 1 for flags.
    pub length: u32,
}

impl Span {
    /// Bytes of memory.
    pub fn memory(address: u64, length: u32) -> Self {
        Self { place: Place::Memory(address), length }
    }

    /// Status flags.
    pub fn flags(bits: u32) -> Self {
        Self { place: Place::Flags(bits), length: 1 }
    }

    /// The first `length` bytes of a general register.
    pub fn gpr(register: Gpr, length: u32) -> Self {
        Self { place: Place::Register(register.index() as u16 * 8), length }
    }

    /// A register, or the part of one that has a name of its own. None for those that
    /// are not kept as they are named: MMX, segments, rip.
    pub fn register(register: Register) -> Option<Self> {
        let number = register.number() as u16;
        let offset = match register {
            Register::AH | Register::CH | Register::DH | Register::BH => {
                register.full_register().number() as u16 * 8 + 1
            }
            _ if register.is_gpr() => register.full_register().number() as u16 * 8,
            _ if register.is_vector_register() => {
                offset_of!(Registers, vector) as u16 + (number & 31) * VECTOR_BYTES as u16
            }
            _ if register.is_k() => offset_of!(Registers, mask) as u16 + (number & 7) * 8,
            _ if register.is_st() => stack_offset(number),
            _ => return None,
        };
        Some(Self { place: Place::Register(offset), length: register.size() as u32 })
    }

    /// The `length` bytes of it from `offset` on.
    pub fn part(&self, offset: u32, length: u32) -> Self {
        let place = match self.place {
            Place::Register(first) => Place::Register(first.saturating_add(offset as u16)),
            Place::Memory(address) => Place::Memory(address.wrapping_add(offset.into())),
            flags @ Place::Flags(_) => flags,
        };
        Self { place, length }
    }

    /// Its bytes from `offset` on.
    pub fn from(&self, offset: u32) -> Self {
        self.part(offset, self.length.saturating_sub(offset))
    }

    /// Which of its bytes lie in `other`, counted from its first.
    pub fn within(&self, other: &Self) -> Option<Range<u32>> {
        let (own, others) = match (self.place, other.place) {
            (Place::Register(own), Place::Register(other)) => (own.into(), other.into()),
            (Place::Memory(own), Place::Memory(other)) => (own, other),
            (Place::Flags(own), Place::Flags(other)) => return (own & other != 0).then_some(0..1),
            _ => return None,
        };
        let start = others.max(own);
        let ends = [(own, self.length), (others, other.length)];
        let [own_end, other_end] = ends.map(|(at, length)| at.saturating_add(length.into()));
        let end = own_end.min(other_end);
        (start < end).then(|| (start - own) as u32..(end - own) as u32)
    }

    /// How far it begins behind the beginning of `other`, which is of the same kind.
    pub fn behind(&self, other: &Self) -> u32 {
        match (self.place, other.place) {
            (Place::Register(own), Place::Register(other)) => own.wrapping_sub(other).into(),
            (Place::Memory(own), Place::Memory(other)) => own.wrapping_sub(other) as u32,
            _ => 0,
        }
    }

    /// What it holds in these registers; `None` if it is no part of them.
    pub fn read(&self, registers: &Registers) -> Option<Vec<u8>> {
        let start = match self.place {
            Place::Register(offset) => usize::from(offset),
            Place::Flags(bits) => {
                return Some((registers.rflags as u32 & bits).to_le_bytes().to_vec());
            }
            Place::Memory(_) => return None,
        };
        let end = start.checked_add(self.length as usize)?;
        registers.as_bytes().get(start..end).map(<[u8]>::to_vec)
    }
}

/// Where ST(`number`) is.
fn stack_offset(number: u16) -> u16 {
    let stack = offset_of!(Registers, x87) + offset_of!(rdb_schema::registers::X87, st);
    stack as u16 + (number & 7) * 16
}

/// The name of the register that bytes are part of, or of the part that they are.
pub fn register_name(span: &Span) -> Option<String> {
    let offset = match span.place {
        Place::Register(offset) => usize::from(offset),
        Place::Flags(bits) => return Some(super::flags::flags_text(bits, u32::MAX)),
        Place::Memory(_) => return None,
    };
    let vectors = offset_of!(Registers, vector);
    let masks = offset_of!(Registers, mask);
    let stack = usize::from(stack_offset(0));
    let whole = |name: String, within: usize, all: usize| match (within, span.length as usize) {
        (0, length) if length == all => name,
        (first, 1) => format!("{name} byte {first}"),
        (first, length) => format!("{name} bytes {first} to {}", first + length - 1),
    };
    Some(match offset {
        _ if offset < offset_of!(Registers, rip) => general(offset, span.length),
        _ if (masks..masks + 64).contains(&offset) => {
            whole(format!("k{}", (offset - masks) / 8), (offset - masks) % 8, 8)
        }
        _ if (stack..stack + 128).contains(&offset) => {
            format!("st{}", (offset - stack) / 16)
        }
        _ if offset >= vectors => {
            let (number, within) =
                ((offset - vectors) / VECTOR_BYTES, (offset - vectors) % VECTOR_BYTES);
            // The shortest that has them all.
            let end = within + span.length as usize;
            let known = [("xmm", 16), ("ymm", 32)];
            let (name, all) = known.into_iter().find(|(_, all)| end <= *all).unwrap_or(("zmm", 64));
            whole(format!("{name}{number}"), within, all)
        }
        _ => return None,
    })
}

fn general(offset: usize, length: u32) -> String {
    let (number, within) = (offset / 8, offset % 8);
    let name = Gpr::NAMES.get(number).copied().unwrap_or_default();
    let legacy =
        name.strip_prefix('r').filter(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    let short =
        |rest: &str| rest.strip_suffix('x').map_or_else(|| format!("{rest}l"), |x| format!("{x}l"));
    match (legacy, within, length) {
        (_, 0, 8) => name.to_owned(),
        (Some(rest), 0, 4) => format!("e{rest}"),
        (Some(rest), 0, 2) => rest.to_owned(),
        (Some(rest), 0, 1) => short(rest),
        (None, 0, 4) => format!("{name}d"),
        (None, 0, 2) => format!("{name}w"),
        (None, 0, 1) => format!("{name}b"),
        (_, first, 1) => format!("{name} byte {first}"),
        (_, first, length) => format!("{name} bytes {first} to {}", first + length as usize - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_registers_have_their_names() {
        let name = |register| register_name(&Span::register(register).unwrap());
        let known = [
            (Register::RAX, "rax"),
            (Register::EAX, "eax"),
            (Register::SI, "si"),
            (Register::SIL, "sil"),
            (Register::AL, "al"),
            (Register::R9D, "r9d"),
            (Register::AH, "rax byte 1"),
            (Register::YMM3, "ymm3"),
            (Register::K2, "k2"),
            (Register::ST1, "st1"),
        ];
        for (register, expected) in known {
            assert_eq!(name(register).as_deref(), Some(expected));
        }
        let part = |offset, length| {
            register_name(&Span::register(Register::ZMM28).unwrap().part(offset, length))
        };
        let known = [
            ((0, 16), "xmm28"),
            ((12, 4), "xmm28 bytes 12 to 15"),
            ((12, 8), "ymm28 bytes 12 to 19"),
            ((31, 1), "ymm28 byte 31"),
            ((0, 33), "zmm28 bytes 0 to 32"),
            ((36, 4), "zmm28 bytes 36 to 39"),
        ];
        for ((offset, length), expected) in known {
            assert_eq!(part(offset, length).as_deref(), Some(expected));
        }
    }

    #[test]
    fn spans_overlap_where_their_bytes_do() {
        let word = Span::memory(100, 8);
        assert_eq!(word.within(&Span::memory(104, 8)), Some(4..8));
        assert_eq!(word.within(&Span::memory(96, 5)), Some(0..1));
        assert_eq!(word.within(&Span::memory(108, 1)), None);
        assert_eq!(Span::memory(u64::MAX, 4).within(&Span::memory(u64::MAX - 1, 2)), None);
        let (all, high) =
            (Span::register(Register::RAX).unwrap(), Span::register(Register::AH).unwrap());
        assert_eq!(all.within(&high), Some(1..2));
        assert_eq!(all.within(&Span::memory(0, 8)), None);
    }
}
