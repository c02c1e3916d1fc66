//! The bytes of stores whose places or lengths vary, read back after them, and those of
//! loads.

use crate::tracee::{Memory, XSTATE_BV, XsaveLayout};
use rdb_schema::effects::{Bulk, bit_string_address, scatter_addresses};
use rdb_schema::registers::{Gpr, Registers};

/// Longest string store that is logged in the chunk; longer ones are recorded
/// as pages.
const MAX_LOGGED: usize = 8 << 20;

/// The range of a store that is too long to be logged: (address, bytes).
pub fn too_long(bulk: &Bulk, before: &Registers, after: &Registers) -> Option<(u64, u64)> {
    let Bulk::RepString { element, address_size } = *bulk else { return None };
    let (start, length) = string_range(before, after, element, address_size);
    (length > MAX_LOGGED).then_some((start, length as u64))
}

/// Reads what a bulk store wrote, given the registers around it.
pub fn segments(
    bulk: &Bulk,
    before: &Registers,
    after: &Registers,
    layout: &XsaveLayout,
    memory: &Memory,
) -> Vec<(u64, Vec<u8>)> {
    match *bulk {
        Bulk::RepString { element, address_size } => {
            let (start, length) = string_range(before, after, element, address_size);
            memory.read_pieces(start, length)
        }
        Bulk::Masked { address, bytes, mask } => mask
            .runs(&address, bytes, before)
            .into_iter()
            .flat_map(|(at, length)| memory.read_pieces(at, length))
            .collect(),
        Bulk::Xsave { address, compacted } => {
            let area = address.value(before);
            let parts = xsave_parts(area, compacted, before, layout, memory).into_iter();
            parts.flat_map(|(at, n)| memory.read_pieces(area.wrapping_add(at), n)).collect()
        }
        Bulk::BitString { address, index, bytes } => {
            let address = bit_string_address(&address, index, bytes, before);
            memory.read_pieces(address, bytes.into())
        }
        Bulk::Scatter { element, .. } => scatter_addresses(bulk, before)
            .into_iter()
            .flat_map(|address| memory.read_pieces(address, element.into()))
            .collect(),
    }
}

/// What xsave or its kin wrote of `area`: offsets and lengths.
fn xsave_parts(
    area: u64,
    compacted: bool,
    before: &Registers,
    layout: &XsaveLayout,
    memory: &Memory,
) -> Vec<(u64, usize)> {
    let half = |register: Gpr| before.gpr[register.index()] & 0xffff_ffff;
    let asked = half(Gpr::RDX) << 32 | half(Gpr::RAX);
    let mut saved = [0; 8];
    // XSTATE_BV says what was not left out (Intel SDM vol. 1, 13.4.2).
    let known = compacted && memory.read(area.wrapping_add(XSTATE_BV), &mut saved);
    let written = if known { u64::from_le_bytes(saved) } else { u64::MAX };
    layout.parts(asked, written, compacted)
}

/// What an instruction loaded from `at`: `bytes` bytes, of which the elements with bits
/// in `mask` were read, and the others count as zero.
pub fn load(memory: &Memory, at: u64, bytes: u8, element: u8, mask: u64) -> [u8; 64] {
    let mut loaded = [0; 64];
    let whole = &mut loaded[..usize::from(bytes.min(64))];
    let all = memory.read(at, whole);
    for (index, cell) in whole.chunks_mut(element.max(1).into()).enumerate() {
        if mask >> index & 1 == 0 {
            cell.fill(0);
        } else if !all {
            memory.read(at.wrapping_add(index as u64 * u64::from(element)), cell);
        }
    }
    loaded
}

/// The bytes between rdi before and rdi after, whichever way it went.
fn string_range(before: &Registers, after: &Registers, element: u8, size: u8) -> (u64, usize) {
    let cut = |value: u64| if size == 4 { value & 0xffff_ffff } else { value };
    let rdi = Gpr::RDI.index();
    let (from, to) = (cut(before.gpr[rdi]), cut(after.gpr[rdi]));
    if to >= from {
        (from, (to - from) as usize)
    } else {
        // Backwards: each element lies at and above its rdi.
        (to.wrapping_add(element.into()), (from - to) as usize)
    }
}
