//! Which bytes of a masked store are stored.

use super::effect::Address;
use crate::registers::{Registers, X87};
use iced_x86::Register;

/// Bytes of the line that clzero zeroes.
const LINE_BYTES: u8 = 64;

/// What says which elements of a masked store are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreMask {
    /// The highest bits of the elements of a vector register, of `element` bytes each
    /// (Intel SDM vol. 2, VMASKMOV, VPMASKMOV, MASKMOVDQU).
    Signs {
        /// Number of the vector register.
        register: u8,
        /// Bytes of one element.
        element: u8,
    },
    /// The highest bits of the bytes of an MMX register (MASKMOVQ).
    MmxSigns {
        /// Number of the MMX register.
        register: u8,
    },
    /// The bits of a mask register (Intel SDM vol. 1, 15.6.1).
    Bits {
        /// Number of the mask register.
        mask: u8,
        /// Bytes of one element.
        element: u8,
    },
    /// As many elements from the first on as bits are set in a mask register (VCOMPRESSPD).
    Count {
        /// Number of the mask register.
        mask: u8,
        /// Bytes of one element.
        element: u8,
        /// Elements of the source.
        count: u8,
    },
    /// All of the line of 64 bytes that holds the address (AMD64 APM vol. 3, CLZERO).
    Line,
}

impl StoreMask {
    /// The highest bits of the elements of a vector register or an MMX register.
    pub(super) fn signs(register: Register, element: u8) -> Self {
        let number = register.number() as u8;
        if register.is_mm() {
            Self::MmxSigns { register: number }
        } else {
            Self::Signs { register: number, element }
        }
    }

    /// Where it stores at `address`, of at most `bytes`, from the registers before: addresses
    /// and lengths, ascending.
    pub fn runs(self, address: &Address, bytes: u8, registers: &Registers) -> Vec<(u64, usize)> {
        let start = address.value(registers);
        let bits = |number: u8| registers.mask.get(usize::from(number)).copied().unwrap_or(0);
        let (mask, element) = match self {
            Self::Line => return vec![(start & !u64::from(LINE_BYTES - 1), LINE_BYTES.into())],
            Self::Signs { register, element } => {
                let vector = registers.vector.get(usize::from(register));
                (signs(vector.map_or(&[], |all| &all[..]), element), element)
            }
            Self::MmxSigns { register } => (signs(mmx(&registers.x87, register), 1), 1),
            Self::Bits { mask, element } => (bits(mask), element),
            Self::Count { mask, element, count } => {
                let within = u64::MAX.checked_shr(64 - u32::from(count.min(64))).unwrap_or(0);
                let chosen = (bits(mask) & within).count_ones();
                (u64::MAX.checked_shr(64 - chosen).unwrap_or(0), element)
            }
        };
        let place = |(at, length): (usize, usize)| (start.wrapping_add(at as u64), length);
        masked_runs(mask, element, bytes).map(place).collect()
    }
}

/// The highest bit of each element.
fn signs(vector: &[u8], element: u8) -> u64 {
    let elements = vector.chunks_exact(element.max(1).into()).enumerate().take(64);
    elements.fold(0, |mask, (at, bytes)| {
        mask | bytes.last().map_or(0, |byte| u64::from(byte >> 7)) << at
    })
}

/// MMX register `number`: registers are numbered from the x87 stack's bottom, and kept from
/// its top (Intel SDM vol. 1, 9.2.1).
fn mmx(x87: &X87, number: u8) -> &[u8] {
    let top = (x87.status >> 11 & 7) as u8;
    &x87.st[usize::from(number.wrapping_sub(top) & 7)][..8]
}

/// The runs of bytes that an [`Effect::StoreMasked`](super::Effect::StoreMasked) stores: offset and length,
/// ascending, of the elements of `element` bytes among the first `bytes` whose
/// bits are set in `mask`.
pub fn masked_runs(mask: u64, element: u8, bytes: u8) -> impl Iterator<Item = (usize, usize)> {
    let element = usize::from(element.max(1));
    let count = (usize::from(bytes) / element).min(64) as u32;
    let all = u64::MAX.checked_shr(64 - count).unwrap_or(0);
    let mut rest = mask & all;
    std::iter::from_fn(move || {
        let first = rest.trailing_zeros();
        if first >= count {
            return None;
        }
        let length = (!(rest >> first)).trailing_zeros().min(count - first);
        rest &= u64::MAX.checked_shl(first + length).unwrap_or(0);
        Some((first as usize * element, length as usize * element))
    })
}
