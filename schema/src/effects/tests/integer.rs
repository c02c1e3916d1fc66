//! Moves, arithmetic, flags.

use super::*;
use iced_x86::code_asm::*;

const AX: Gpr = Gpr::RAX;
const BX: Gpr = Gpr::RBX;

#[test]
fn moves_between_registers_are_forms() {
    let cases = [
        (assemble(|a| a.mov(eax, ebx)), low(BX, 4, Extend::Zero)),
        (assemble(|a| a.mov(rax, rbx)), low(BX, 8, Extend::Zero)),
        (assemble(|a| a.mov(al, bl)), low(BX, 1, Extend::Merge)),
        (assemble(|a| a.mov(ax, bx)), low(BX, 2, Extend::Merge)),
        (assemble(|a| a.movzx(eax, bl)), low(BX, 1, Extend::Zero)),
        (assemble(|a| a.movsx(eax, bx)), low(BX, 2, Extend::Sign32)),
        (assemble(|a| a.movsxd(rax, ebx)), low(BX, 4, Extend::Sign64)),
        (assemble(|a| a.cdqe()), low(AX, 4, Extend::Sign64)),
        (assemble(|a| a.cwde()), low(AX, 2, Extend::Sign32)),
    ];
    for (effects, form) in cases {
        assert_eq!(plain(effects), [formed(AX, form)]);
    }
}

#[test]
fn what_does_not_follow_is_logged() {
    let cases = [
        assemble(|a| a.mov(ah, bl)),
        assemble(|a| a.movzx(ax, bl)),
        assemble(|a| a.mov(rax, qword_ptr(rbx))),
        assemble(|a| a.cmove(eax, dword_ptr(rbx))),
        assemble(|a| a.cbw()),
        assemble(|a| a.xchg(al, ah)),
    ];
    for effects in cases {
        assert_eq!(plain(effects), [logged(AX)]);
    }
}

#[test]
fn immediates_are_constants() {
    let value = |effects| plain(effects).remove(0);
    let constant = |value| Effect::Gpr { register: AX, source: Source::Const(value) };
    assert_eq!(value(assemble(|a| a.mov(eax, -1))), constant(0xffff_ffff));
    assert_eq!(value(of(&[0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff])), constant(u64::MAX));
    assert_eq!(value(assemble(|a| a.xor(eax, eax))), constant(0));
    assert_eq!(value(assemble(|a| a.sub(rax, rax))), constant(0));
    let merged = Form { base: None, disp: 5, ..low(AX, 1, Extend::Merge) };
    assert_eq!(value(assemble(|a| a.mov(al, 5))), formed(AX, merged));
}

#[test]
fn arithmetic_with_immediates_is_linear_and_writes_flags() {
    let form = |disp| Form { disp, ..low(AX, 4, Extend::Zero) };
    let scaled = |scale| Form { base: None, index: Some(AX), scale, ..Form::offset(AX, 0) };
    let sum = Form { index: Some(BX), ..Form::offset(AX, 0) };
    let cases = [
        (assemble(|a| a.add(eax, 7)), form(7)),
        (assemble(|a| a.sub(eax, 7)), form(-7)),
        (assemble(|a| a.inc(eax)), form(1)),
        (assemble(|a| a.dec(eax)), form(-1)),
        (assemble(|a| a.shl(rax, 1)), scaled(2)),
        (assemble(|a| a.shl(rax, 3)), scaled(8)),
        (assemble(|a| a.add(rax, rbx)), sum),
    ];
    for (effects, form) in cases {
        let list = plain(effects);
        assert_eq!(list[0], formed(AX, form));
        assert!(matches!(list[1..], [Effect::StatusFlags | Effect::FlagsOf { .. }]));
    }
}

#[test]
fn lea_cuts_to_address_and_operand_size() {
    let sum = Form { index: Some(Gpr::RCX), scale: 4, disp: 8, ..Form::offset(BX, 0) };
    let narrow = Form { width: 4, ..sum };
    assert_eq!(plain(assemble(|a| a.lea(rax, rbx + rcx * 4 + 8))), [formed(AX, sum)]);
    assert_eq!(plain(assemble(|a| a.lea(eax, rbx + rcx * 4 + 8))), [formed(AX, narrow)]);
    assert_eq!(plain(assemble(|a| a.lea(rax, ebx + ecx * 4 + 8))), [formed(AX, narrow)]);
    let relative = Form { base: None, disp: IP as i64 + 7 + 0x10, ..Form::offset(AX, 0) };
    assert_eq!(plain(of(&[0x48, 0x8d, 0x05, 0x10, 0, 0, 0])), [formed(AX, relative)]);
    // A segment prefix does not count.
    assert_eq!(plain(of(&[0x64, 0x48, 0x8d, 0x03])), [formed(AX, Form::offset(BX, 0))]);
}

#[test]
fn xchg_swaps_the_old_values() {
    let effects = plain(assemble(|a| a.xchg(rax, rbx)));
    assert_eq!(effects, [formed(AX, Form::offset(BX, 0)), formed(BX, Form::offset(AX, 0))]);
    let effects = plain(assemble(|a| a.xchg(dword_ptr(rcx), eax)));
    let stored = Source::Form(low(AX, 4, Extend::Zero));
    assert_eq!(effects, [logged(AX), store(at(Gpr::RCX, 0), 4, stored)]);
}

#[test]
fn multiplications_and_divisions_log_both_halves() {
    for effects in [assemble(|a| a.mul(qword_ptr(rbx))), assemble(|a| a.idiv(rbx))] {
        let list = plain(effects);
        assert!(list.contains(&logged(AX)) && list.contains(&logged(Gpr::RDX)));
        assert!(list.contains(&Effect::StatusFlags));
    }
    let list = plain(assemble(|a| a.mulx(rax, rbx, qword_ptr(rcx))));
    assert_eq!(list, [logged(AX), logged(BX)]);
}

#[test]
fn stores_of_registers_and_immediates_are_derived() {
    let form = Source::Form(low(AX, 4, Extend::Zero));
    assert_eq!(plain(assemble(|a| a.mov(dword_ptr(rbx + 8), eax))), [store(at(BX, 8), 4, form)]);
    assert_eq!(
        plain(assemble(|a| a.mov(qword_ptr(rbx), -2))),
        [store(at(BX, 0), 8, Source::Const(-2i64 as u64))]
    );
    assert_eq!(plain(assemble(|a| a.not(byte_ptr(rbx)))), [store(at(BX, 0), 1, Source::Logged)]);
    let in_fs = Address { segment: Some(Segment::Fs), ..at(BX, 0) };
    let stored = Source::Form(Form::offset(AX, 0));
    assert_eq!(plain(of(&[0x64, 0x48, 0x89, 0x03])), [store(in_fs, 8, stored)]);
}

#[test]
fn only_flag_writers_write_flags() {
    let of_flags = |mask, value| [Effect::FlagsConst { mask, value }];
    assert_eq!(plain(assemble(|a| a.cld())), of_flags(0x400, 0));
    assert_eq!(plain(assemble(|a| a.std())), of_flags(0x400, 0x400));
    assert_eq!(plain(assemble(|a| a.clc())), of_flags(1, 0));
    assert_eq!(plain(assemble(|a| a.stc())), of_flags(1, 1));
    let writers = [
        assemble(|a| a.cmc()),
        assemble(|a| a.sahf()),
        assemble(|a| a.cmp(rax, qword_ptr(rbx))),
        assemble(|a| a.test(qword_ptr(rbx), rax)),
        assemble(|a| a.bt(rax, rbx)),
        assemble(|a| a.ptest(xmm0, xmm1)),
        assemble(|a| a.vtestps(xmm0, xmm1)),
        assemble(|a| a.kortestw(k1, k2)),
    ];
    for effects in writers {
        assert_eq!(plain(effects), [Effect::StatusFlags]);
    }
    assert_eq!(plain(assemble(|a| a.nop())), []);
    assert_eq!(plain(assemble(|a| a.lahf())), [logged(AX)]);
}
