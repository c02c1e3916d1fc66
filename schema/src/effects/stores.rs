//! Stores through memory operands.

use super::bulk::bulk;
use super::computed::stored;
use super::draft::Draft;
use super::effect::{Address, Effect, Form, Source};
use super::forms::identity;
use super::subject::Subject;
use crate::registers::Gpr;
use iced_x86::Mnemonic;

/// The store of an explicit memory operand, if it has one that is written.
pub(super) fn stores(subject: &Subject, draft: &mut Draft) {
    if let Some(bulk) = bulk(subject) {
        return draft.bulk(bulk);
    }
    if !subject.written().any(|operand| subject.is_memory(operand)) {
        return;
    }
    match (subject.address(), subject.memory_bytes()) {
        (None, _) | (_, 0 | 1025..) => draft.unknown(),
        (Some(address), bytes) => {
            let address = popped(subject, address);
            draft.add(sized(subject, address, bytes));
        }
    }
}

/// `pop [rsp + x]` computes its address with rsp already incremented (Intel
/// SDM vol. 2, POP).
fn popped(subject: &Subject, address: Address) -> Address {
    if subject.mnemonic() != Mnemonic::Pop || address.form.base != Some(Gpr::RSP) {
        return address;
    }
    let by = i64::from(subject.instruction.stack_pointer_increment());
    let form = Form { disp: address.form.disp.wrapping_add(by), ..address.form };
    Address { form, ..address }
}

fn sized(subject: &Subject, address: Address, bytes: usize) -> Effect {
    let register = subject.register(1);
    if register.is_vector_register() && bytes >= 4 && stores_low_bytes(subject.mnemonic()) {
        let number = register.number() as u8;
        let instruction = subject.instruction;
        if instruction.has_op_mask() {
            return Effect::StoreMasked {
                address,
                register: number,
                mask: instruction.op_mask().number() as u8,
                element: instruction.memory_size().element_size() as u8,
                bytes: bytes as u8,
            };
        }
        return Effect::StoreVector { address, register: number, bytes: bytes as u8 };
    }
    match bytes {
        1 | 2 | 4 | 8 => {
            Effect::Store { address, size: bytes as u8, source: source(subject, bytes as u8) }
        }
        _ => Effect::StoreBytes { address, bytes: bytes as u16 },
    }
}

/// The value of a scalar store, where it is known beforehand.
fn source(subject: &Subject, size: u8) -> Source {
    match subject.mnemonic() {
        Mnemonic::Mov | Mnemonic::Movnti | Mnemonic::Movdiri | Mnemonic::Xchg => {}
        _ => return stored(subject, size).unwrap_or(Source::Logged),
    }
    // `xchg` may have its memory operand on either side after decoding.
    let operand = u32::from(subject.is_memory(0));
    if let Some(value) = subject.immediate(operand) {
        return Source::Const(value);
    }
    match subject.gpr(operand) {
        Some((register, width)) if width == size => Source::Form(identity(register, size)),
        _ => stored(subject, size).unwrap_or(Source::Logged),
    }
}

/// Moves that store the low bytes of their vector register, unchanged.
/// Others are logged, which is right for these too.
pub(super) fn stores_low_bytes(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(
        mnemonic,
        M::Movaps
            | M::Movups
            | M::Movapd
            | M::Movupd
            | M::Movdqa
            | M::Movdqu
            | M::Movss
            | M::Movsd
            | M::Movd
            | M::Movq
            | M::Movlps
            | M::Movlpd
            | M::Movntps
            | M::Movntpd
            | M::Movntdq
            | M::Movntss
            | M::Movntsd
            | M::Vmovaps
            | M::Vmovups
            | M::Vmovapd
            | M::Vmovupd
            | M::Vmovdqa
            | M::Vmovdqu
            | M::Vmovdqa32
            | M::Vmovdqa64
            | M::Vmovdqu8
            | M::Vmovdqu16
            | M::Vmovdqu32
            | M::Vmovdqu64
            | M::Vmovss
            | M::Vmovsd
            | M::Vmovd
            | M::Vmovq
            | M::Vmovlps
            | M::Vmovlpd
            | M::Vmovntps
            | M::Vmovntpd
            | M::Vmovntdq
    )
}
