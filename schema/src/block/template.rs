//! The bytes of a block's template. It is stored with the block, not derived
//! from its code again, so that a trace reads the same for ever.

use super::{Slot, vectors};
use crate::derive::{Computation, FlagRule, Inputs, Operand, Operation};
use crate::effects::{Address, Effect, Effects, Extend, Form, Kind, Segment, Source};
use crate::registers::Gpr;
use crate::varint::{Malformed, Reader, put, put_signed};

const KINDS: [Kind; 4] = [Kind::Plain, Kind::Syscall, Kind::RepString, Kind::Opaque];
const EXTENDS: [Extend; 4] = [Extend::Zero, Extend::Merge, Extend::Sign32, Extend::Sign64];
const NO_REGISTER: u8 = 16;
/// Most effects one instruction may have (vzeroall is one; a gather has two).
const MAX_EFFECTS: u8 = 64;
/// Most bytes of an [`Effect::StoreBytes`].
const MAX_STORE_BYTES: u16 = 1024;

pub(super) fn put_instruction(out: &mut Vec<u8>, kind: Kind, slots: &[Slot]) {
    let kind = place(&KINDS, kind);
    out.push(kind << 6 | slots.len() as u8);
    for slot in slots {
        put_effect(out, &slot.effect);
    }
}

pub(super) fn take_instruction(from: &mut Reader) -> Result<Effects, Malformed> {
    let head = from.byte()?;
    let kind = KINDS[usize::from(head >> 6)];
    let list =
        (0..head & (MAX_EFFECTS - 1)).map(|_| take_effect(from)).collect::<Result<_, _>>()?;
    Ok(Effects { kind, list, bulk: None })
}

fn put_effect(out: &mut Vec<u8>, effect: &Effect) {
    match *effect {
        Effect::Gpr { register, source } => {
            out.extend([0, register.number()]);
            put_source(out, &source);
        }
        Effect::StatusFlags => out.push(1),
        Effect::FlagsOf { rule, inputs } => {
            out.extend([17, place(&FlagRule::ALL, rule)]);
            put_inputs(out, &inputs);
        }
        Effect::Flags => out.push(2),
        Effect::FlagsConst { mask, value } => {
            out.push(3);
            put(out, mask.into());
            put(out, value.into());
        }
        Effect::FsBase => out.push(4),
        Effect::GsBase => out.push(5),
        Effect::Vector { register, bytes, zero_upper } => {
            out.extend([6, register, bytes, zero_upper.into()]);
        }
        Effect::ZeroVectors { keep } => out.extend([7, keep]),
        Effect::Mask { register } => out.extend([8, register]),
        Effect::X87 => out.push(9),
        Effect::Mxcsr => out.push(10),
        Effect::Pkru => out.push(11),
        Effect::Store { address, size, source } => {
            out.extend([12, size]);
            put_address(out, &address);
            put_source(out, &source);
        }
        Effect::StoreVector { address, register, bytes } => {
            out.extend([13, register, bytes]);
            put_address(out, &address);
        }
        Effect::StoreBytes { address, bytes } => {
            out.push(14);
            put(out, bytes.into());
            put_address(out, &address);
        }
        Effect::VectorOf(vector) => vectors::put_vector(out, &vector),
        Effect::MaskOf { register, elements } => vectors::put_mask(out, register, &elements),
        Effect::StoreBulk => out.push(15),
        Effect::Loaded { address, mask, element, bytes } => {
            out.extend([20, mask, element, bytes]);
            put_address(out, &address);
        }
        Effect::StoreMasked { address, register, mask, element, bytes } => {
            out.extend([16, register, mask, element, bytes]);
            put_address(out, &address);
        }
    }
}

fn take_effect(from: &mut Reader) -> Result<Effect, Malformed> {
    Ok(match from.byte()? {
        0 => Effect::Gpr { register: take_register(from)?, source: take_source(from)? },
        1 => Effect::StatusFlags,
        2 => Effect::Flags,
        3 => Effect::FlagsConst { mask: take_u32(from)?, value: take_u32(from)? },
        4 => Effect::FsBase,
        5 => Effect::GsBase,
        6 => Effect::Vector {
            register: below(from.byte()?, 32)?,
            bytes: one_of(from.byte()?, &[16, 32, 64])?,
            zero_upper: below(from.byte()?, 2)? == 1,
        },
        7 => Effect::ZeroVectors { keep: one_of(from.byte()?, &[0, 16])? },
        8 => Effect::Mask { register: below(from.byte()?, 8)? },
        9 => Effect::X87,
        10 => Effect::Mxcsr,
        11 => Effect::Pkru,
        12 => {
            let size = one_of(from.byte()?, &[1, 2, 4, 8])?;
            Effect::Store { size, address: take_address(from)?, source: take_source(from)? }
        }
        13 => Effect::StoreVector {
            register: below(from.byte()?, 32)?,
            bytes: one_of(from.byte()?, &[4, 8, 16, 32, 64])?,
            address: take_address(from)?,
        },
        14 => {
            let bytes = u16::try_from(from.varint()?).map_err(|_| Malformed)?;
            if bytes > MAX_STORE_BYTES {
                return Err(Malformed);
            }
            Effect::StoreBytes { bytes, address: take_address(from)? }
        }
        15 => Effect::StoreBulk,
        16 => Effect::StoreMasked {
            register: below(from.byte()?, 32)?,
            mask: below(from.byte()?, 8)?,
            element: one_of(from.byte()?, &[1, 2, 4, 8])?,
            bytes: one_of(from.byte()?, &[4, 8, 16, 32, 64])?,
            address: take_address(from)?,
        },
        20 => Effect::Loaded {
            mask: below(from.byte()?, 8)?,
            element: one_of(from.byte()?, &[4, 8])?,
            bytes: one_of(from.byte()?, &[4, 8, 16, 32, 64])?,
            address: take_address(from)?,
        },
        18 => vectors::take_vector(from)?,
        19 => vectors::take_mask(from)?,
        17 => Effect::FlagsOf {
            rule: *FlagRule::ALL.get(usize::from(from.byte()?)).ok_or(Malformed)?,
            inputs: take_inputs(from)?,
        },
        _ => return Err(Malformed),
    })
}

fn put_source(out: &mut Vec<u8>, source: &Source) {
    match source {
        Source::Logged => out.push(0),
        Source::Const(value) => {
            out.push(1);
            put_signed(out, *value as i64);
        }
        Source::Form(form) => {
            out.push(2);
            put_form(out, form);
        }
        Source::Computed(Computation { operation, inputs, extend }) => {
            out.extend([3, place(&Operation::ALL, *operation), place(&EXTENDS, *extend)]);
            put_inputs(out, inputs);
        }
    }
}

fn take_source(from: &mut Reader) -> Result<Source, Malformed> {
    Ok(match from.byte()? {
        0 => Source::Logged,
        1 => Source::Const(from.signed()? as u64),
        2 => Source::Form(take_form(from)?),
        3 => Source::Computed(Computation {
            operation: *Operation::ALL.get(usize::from(from.byte()?)).ok_or(Malformed)?,
            extend: *EXTENDS.get(usize::from(from.byte()?)).ok_or(Malformed)?,
            inputs: take_inputs(from)?,
        }),
        _ => return Err(Malformed),
    })
}

fn put_inputs(out: &mut Vec<u8>, inputs: &Inputs) {
    out.extend([inputs.width, operand_byte(inputs.left), operand_byte(inputs.right)]);
    put_signed(out, inputs.constant);
}

fn take_inputs(from: &mut Reader) -> Result<Inputs, Malformed> {
    Ok(Inputs {
        width: one_of(from.byte()?, &[1, 2, 4, 8])?,
        left: operand(from.byte()?)?,
        right: operand(from.byte()?)?,
        constant: from.signed()?,
    })
}

/// Two bits say what it is, four which register; above those, it has none.
fn operand_byte(operand: Operand) -> u8 {
    match operand {
        Operand::Old(gpr) => gpr.number(),
        Operand::OldHigh(gpr) => 0x10 | gpr.number(),
        Operand::New(gpr) => 0x20 | gpr.number(),
        Operand::NewHigh(gpr) => 0x30 | gpr.number(),
        Operand::Constant => 0x40,
        Operand::Stored => 0x41,
    }
}

fn operand(byte: u8) -> Result<Operand, Malformed> {
    let gpr = Gpr::new(byte & 15).ok_or(Malformed)?;
    Ok(match byte {
        0x00..=0x0f => Operand::Old(gpr),
        0x10..=0x1f => Operand::OldHigh(gpr),
        0x20..=0x2f => Operand::New(gpr),
        0x30..=0x3f => Operand::NewHigh(gpr),
        0x40 => Operand::Constant,
        0x41 => Operand::Stored,
        _ => return Err(Malformed),
    })
}

fn put_address(out: &mut Vec<u8>, address: &Address) {
    out.push(match address.segment {
        None => 0,
        Some(Segment::Fs) => 1,
        Some(Segment::Gs) => 2,
    });
    put_form(out, &address.form);
}

fn take_address(from: &mut Reader) -> Result<Address, Malformed> {
    let segment = match from.byte()? {
        0 => None,
        1 => Some(Segment::Fs),
        2 => Some(Segment::Gs),
        _ => return Err(Malformed),
    };
    Ok(Address { segment, form: take_form(from)? })
}

fn put_form(out: &mut Vec<u8>, form: &Form) {
    let register = |r: Option<Gpr>| r.map_or(NO_REGISTER, Gpr::number);
    let extend = place(&EXTENDS, form.extend);
    out.extend([register(form.base), register(form.index), form.scale << 4 | form.width, extend]);
    put_signed(out, form.disp);
}

fn take_form(from: &mut Reader) -> Result<Form, Malformed> {
    let base = take_optional_register(from)?;
    let index = take_optional_register(from)?;
    let sizes = from.byte()?;
    Ok(Form {
        base,
        index,
        scale: one_of(sizes >> 4, &[1, 2, 4, 8])?,
        width: one_of(sizes & 15, &[1, 2, 4, 8])?,
        extend: *EXTENDS.get(usize::from(from.byte()?)).ok_or(Malformed)?,
        disp: from.signed()?,
    })
}

fn take_register(from: &mut Reader) -> Result<Gpr, Malformed> {
    Gpr::new(from.byte()?).ok_or(Malformed)
}

fn take_optional_register(from: &mut Reader) -> Result<Option<Gpr>, Malformed> {
    match from.byte()? {
        NO_REGISTER => Ok(None),
        number => Gpr::new(number).map(Some).ok_or(Malformed),
    }
}

/// Where a list has `one`.
fn place<T: PartialEq>(all: &[T], one: T) -> u8 {
    all.iter().position(|each| *each == one).unwrap_or(0) as u8
}

fn take_u32(from: &mut Reader) -> Result<u32, Malformed> {
    u32::try_from(from.varint()?).map_err(|_| Malformed)
}

pub(super) fn below(value: u8, limit: u8) -> Result<u8, Malformed> {
    if value < limit { Ok(value) } else { Err(Malformed) }
}

pub(super) fn one_of(value: u8, allowed: &[u8]) -> Result<u8, Malformed> {
    if allowed.contains(&value) { Ok(value) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;

    fn operands() -> impl Iterator<Item = Operand> {
        let of =
            |gpr| [Operand::Old, Operand::OldHigh, Operand::New, Operand::NewHigh].map(|o| o(gpr));
        let registers = (0..16).filter_map(Gpr::new).flat_map(of);
        registers.chain([Operand::Constant, Operand::Stored])
    }

    fn derived() -> Vec<Effect> {
        let inputs = |left| Inputs { constant: -2, ..Inputs::two(2, left, Operand::Constant) };
        let flags = |rule| operands().map(move |o| Effect::FlagsOf { rule, inputs: inputs(o) });
        let computed = |operation| {
            let computation =
                Computation { operation, inputs: inputs(Operand::Stored), extend: Extend::Sign64 };
            Effect::Gpr { register: Gpr::R11, source: Source::Computed(computation) }
        };
        let rules = FlagRule::ALL.into_iter().flat_map(flags);
        rules.chain(Operation::ALL.into_iter().map(computed)).collect()
    }

    #[test]
    fn derived_values_are_read_as_written() {
        for effect in derived() {
            let mut block = Block::new(0);
            block.push(&[0x90], &Effects { kind: Kind::Plain, list: vec![effect], bulk: None });
            let mut template = Vec::new();
            block.encode_template(&mut template);
            assert_eq!(Block::decode(0, &[1], &[0x90], &template), Ok(block));
        }
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        let rules = FlagRule::ALL.len() as u8;
        for bad in [[1, 17, rules, 8, 0, 0, 0], [1, 17, 0, 3, 0, 0, 0], [1, 17, 0, 8, 0x42, 0, 0]] {
            assert!(Block::decode(0, &[1], &[0x90], &bad).is_err());
        }
    }
}
