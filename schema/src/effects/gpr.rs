//! General registers, and what else iced-x86 says is written.

use super::computed::computed;
use super::draft::Draft;
use super::effect::{Effect, Source};
use super::forms::{form, identity};
use super::subject::{Subject, gpr, is_write};
use iced_x86::{Mnemonic, Register};

/// Registers whose new value follows from the old ones.
pub(super) fn derived(subject: &Subject, draft: &mut Draft) {
    if subject.mnemonic() == Mnemonic::Xchg {
        return exchange(subject, draft);
    }
    if let Some((register, source)) = form(subject) {
        return draft.gpr(register, source);
    }
    computed(subject, draft);
}

/// `xchg r, r`: each takes the other's old value. With the accumulator's high
/// byte or memory on the other side, the log tells.
fn exchange(subject: &Subject, draft: &mut Draft) {
    if let (Some((first, width)), Some((second, _))) = (subject.gpr(0), subject.gpr(1)) {
        draft.gpr(first, Source::Form(identity(second, width)));
        draft.gpr(second, Source::Form(identity(first, width)));
    }
}

/// Every register that iced-x86 lists as written, explicitly or not. Vectors
/// are not taken from here: it reports all VEX writes as ZMM.
pub(super) fn logged(subject: &Subject, draft: &mut Draft) {
    let written = subject.info.used_registers().iter().filter(|used| is_write(used.access()));
    for register in written.map(|used| used.register()) {
        if let Some(gpr) = gpr(register) {
            draft.gpr_written(gpr);
        } else if register.is_k() {
            draft.mask_written(register.number() as u8);
        } else if register.is_mm() || register.is_st() {
            draft.add(Effect::X87);
        } else if !register.is_vector_register() && !is_base_write(subject, register) {
            draft.unknown();
        }
    }
}

/// wrfsbase and wrgsbase write a segment's base, not its selector.
fn is_base_write(subject: &Subject, register: Register) -> bool {
    register.is_segment_register()
        && matches!(subject.mnemonic(), Mnemonic::Wrfsbase | Mnemonic::Wrgsbase)
}
