//! push, pop, call, ret, enter, leave.

use super::*;
use iced_x86::code_asm::*;

const SP: Gpr = Gpr::RSP;

fn moved(by: i64) -> Effect {
    formed(SP, Form::offset(SP, by))
}

#[test]
fn push_stores_below_the_old_pointer() {
    let pushed = |source| vec![store(at(SP, -8), 8, source), moved(-8)];
    let of_register = |register| Source::Form(Form::offset(register, 0));
    assert_eq!(plain(assemble(|a| a.push(rbx))), pushed(of_register(Gpr::RBX)));
    assert_eq!(plain(assemble(|a| a.push(rsp))), pushed(of_register(SP)));
    assert_eq!(plain(assemble(|a| a.push(-1))), pushed(Source::Const(u64::MAX)));
    assert_eq!(plain(assemble(|a| a.push(qword_ptr(rsp + 8)))), pushed(Source::Logged));
    assert_eq!(plain(assemble(|a| a.pushfq())), pushed(Source::Logged));
    let narrow = Source::Form(low(Gpr::RBX, 2, Extend::Merge));
    assert_eq!(plain(assemble(|a| a.push(bx))), [store(at(SP, -2), 2, narrow), moved(-2)]);
}

#[test]
fn pop_uses_the_incremented_pointer() {
    assert_eq!(plain(assemble(|a| a.pop(rbx))), [moved(8), logged(Gpr::RBX)]);
    assert_eq!(plain(assemble(|a| a.pop(rsp))), [logged(SP)]);
    let stored = store(at(SP, 24), 8, Source::Logged);
    assert_eq!(plain(assemble(|a| a.pop(qword_ptr(rsp + 16)))), [moved(8), stored]);
    assert_eq!(plain(assemble(|a| a.popfq())), [moved(8), Effect::Flags]);
}

#[test]
fn call_stores_the_return_address() {
    let returns = |length| store(at(SP, -8), 8, Source::Const(IP + length));
    assert_eq!(plain(of(&[0xe8, 0, 0, 0, 0])), [returns(5), moved(-8)]);
    assert_eq!(plain(of(&[0xff, 0xd0])), [returns(2), moved(-8)]);
    assert_eq!(plain(of(&[0xff, 0x10])), [returns(2), moved(-8)]);
}

#[test]
fn ret_releases_its_arguments() {
    assert_eq!(plain(assemble(|a| a.ret())), [moved(8)]);
    assert_eq!(plain(assemble(|a| a.ret_1(16))), [moved(24)]);
    assert_eq!(assemble(|a| a.retf()).kind, Kind::Opaque);
}

#[test]
fn frames_are_entered_and_left() {
    let list = plain(assemble(|a| a.enter(32, 0)));
    let saved = store(at(SP, -8), 8, Source::Form(Form::offset(Gpr::RBP, 0)));
    assert_eq!(list, [saved, formed(Gpr::RBP, Form::offset(SP, -8)), moved(-40)]);
    assert_eq!(assemble(|a| a.enter(32, 1)).kind, Kind::Opaque);
    let list = plain(assemble(|a| a.leave()));
    assert_eq!(list, [formed(SP, Form::offset(Gpr::RBP, 8)), logged(Gpr::RBP)]);
}

#[test]
fn branches_change_no_register() {
    for bytes in [&[0xeb, 0][..], &[0x74, 0], &[0xff, 0xe0], &[0xe3, 0]] {
        assert_eq!(plain(of(bytes)), []);
        assert!(super::super::ends_block(&decode(bytes)));
    }
    assert_eq!(plain(of(&[0xe2, 0])), [formed(Gpr::RCX, Form::offset(Gpr::RCX, -1))]);
    assert_eq!(plain(of(&[0x67, 0xe2, 0])), [logged(Gpr::RCX)]);
}
