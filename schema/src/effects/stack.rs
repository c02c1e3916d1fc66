//! The stack pointer, and what push, call and enter store.

use super::draft::Draft;
use super::effect::{Address, Effect, Form, Source};
use super::forms::identity;
use super::subject::Subject;
use crate::registers::Gpr;
use iced_x86::{Code, Mnemonic};

/// Stack effects. The stack's address size is 64 bits in 64-bit mode, whatever
/// the prefixes (Intel SDM vol. 1, 6.2.5).
pub(super) fn stack(subject: &Subject, draft: &mut Draft) {
    match subject.mnemonic() {
        Mnemonic::Push | Mnemonic::Pushf | Mnemonic::Pushfq => push(subject, draft),
        Mnemonic::Pop => pop(subject, draft),
        Mnemonic::Popf | Mnemonic::Popfq | Mnemonic::Ret => move_pointer(subject, draft),
        Mnemonic::Call => {
            let target = Source::Const(subject.instruction.next_ip());
            store(8, target, draft);
            move_pointer(subject, draft);
        }
        Mnemonic::Leave => leave(subject, draft),
        Mnemonic::Enter => enter(subject, draft),
        _ => {}
    }
}

fn push(subject: &Subject, draft: &mut Draft) {
    let size = match subject.instruction.stack_pointer_increment() {
        -8 => 8,
        -2 => 2,
        _ => return draft.unknown(),
    };
    store(size, pushed(subject, size), draft);
    move_pointer(subject, draft);
}

/// What push stores; `push rsp` the old rsp.
fn pushed(subject: &Subject, size: u8) -> Source {
    if let Some(value) = subject.immediate(0) {
        return Source::Const(value);
    }
    match subject.gpr(0) {
        Some((register, _)) => Source::Form(identity(register, size)),
        None => Source::Logged,
    }
}

/// `pop rsp` ends with the popped value, not the incremented pointer.
fn pop(subject: &Subject, draft: &mut Draft) {
    match subject.gpr(0) {
        Some((Gpr::RSP, _)) => draft.gpr(Gpr::RSP, Source::Logged),
        _ => move_pointer(subject, draft),
    }
}

fn leave(subject: &Subject, draft: &mut Draft) {
    match subject.instruction.code() {
        Code::Leaveq => draft.gpr(Gpr::RSP, Source::Form(Form::offset(Gpr::RBP, 8))),
        Code::Leavew => draft.gpr(Gpr::RSP, Source::Form(Form::offset(Gpr::RBP, 2))),
        _ => draft.unknown(),
    }
}

/// Only what compilers emit: no nested frames, 64-bit.
fn enter(subject: &Subject, draft: &mut Draft) {
    let instruction = subject.instruction;
    if instruction.code() != Code::Enterq_imm16_imm8 || instruction.immediate8_2nd() & 31 != 0 {
        return draft.unknown();
    }
    store(8, Source::Form(identity(Gpr::RBP, 8)), draft);
    draft.gpr(Gpr::RBP, Source::Form(Form::offset(Gpr::RSP, -8)));
    move_pointer(subject, draft);
}

fn move_pointer(subject: &Subject, draft: &mut Draft) {
    let by = i64::from(subject.instruction.stack_pointer_increment());
    draft.gpr(Gpr::RSP, Source::Form(Form::offset(Gpr::RSP, by)));
}

/// A store just below the stack pointer.
fn store(size: u8, source: Source, draft: &mut Draft) {
    let form = Form::offset(Gpr::RSP, -i64::from(size));
    draft.add(Effect::Store { address: Address { form, segment: None }, size, source });
}
