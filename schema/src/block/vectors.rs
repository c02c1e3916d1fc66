//! The bytes of derived vectors and masks in a template.

use super::template::{below, one_of};
use crate::derive::{DerivedVector, FloatOperation, FloatVector, LOADED};
use crate::effects::Effect;
use crate::varint::{Malformed, Reader};

/// Operations by number; fused ones take two bits more, comparisons five.
const FUSED: u8 = 8;
const COMPARE: u8 = 32;

const SIMPLE: [FloatOperation; 6] = [
    FloatOperation::Add,
    FloatOperation::Subtract,
    FloatOperation::Multiply,
    FloatOperation::Least,
    FloatOperation::Greatest,
    FloatOperation::Move,
];

pub(super) fn put_vector(out: &mut Vec<u8>, vector: &DerivedVector) {
    let flags = u8::from(vector.zeroing) | u8::from(vector.zero_upper) << 1;
    out.extend([18, vector.register, vector.rest, flags]);
    put_elements(out, &vector.elements);
}

pub(super) fn put_mask(out: &mut Vec<u8>, register: u8, elements: &FloatVector) {
    out.extend([19, register]);
    put_elements(out, elements);
}

pub(super) fn take_vector(from: &mut Reader) -> Result<Effect, Malformed> {
    let (register, rest) = (below(from.byte()?, 32)?, below(from.byte()?, 32)?);
    let flags = below(from.byte()?, 4)?;
    let (zeroing, zero_upper) = (flags & 1 != 0, flags & 2 != 0);
    let elements = take_elements(from)?;
    Ok(Effect::VectorOf(DerivedVector { elements, register, rest, zeroing, zero_upper }))
}

pub(super) fn take_mask(from: &mut Reader) -> Result<Effect, Malformed> {
    Ok(Effect::MaskOf { register: below(from.byte()?, 8)?, elements: take_elements(from)? })
}

fn put_elements(out: &mut Vec<u8>, elements: &FloatVector) {
    let operation = match elements.operation {
        FloatOperation::MultiplyAdd { negative, subtract } => {
            FUSED | u8::from(negative) | u8::from(subtract) << 1
        }
        FloatOperation::Compare(predicate) => COMPARE | predicate & 31,
        simple => SIMPLE.iter().position(|s| *s == simple).unwrap_or(0) as u8,
    };
    let mask = elements.mask | u8::from(elements.double) << 3;
    out.extend([operation, elements.bytes, mask]);
    out.extend(elements.operands);
}

fn take_elements(from: &mut Reader) -> Result<FloatVector, Malformed> {
    let operation = match below(from.byte()?, COMPARE * 2)? {
        code if code >= COMPARE => FloatOperation::Compare(code & 31),
        code if code >= FUSED => {
            let code = below(code, FUSED + 4)?;
            FloatOperation::MultiplyAdd { negative: code & 1 != 0, subtract: code & 2 != 0 }
        }
        code => *SIMPLE.get(usize::from(code)).ok_or(Malformed)?,
    };
    let bytes = one_of(from.byte()?, &[4, 8, 16, 32, 64])?;
    let mask = below(from.byte()?, 16)?;
    let mut operands = [0; 3];
    for operand in &mut operands {
        *operand = below(from.byte()?, LOADED + 1)?;
    }
    Ok(FloatVector { operation, double: mask & 8 != 0, bytes, operands, mask: mask & 7 })
}
