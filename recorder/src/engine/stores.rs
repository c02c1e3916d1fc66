//! The bytes of stores whose places or lengths vary, read back after them.

use crate::tracee::Memory;
use rdb_schema::effects::{Address, Bulk};
use rdb_schema::registers::{Gpr, Registers};

/// Most bytes one rep string instruction may log in one tracepoint's row.
type Segments = Vec<(u64, Vec<u8>)>;

/// Reads what a bulk store wrote, given the registers around it.
pub fn segments(
    bulk: &Bulk,
    before: &Registers,
    after: &Registers,
    xsave_bytes: usize,
    memory: &Memory,
) -> Segments {
    match *bulk {
        Bulk::RepString { element, address_size } => {
            let (start, length) = string_range(before, after, element, address_size);
            memory.read_pieces(start, length)
        }
        Bulk::Masked { address, bytes } => {
            memory.read_pieces(address.value(before), bytes.into())
        }
        Bulk::Xsave { address } => memory.read_pieces(address.value(before), xsave_bytes),
        Bulk::Scatter { address, index, index_bytes, scale, element, count, mask } => {
            let lanes = Lanes { index, bytes: index_bytes, scale, count, mask };
            let addresses = lanes.addresses(&address, before);
            addresses.flat_map(|a| memory.read_pieces(a, element.into())).collect()
        }
    }
}

/// The bytes between rdi before and rdi after, whichever way it went.
fn string_range(before: &Registers, after: &Registers, element: u8, size: u8) -> (u64, usize) {
    let cut = |value: u64| if size == 4 { value & 0xffff_ffff } else { value };
    let rdi = Gpr::RDI.index();
    let (from, to) = (cut(before.gpr[rdi]), cut(after.gpr[rdi]));
    let element = u64::from(element);
    if to >= from {
        (from, (to - from) as usize)
    } else {
        // Backwards: each element lies at and above its rdi.
        (to.wrapping_add(element), (from - to) as usize)
    }
}

struct Lanes {
    index: u8,
    bytes: u8,
    scale: u8,
    count: u8,
    mask: u8,
}

impl Lanes {
    /// Where each element whose mask bit is set goes (Intel SDM vol. 2, VPSCATTER).
    fn addresses<'a>(
        &'a self,
        address: &'a Address,
        before: &'a Registers,
    ) -> impl Iterator<Item = u64> + 'a {
        let mask = before.mask[usize::from(self.mask & 7)];
        let vector = &before.vector[usize::from(self.index & 31)];
        let base = address.value(before);
        (0..usize::from(self.count)).filter(move |i| mask >> i & 1 == 1).map(move |i| {
            let at = i * usize::from(self.bytes);
            let index = match self.bytes {
                4 => i64::from(i32::from_le_bytes(vector.get(at..at + 4).map_or([0; 4], to_array))),
                _ => i64::from_le_bytes(vector.get(at..at + 8).map_or([0; 8], to_array)),
            };
            base.wrapping_add((index as u64).wrapping_mul(u64::from(self.scale)))
        })
    }
}

fn to_array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}
