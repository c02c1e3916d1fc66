//! Properties of `effects` over everything that decodes.

use super::super::ends_block;
use super::super::subject::{gpr, is_write};
use super::*;
use iced_x86::{Code, InstructionInfoFactory};
use proptest::prelude::*;

/// Whether all that iced-x86 lists as written is in the list, in some form.
fn covers(effects: &Effects, instruction: &Instruction) -> bool {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let wrote = |access| is_write(access);
    let registers = info.used_registers().iter().filter(|used| wrote(used.access())).all(|used| {
        match gpr(used.register()) {
            Some(wanted) => effects
                .list
                .iter()
                .any(|e| matches!(e, Effect::Gpr { register, .. } if *register == wanted)),
            None => !effects.list.is_empty(),
        }
    });
    let stores = effects.list.iter().any(|effect| {
        matches!(
            effect,
            Effect::Store { .. }
                | Effect::StoreVector { .. }
                | Effect::StoreMasked { .. }
                | Effect::StoreBytes { .. }
                | Effect::StoreBulk
        )
    });
    registers && (stores || !info.used_memory().iter().any(|used| wrote(used.access())))
}

fn is_consistent(effects: &Effects) -> bool {
    let bulk = effects.list.contains(&Effect::StoreBulk);
    let sized = effects.list.iter().all(|effect| match effect {
        Effect::StoreBytes { bytes, .. } => (1..=1024).contains(bytes),
        Effect::Store { size, .. } => matches!(size, 1 | 2 | 4 | 8),
        Effect::StoreVector { bytes, .. } => matches!(bytes, 4 | 8 | 16 | 32 | 64),
        Effect::StoreMasked { bytes, element, mask, .. } => {
            matches!(bytes, 4 | 8 | 16 | 32 | 64) && element <= bytes && (1..8).contains(mask)
        }
        Effect::Vector { bytes, register, .. } => matches!(bytes, 16 | 32 | 64) && *register < 32,
        _ => true,
    });
    bulk == effects.bulk.is_some() && sized
}

/// Beginnings that lead to every opcode map.
const PREFIXES: &[&[u8]] =
    &[&[], &[0x0f], &[0x0f, 0x38], &[0xc4], &[0x62], &[0x66, 0x0f], &[0xf3, 0x0f]];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn nothing_that_decodes_panics_or_is_left_out(
        prefix in prop::sample::select(PREFIXES),
        bytes in any::<[u8; 15]>(),
    ) {
        let code = [prefix, &bytes].concat();
        let instruction = decode(&code[..15]);
        let effects = effects(&instruction);
        ends_block(&instruction);
        prop_assert!(is_consistent(&effects), "{effects:?}");
        let covered = effects.kind == Kind::Opaque || covers(&effects, &instruction);
        prop_assert!(covered, "{instruction:?} {effects:?}");
    }
}

/// x87 is recognised by features; this holds that to the names.
#[test]
fn all_x87_names_are_x87() {
    let other = ["Fxsave", "Fxrstor", "INVALID"];
    for code in Code::values() {
        let name = format!("{:?}", code.mnemonic());
        if !name.starts_with('F') || other.iter().any(|other| name.starts_with(other)) {
            continue;
        }
        let mut instruction = Instruction::default();
        instruction.set_code(code);
        let effects = effects(&instruction);
        let logs = effects.list.contains(&Effect::X87);
        assert!(logs || effects.kind == Kind::Opaque, "{code:?}");
    }
}
