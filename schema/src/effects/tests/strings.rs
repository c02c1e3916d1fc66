//! String instructions, with and without rep.

use super::super::Bulk;
use super::*;

fn sorted(effects: &Effects) -> Vec<Gpr> {
    let mut registers: Vec<Gpr> = effects
        .list
        .iter()
        .filter_map(|effect| match effect {
            Effect::Gpr { register, source: Source::Logged } => Some(*register),
            _ => None,
        })
        .collect();
    registers.sort();
    registers
}

#[test]
fn one_element_is_an_ordinary_store() {
    let effects = assemble(|a| a.stosd());
    let value = Source::Form(low(Gpr::RAX, 4, Extend::Zero));
    assert_eq!(plain(effects), [logged(Gpr::RDI), store(at(Gpr::RDI, 0), 4, value)]);
    let effects = assemble(|a| a.movsq());
    assert_eq!(sorted(&effects), [Gpr::RSI, Gpr::RDI]);
    assert!(plain(effects).contains(&store(at(Gpr::RDI, 0), 8, Source::Logged)));
    let effects = assemble(|a| a.lodsb());
    assert_eq!(sorted(&effects), [Gpr::RAX, Gpr::RSI]);
    assert!(plain(assemble(|a| a.cmpsb())).contains(&Effect::StatusFlags));
}

#[test]
fn repeated_stores_are_bulk() {
    for (effects, element, registers) in [
        (assemble(|a| a.rep().stosb()), 1, &[Gpr::RCX, Gpr::RDI][..]),
        (assemble(|a| a.rep().movsq()), 8, &[Gpr::RCX, Gpr::RSI, Gpr::RDI]),
        // repne repeats movs as rep does.
        (of(&[0xf2, 0xa5]), 4, &[Gpr::RCX, Gpr::RSI, Gpr::RDI]),
    ] {
        assert_eq!(effects.kind, Kind::RepString);
        assert_eq!(sorted(&effects), registers);
        assert!(effects.list.contains(&Effect::StoreBulk));
        assert_eq!(effects.bulk, Some(Bulk::RepString { element, address_size: 8 }));
    }
    let narrow = of(&[0x67, 0xf3, 0xaa]);
    assert_eq!(narrow.bulk, Some(Bulk::RepString { element: 1, address_size: 4 }));
    assert!(!super::super::ends_block(&decode(&[0xf3, 0xaa])));
}

#[test]
fn repeated_compares_and_loads_store_nothing() {
    let scan = assemble(|a| a.repne().scasb());
    assert_eq!((scan.kind, scan.bulk), (Kind::RepString, None));
    assert_eq!(sorted(&scan), [Gpr::RCX, Gpr::RDI]);
    assert!(scan.list.contains(&Effect::StatusFlags));
    let compare = assemble(|a| a.repe().cmpsb());
    assert_eq!(sorted(&compare), [Gpr::RCX, Gpr::RSI, Gpr::RDI]);
    let load = assemble(|a| a.rep().lodsq());
    assert_eq!(sorted(&load), [Gpr::RAX, Gpr::RCX, Gpr::RSI]);
}
