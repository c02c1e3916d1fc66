//! Vector registers. (Mask registers, which gathers and scatters clear too, come
//! from iced-x86's list.)

use super::draft::Draft;
use super::effect::Effect;
use super::subject::{Subject, is_write};
use iced_x86::{Mnemonic, Register};

/// Vector registers written, as wide as the operand that names them.
pub(super) fn vector(subject: &Subject, draft: &mut Draft) {
    match subject.mnemonic() {
        Mnemonic::Vzeroupper => return draft.add(Effect::ZeroVectors { keep: 16 }),
        Mnemonic::Vzeroall => return draft.add(Effect::ZeroVectors { keep: 0 }),
        _ => {}
    }
    for register in subject.written().map(|operand| subject.register(operand)) {
        if register.is_vector_register() {
            add(subject, register, register.size() as u8, draft);
        }
    }
    implicit(subject, draft);
}

/// Writes that no operand names: xmm0 of pcmpestrm and pcmpistrm.
fn implicit(subject: &Subject, draft: &mut Draft) {
    for used in subject.info.used_registers() {
        let register = used.register();
        if register.is_vector_register() && is_write(used.access()) {
            add(subject, register, 16, draft);
        }
    }
}

fn add(subject: &Subject, register: Register, bytes: u8, draft: &mut Draft) {
    let number = register.number() as u8;
    if !draft.has_vector(number) {
        let zero_upper = subject.zeroes_upper();
        draft.add(Effect::Vector { register: number, bytes, zero_upper });
    }
}
