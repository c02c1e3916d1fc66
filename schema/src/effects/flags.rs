//! RFLAGS.

use super::draft::Draft;
use super::effect::{Effect, Undefined};
use super::status;
use super::subject::Subject;
use iced_x86::{Mnemonic, RflagsBits};

const CARRY: u32 = 1;
const DIRECTION: u32 = 1 << 10;

/// The six status flags in iced-x86's numbering; its C0–C3 are x87's.
const STATUS: u32 = RflagsBits::OF
    | RflagsBits::SF
    | RflagsBits::ZF
    | RflagsBits::AF
    | RflagsBits::CF
    | RflagsBits::PF;

/// System flags that no handled instruction but these below may write.
const SYSTEM: u32 = RflagsBits::DF | RflagsBits::IF | RflagsBits::AC | RflagsBits::UIF;

/// The flags an instruction writes, or leaves undefined.
pub(super) fn flags(subject: &Subject, undefined: Undefined, draft: &mut Draft) {
    if let Some(derived) = status::derived(subject, undefined) {
        return draft.add(derived);
    }
    match subject.mnemonic() {
        Mnemonic::Clc => draft.add(Effect::FlagsConst { mask: CARRY, value: 0 }),
        Mnemonic::Stc => draft.add(Effect::FlagsConst { mask: CARRY, value: CARRY }),
        Mnemonic::Cld => draft.add(Effect::FlagsConst { mask: DIRECTION, value: 0 }),
        Mnemonic::Std => draft.add(Effect::FlagsConst { mask: DIRECTION, value: DIRECTION }),
        Mnemonic::Popf | Mnemonic::Popfq | Mnemonic::Syscall => draft.add(Effect::Flags),
        // iced-x86 takes a count that is a multiple of the width for no change;
        // CPUs differ there (AMD's rcr writes OF).
        Mnemonic::Rcl
        | Mnemonic::Rcr
        | Mnemonic::Rol
        | Mnemonic::Ror
        | Mnemonic::Shl
        | Mnemonic::Sal
        | Mnemonic::Shr
        | Mnemonic::Sar
        | Mnemonic::Shld
        | Mnemonic::Shrd => draft.add(Effect::StatusFlags),
        _ => modified(subject.instruction.rflags_modified(), draft),
    }
}

fn modified(bits: u32, draft: &mut Draft) {
    if bits & STATUS != 0 {
        draft.add(Effect::StatusFlags);
    }
    if bits & SYSTEM != 0 {
        draft.unknown();
    }
}
