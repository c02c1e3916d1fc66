//! One test per instruction class. Executing them for real is `tests/native`.

mod bits;
mod derived;
mod integer;
mod other;
mod simd;
mod stack;
mod strings;
mod total;

use super::{Address, Effect, Effects, Extend, Form, Kind, Segment, Source, effects};
use crate::registers::Gpr;
use iced_x86::code_asm::CodeAssembler;
use iced_x86::{Decoder, Instruction};

const IP: u64 = 0x40_0000;

/// Assembles one instruction, and decodes it as an engine would.
fn assemble(write: impl FnOnce(&mut CodeAssembler) -> Result<(), iced_x86::IcedError>) -> Effects {
    let mut assembler = CodeAssembler::new(64).unwrap();
    write(&mut assembler).unwrap();
    of(&assembler.assemble(IP).unwrap())
}

fn decode(bytes: &[u8]) -> Instruction {
    Decoder::with_ip(64, bytes, IP, 0).decode()
}

fn of(bytes: &[u8]) -> Effects {
    effects(&decode(bytes))
}

/// The list of a plain instruction.
fn plain(effects: Effects) -> Vec<Effect> {
    assert_eq!(effects.kind, Kind::Plain);
    effects.list
}

fn logged(register: Gpr) -> Effect {
    Effect::Gpr { register, source: Source::Logged }
}

fn formed(register: Gpr, form: Form) -> Effect {
    Effect::Gpr { register, source: Source::Form(form) }
}

fn low(base: Gpr, width: u8, extend: Extend) -> Form {
    Form { width, extend, ..Form::offset(base, 0) }
}

fn at(base: Gpr, disp: i64) -> Address {
    Address { form: Form::offset(base, disp), segment: None }
}

fn store(address: Address, size: u8, source: Source) -> Effect {
    Effect::Store { address, size, source }
}

fn vector(register: u8, bytes: u8, zero_upper: bool) -> Effect {
    Effect::Vector { register, bytes, zero_upper }
}
