//! Stores whose places or lengths vary from one execution to the next.

use super::effect::{Address, Bulk, Extend, Form};
use super::masked::StoreMask;
use super::stores::stores_low_bytes;
use super::subject::Subject;
use crate::registers::{Gpr, Registers};
use iced_x86::{Mnemonic, OpKind};

/// How the instruction's stores are found, if a fixed address and length do
/// not say.
pub(super) fn bulk(subject: &Subject) -> Option<Bulk> {
    if let Some(address) = implicit_address(subject) {
        return Some(masked(subject, address, StoreMask::signs(subject.register(2), 1)));
    }
    if !subject.is_memory(0) || !subject.writes(0) {
        return None;
    }
    let address = subject.address()?;
    if subject.instruction.is_vsib() {
        return scatter(subject, address);
    }
    match subject.mnemonic() {
        Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc => bit_string(subject, address),
        mnemonic if is_xsave(mnemonic) => {
            let compacted = matches!(mnemonic, Mnemonic::Xsavec | Mnemonic::Xsavec64);
            Some(Bulk::Xsave { address, compacted })
        }
        mnemonic if subject.instruction.has_op_mask() && stores_low_bytes(mnemonic) => None,
        mnemonic if is_vector_mask(mnemonic) => {
            Some(masked(subject, address, StoreMask::signs(subject.register(1), element(subject))))
        }
        mnemonic if subject.instruction.has_op_mask() => {
            Some(masked(subject, address, by_mask_register(subject, mnemonic)))
        }
        _ => None,
    }
}

fn masked(subject: &Subject, address: Address, mask: StoreMask) -> Bulk {
    Bulk::Masked { address, bytes: subject.memory_bytes() as u8, mask }
}

fn by_mask_register(subject: &Subject, mnemonic: Mnemonic) -> StoreMask {
    let (mask, element) = (subject.instruction.op_mask().number() as u8, element(subject));
    if !compresses(mnemonic) {
        return StoreMask::Bits { mask, element };
    }
    let count = subject.register(1).size() as u8 / element.max(1);
    StoreMask::Count { mask, element, count }
}

/// Bytes of an element of the memory operand.
fn element(subject: &Subject) -> u8 {
    subject.instruction.memory_size().element_size() as u8
}

/// maskmovq and maskmovdqu store at rdi, in the segment a prefix names.
fn implicit_address(subject: &Subject) -> Option<Address> {
    let width = match subject.kind(0)? {
        OpKind::MemorySegRDI => 8,
        OpKind::MemorySegEDI => 4,
        _ => return None,
    };
    let form = Form { width, ..Form::offset(Gpr::RDI, 0) };
    Some(Address { form, segment: subject.segment() })
}

fn scatter(subject: &Subject, address: Address) -> Option<Bulk> {
    let instruction = subject.instruction;
    let index = instruction.memory_index();
    let index_bytes = if instruction.is_vsib64() { 8 } else { 4 };
    let element = instruction.memory_size().element_size() as u8;
    let data = subject.register(1).size() as u8;
    let count = (data.checked_div(element)?).min(index.size() as u8 / index_bytes);
    Some(Bulk::Scatter {
        address,
        index: index.number() as u8,
        index_bytes,
        scale: instruction.memory_index_scale() as u8,
        element,
        count,
        mask: instruction.op_mask().number() as u8,
    })
}

/// Only with a register as bit offset: an immediate stays within the operand.
fn bit_string(subject: &Subject, address: Address) -> Option<Bulk> {
    let (index, bytes) = subject.gpr(1)?;
    Some(Bulk::BitString { address, index, bytes })
}

fn is_xsave(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Xsave | M::Xsave64 | M::Xsavec | M::Xsavec64 | M::Xsaveopt | M::Xsaveopt64
    )
}

fn is_vector_mask(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(mnemonic, M::Vmaskmovps | M::Vmaskmovpd | M::Vpmaskmovd | M::Vpmaskmovq)
}

/// Whether it stores the chosen elements next to each other.
fn compresses(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Vcompressps
            | M::Vcompresspd
            | M::Vpcompressb
            | M::Vpcompressw
            | M::Vpcompressd
            | M::Vpcompressq
    )
}

/// Where a [`Bulk::BitString`] stores its `bytes`, from the registers before:
/// the signed bit offset in `index` selects, in units of the operand, memory
/// above or below `address` (Intel SDM vol. 2, 3.1.1.9, "Bit(BitBase,
/// BitOffset)", and BTS); the sum is cut to the address size.
pub fn bit_string_address(address: &Address, index: Gpr, bytes: u8, registers: &Registers) -> u64 {
    let extend = Extend::Sign64;
    let offset = Form { width: bytes, extend, ..Form::offset(index, 0) }.extended(registers, 0);
    let unit = i64::from(bytes.max(1));
    let displaced = (offset as i64).div_euclid(unit * 8).wrapping_mul(unit);
    let form = Form { disp: address.form.disp.wrapping_add(displaced), ..address.form };
    Address { form, ..*address }.value(registers)
}

/// Where a [`Bulk::Scatter`] stores, from the registers before: one address
/// for each element whose mask bit is set, in element order; none for other
/// kinds. An index is signed (Intel SDM vol. 2, 2.3.12); the sum is cut to the
/// address size.
pub fn scatter_addresses(bulk: &Bulk, registers: &Registers) -> Vec<u64> {
    let Bulk::Scatter { address, index, index_bytes, scale, count, mask, .. } = *bulk else {
        return Vec::new();
    };
    let mask = registers.mask.get(usize::from(mask)).copied().unwrap_or(0);
    let lanes = registers.vector.get(usize::from(index)).map_or(&[][..], |v| &v[..]);
    lanes
        .chunks_exact(usize::from(index_bytes.max(1)))
        .take(usize::from(count))
        .enumerate()
        .filter(|(lane, _)| mask >> lane & 1 != 0)
        .map(|(_, bytes)| element_address(&address, lane_index(bytes), scale, registers))
        .collect()
}

fn element_address(address: &Address, index: i64, scale: u8, registers: &Registers) -> u64 {
    let disp = address.form.disp.wrapping_add(index.wrapping_mul(i64::from(scale)));
    Address { form: Form { disp, ..address.form }, ..*address }.value(registers)
}

fn lane_index(bytes: &[u8]) -> i64 {
    match *bytes {
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}
