//! Destinations that are linear forms over the registers before.

use super::effect::{Extend, Form, Source};
use super::subject::{Subject, extend};
use crate::registers::Gpr;
use iced_x86::Mnemonic;

/// The low `width` bytes of `register`, written to a register.
pub(super) fn identity(register: Gpr, width: u8) -> Form {
    Form { width, extend: extend(width), ..Form::offset(register, 0) }
}

/// The one general register an instruction derives, and how.
pub(super) fn form(subject: &Subject) -> Option<(Gpr, Source)> {
    match subject.mnemonic() {
        Mnemonic::Cdqe => return Some((Gpr::RAX, sign(Gpr::RAX, 4, 8)?)),
        Mnemonic::Cwde => return Some((Gpr::RAX, sign(Gpr::RAX, 2, 4)?)),
        _ => {}
    }
    let (register, width) = subject.gpr(0)?;
    let source = match subject.mnemonic() {
        Mnemonic::Mov => moved(subject, width)?,
        Mnemonic::Movzx => zero_extended(subject, width)?,
        Mnemonic::Movsx | Mnemonic::Movsxd => {
            let (from, from_width) = subject.gpr(1)?;
            sign(from, from_width, width)?
        }
        Mnemonic::Lea => Source::Form(effective_address(subject, width)?),
        Mnemonic::Add => sum(subject, register, width)?,
        Mnemonic::Sub => difference(subject, register, width)?,
        Mnemonic::Inc => offset(register, 1, width),
        Mnemonic::Dec => offset(register, -1, width),
        Mnemonic::Shl | Mnemonic::Sal => shifted(subject, register, width)?,
        Mnemonic::Xor if is_same(subject) => constant(0, width),
        Mnemonic::Or | Mnemonic::And if is_same(subject) => Source::Form(identity(register, width)),
        _ => return None,
    };
    Some((register, source))
}

fn moved(subject: &Subject, width: u8) -> Option<Source> {
    if let Some(value) = subject.immediate(1) {
        return Some(constant(value, width));
    }
    subject.gpr(1).map(|(from, _)| Source::Form(identity(from, width)))
}

/// movzx to 16 bits merges a value narrower than what it writes: no form.
fn zero_extended(subject: &Subject, width: u8) -> Option<Source> {
    let (from, from_width) = subject.gpr(1)?;
    let form = Form { extend: Extend::Zero, ..identity(from, from_width) };
    (width >= 4).then_some(Source::Form(form))
}

/// `from`'s low bytes sign-extended to a register of `width` bytes; none for 16
/// bits, as there.
fn sign(from: Gpr, from_width: u8, width: u8) -> Option<Source> {
    let extend = match width {
        4 => Extend::Sign32,
        8 => Extend::Sign64,
        _ => return None,
    };
    Some(Source::Form(Form { extend, ..identity(from, from_width) }))
}

/// `lea` adds no segment base; a narrow address or destination cuts the value.
fn effective_address(subject: &Subject, width: u8) -> Option<Form> {
    let address = subject.address()?.form;
    Some(Form { width: address.width.min(width), extend: extend(width), ..address })
}

fn sum(subject: &Subject, register: Gpr, width: u8) -> Option<Source> {
    if let Some(value) = subject.immediate(1) {
        return Some(offset(register, value as i64, width));
    }
    let (other, _) = subject.gpr(1)?;
    Some(Source::Form(Form { index: Some(other), ..identity(register, width) }))
}

fn difference(subject: &Subject, register: Gpr, width: u8) -> Option<Source> {
    if is_same(subject) {
        return Some(constant(0, width));
    }
    let value = subject.immediate(1)?;
    Some(offset(register, (value as i64).wrapping_neg(), width))
}

/// A shift by 1, 2 or 3 is a scale. Other counts are masked or too large.
fn shifted(subject: &Subject, register: Gpr, width: u8) -> Option<Source> {
    let scale = match subject.immediate(1)? {
        1 => 2,
        2 => 4,
        3 => 8,
        _ => return None,
    };
    let form = Form { base: None, index: Some(register), scale, ..identity(register, width) };
    Some(Source::Form(form))
}

fn offset(register: Gpr, disp: i64, width: u8) -> Source {
    Source::Form(Form { disp, ..identity(register, width) })
}

/// A constant written to `width` bytes of a register.
fn constant(value: u64, width: u8) -> Source {
    match width {
        8 => Source::Const(value),
        4 => Source::Const(value & 0xffff_ffff),
        _ => Source::Form(Form {
            base: None,
            index: None,
            scale: 1,
            disp: value as i64,
            width,
            extend: Extend::Merge,
        }),
    }
}

fn is_same(subject: &Subject) -> bool {
    subject.gpr(0).is_some() && subject.gpr(0) == subject.gpr(1)
}
