//! Bit strings, compare-and-exchange, exchange-and-add.

use super::super::{Bulk, bit_string_address};
use super::*;
use crate::registers::Registers;
use iced_x86::code_asm::*;

#[test]
fn a_register_bit_offset_moves_the_store() {
    let effects = assemble(|a| a.bts(dword_ptr(rbx), ecx));
    let bulk = Bulk::BitString { address: at(Gpr::RBX, 0), index: Gpr::RCX, bytes: 4 };
    assert_eq!(
        (effects.list.as_slice(), effects.bulk),
        (&[Effect::StatusFlags, Effect::StoreBulk][..], Some(bulk))
    );
    let mut registers = Registers::default();
    registers.gpr[3] = 0x1000;
    let mut address = |offset: u64, bytes| {
        registers.gpr[1] = offset;
        bit_string_address(&at(Gpr::RBX, 0), Gpr::RCX, bytes, &registers)
    };
    assert_eq!(address(31, 4), 0x1000);
    assert_eq!(address(32, 4), 0x1004);
    assert_eq!(address(-1i64 as u64, 4), 0xffc);
    // Only the operand's bytes of the offset count.
    assert_eq!(address(0xffff_ffff, 4), 0xffc);
    assert_eq!(address(0xffff_ffff, 8), 0x1000 + 0x1fff_fff8);
}

#[test]
fn an_immediate_bit_offset_does_not() {
    let list = plain(assemble(|a| a.btr(qword_ptr(rbx), 70)));
    assert_eq!(list, [Effect::StatusFlags, store(at(Gpr::RBX, 0), 8, Source::Logged)]);
    assert_eq!(plain(assemble(|a| a.bt(dword_ptr(rbx), ecx))), [Effect::StatusFlags]);
}

#[test]
fn scans_log_even_what_they_may_leave_alone() {
    for effects in [assemble(|a| a.bsf(rax, rbx)), assemble(|a| a.tzcnt(rax, rbx))] {
        assert_eq!(plain(effects), [logged(Gpr::RAX), Effect::StatusFlags]);
    }
}

#[test]
fn compare_and_exchange_logs_accumulator_and_destination() {
    let stored = store(at(Gpr::RBX, 0), 4, Source::Logged);
    let list = plain(assemble(|a| a.lock().cmpxchg(dword_ptr(rbx), ecx)));
    assert!(list.contains(&logged(Gpr::RAX)) && list.contains(&stored));
    let list = plain(assemble(|a| a.cmpxchg(edx, ecx)));
    assert!(list.contains(&logged(Gpr::RAX)) && list.contains(&logged(Gpr::RDX)));
    let list = plain(assemble(|a| a.cmpxchg16b(xmmword_ptr(rbx))));
    let bytes = Effect::StoreBytes { address: at(Gpr::RBX, 0), bytes: 16 };
    for effect in [logged(Gpr::RAX), logged(Gpr::RDX), Effect::StatusFlags, bytes] {
        assert!(list.contains(&effect));
    }
    let list = plain(assemble(|a| a.cmpxchg8b(qword_ptr(rbx))));
    assert!(list.contains(&store(at(Gpr::RBX, 0), 8, Source::Logged)));
    let list = plain(assemble(|a| a.xadd(qword_ptr(rbx), rcx)));
    assert!(list.contains(&logged(Gpr::RCX)));
}
