//! Instructions that change what nothing else does.

use super::draft::Draft;
use super::effect::{Address, Bulk, Effect, Form, Kind, Source};
use super::masked::StoreMask;
use super::subject::Subject;
use crate::registers::Gpr;
use iced_x86::{Code, Mnemonic};

/// Segment bases, protection keys, the registers of `syscall`; stores whose
/// address is a register operand.
pub(super) fn special(subject: &Subject, kind: Kind, draft: &mut Draft) {
    match subject.mnemonic() {
        _ if kind == Kind::Syscall => syscall(draft),
        Mnemonic::Wrfsbase => draft.add(Effect::FsBase),
        Mnemonic::Wrgsbase => draft.add(Effect::GsBase),
        Mnemonic::Wrpkru => draft.add(Effect::Pkru),
        Mnemonic::Loop | Mnemonic::Loope | Mnemonic::Loopne => counted(subject, draft),
        Mnemonic::Movdir64b => direct_store(subject, draft),
        Mnemonic::Clzero => zero_line(subject, draft),
        _ => {}
    }
}

/// The kernel's result, the return address and the saved flags (Intel SDM vol.
/// 2, SYSCALL).
fn syscall(draft: &mut Draft) {
    for register in [Gpr::RAX, Gpr::RCX, Gpr::R11] {
        draft.gpr(register, Source::Logged);
    }
}

/// The count is rcx, or ecx with a 67h prefix.
fn counted(subject: &Subject, draft: &mut Draft) {
    let wide = matches!(
        subject.instruction.code(),
        Code::Loop_rel8_64_RCX | Code::Loope_rel8_64_RCX | Code::Loopne_rel8_64_RCX
    );
    let source = if wide { Source::Form(Form::offset(Gpr::RCX, -1)) } else { Source::Logged };
    draft.gpr(Gpr::RCX, source);
}

/// movdir64b stores 64 bytes at es:register.
fn direct_store(subject: &Subject, draft: &mut Draft) {
    let Some((register, width)) = subject.gpr(0) else { return draft.unknown() };
    let form = Form { width, ..Form::offset(register, 0) };
    draft.add(Effect::StoreBytes { address: Address { form, segment: None }, bytes: 64 });
}

/// clzero zeroes the line that holds address rax.
fn zero_line(subject: &Subject, draft: &mut Draft) {
    if subject.instruction.code() != Code::Clzeroq || subject.instruction.has_segment_prefix() {
        return draft.unknown();
    }
    let address = Address { form: Form::offset(Gpr::RAX, 0), segment: None };
    draft.bulk(Bulk::Masked { address, bytes: 64, mask: StoreMask::Line });
}
