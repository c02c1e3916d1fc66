//! Stores of string instructions, with and without rep.

use super::draft::Draft;
use super::effect::{Address, Bulk, Effect, Form, Kind, Source};
use super::forms::identity;
use super::subject::Subject;
use crate::registers::Gpr;
use iced_x86::{Mnemonic, OpKind};

/// movs, stos and ins store at es:rdi; the others only move registers.
pub(super) fn strings(subject: &Subject, kind: Kind, draft: &mut Draft) {
    if !subject.instruction.is_string_instruction() {
        return;
    }
    let address_size = match subject.kind(0) {
        Some(OpKind::MemoryESRDI) => 8,
        Some(OpKind::MemoryESEDI) => 4,
        // Compares and loads have it elsewhere, or write no memory.
        _ => return,
    };
    if !subject.writes(0) {
        return;
    }
    let element = match subject.memory_bytes() {
        bytes @ (1 | 2 | 4 | 8) => bytes as u8,
        _ => return draft.unknown(),
    };
    if kind == Kind::RepString {
        return draft.bulk(Bulk::RepString { element, address_size });
    }
    let form = Form { width: address_size, ..Form::offset(Gpr::RDI, 0) };
    let address = Address { form, segment: None };
    draft.add(Effect::Store { address, size: element, source: stored(subject, element) });
}

fn stored(subject: &Subject, element: u8) -> Source {
    match subject.mnemonic() {
        Mnemonic::Stosb | Mnemonic::Stosw | Mnemonic::Stosd | Mnemonic::Stosq => {
            Source::Form(identity(Gpr::RAX, element))
        }
        _ => Source::Logged,
    }
}
