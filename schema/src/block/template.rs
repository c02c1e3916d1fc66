//! The bytes of a block's template. It is stored with the block, not derived
//! from its code again, so that a trace reads the same for ever.

use super::Slot;
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
    let kind = KINDS.iter().position(|k| *k == kind).unwrap_or(0) as u8;
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
        Effect::StoreBulk => out.push(15),
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
    }
}

fn take_source(from: &mut Reader) -> Result<Source, Malformed> {
    Ok(match from.byte()? {
        0 => Source::Logged,
        1 => Source::Const(from.signed()? as u64),
        2 => Source::Form(take_form(from)?),
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
    let extend = EXTENDS.iter().position(|e| *e == form.extend).unwrap_or(0) as u8;
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

fn take_u32(from: &mut Reader) -> Result<u32, Malformed> {
    u32::try_from(from.varint()?).map_err(|_| Malformed)
}

fn below(value: u8, limit: u8) -> Result<u8, Malformed> {
    if value < limit { Ok(value) } else { Err(Malformed) }
}

fn one_of(value: u8, allowed: &[u8]) -> Result<u8, Malformed> {
    if allowed.contains(&value) { Ok(value) } else { Err(Malformed) }
}
