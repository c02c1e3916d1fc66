//! Values that are derived from more than linear forms. That they are right is
//! for `tests/native` to show; here, what they are made of.

use super::*;
use crate::derive::{FlagRule, Inputs, Operand, Operation};
use crate::effects::{Undefined, effects_with};
use iced_x86::code_asm::*;

const AX: Gpr = Gpr::RAX;
const BX: Gpr = Gpr::RBX;

fn flags(effects: Effects) -> (FlagRule, Inputs) {
    let of = |effect: &Effect| match effect {
        Effect::FlagsOf { rule, inputs } => Some((*rule, *inputs)),
        _ => None,
    };
    plain(effects).iter().find_map(of).unwrap()
}

fn computed(effects: Effects) -> (Operation, Inputs, Extend) {
    let of = |effect: &Effect| match effect {
        Effect::Gpr { source: Source::Computed(c), .. } => Some((c.operation, c.inputs, c.extend)),
        _ => None,
    };
    plain(effects).iter().find_map(of).unwrap()
}

#[test]
fn flags_come_from_operands_or_from_the_result() {
    let (old, new) = (Operand::Old(AX), Operand::New(AX));
    let two = |left, right| Inputs::two(8, left, right);
    let cases = [
        (assemble(|a| a.cmp(rax, rbx)), FlagRule::Difference, two(old, Operand::Old(BX))),
        (assemble(|a| a.add(rax, qword_ptr(rbx))), FlagRule::Sum, two(new, old)),
        (assemble(|a| a.add(qword_ptr(rbx), rax)), FlagRule::Sum, two(Operand::Stored, old)),
        (assemble(|a| a.sub(rax, qword_ptr(rbx))), FlagRule::Taken, two(old, new)),
        (assemble(|a| a.sub(qword_ptr(rbx), rax)), FlagRule::Left, two(Operand::Stored, old)),
        (assemble(|a| a.xor(rax, qword_ptr(rbx))), FlagRule::Logic, Inputs::one(8, new)),
        (assemble(|a| a.inc(qword_ptr(rbx))), FlagRule::Increment, Inputs::one(8, Operand::Stored)),
    ];
    for (effects, rule, inputs) in cases {
        assert_eq!(flags(effects), (rule, inputs));
    }
}

#[test]
fn high_bytes_are_operands() {
    let inputs = Inputs { constant: 4, ..Inputs::one(1, Operand::OldHigh(AX)) };
    assert_eq!(flags(assemble(|a| a.test(ah, 4))), (FlagRule::Test, inputs));
    let high = Inputs::one(1, Operand::OldHigh(BX));
    assert_eq!(computed(assemble(|a| a.mov(al, bh))), (Operation::Move, high, Extend::Merge));
    assert_eq!(computed(assemble(|a| a.movzx(eax, bh))), (Operation::Move, high, Extend::Zero));
    assert_eq!(computed(assemble(|a| a.movsx(eax, bh))), (Operation::Move, high, Extend::Sign32));
}

#[test]
fn functions_of_registers_are_computed() {
    let cases = [
        (assemble(|a| a.and(rax, rbx)), Operation::And),
        (assemble(|a| a.shl(rax, 4)), Operation::ShiftLeft),
        (assemble(|a| a.sar(rax, cl)), Operation::ShiftRightSigned),
        (assemble(|a| a.imul_3(rax, rbx, 7)), Operation::Multiply),
        (assemble(|a| a.mul(rbx)), Operation::Multiply),
        (assemble(|a| a.cmove(rax, rbx)), Operation::Select),
        (assemble(|a| a.setb(al)), Operation::Condition),
        (assemble(|a| a.bswap(rax)), Operation::SwapBytes),
        (assemble(|a| a.cqo()), Operation::Signs),
        (assemble(|a| a.pext(rax, rbx, rcx)), Operation::Gather),
    ];
    for (effects, operation) in cases {
        assert_eq!(computed(effects).0, operation);
    }
}

#[test]
fn a_condition_has_the_number_that_encodes_it() {
    assert_eq!(computed(assemble(|a| a.seto(al))).1.constant, 0);
    assert_eq!(computed(assemble(|a| a.cmovg(rax, rbx))).1.constant, 15);
}

#[test]
fn what_is_undefined_is_logged() {
    for effects in [assemble(|a| a.imul_2(rax, rbx)), assemble(|a| a.rol(rax, cl))] {
        assert!(plain(effects).contains(&Effect::StatusFlags));
    }
    let shift = decode(&[0x48, 0xc1, 0xe0, 0x04]);
    assert!(effects_with(&shift, Undefined::Logged).list.contains(&Effect::StatusFlags));
    assert_eq!(flags(effects(&shift)).0, FlagRule::ShiftLeft);
    assert_eq!(plain(of(&[0x66, 0x0f, 0xc8])), [logged(AX)], "bswap ax");
}
