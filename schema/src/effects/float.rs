//! Copies and floating-point instructions between vector registers: what they give
//! follows from their operands and MXCSR.

use super::draft::Draft;
use super::effect::Effect;
use super::mxcsr::bare;
use super::subject::Subject;
use crate::derive::{DerivedVector, FloatOperation, FloatVector, LOADED};
use iced_x86::{EncodingKind, OpKind, Register, RoundingControl};

/// What a mnemonic says.
struct Named {
    operation: FloatOperation,
    /// In the operation's order, as places among the operands after the
    /// destination; of a fused operation the destination is the first.
    order: [usize; 3],
    double: bool,
    scalar: bool,
}

/// The vector or mask register that follows from others, and from what is loaded, if
/// one does.
pub(super) fn float(subject: &Subject, draft: &mut Draft) {
    let Some(effect) = derived(subject) else { return };
    let (Effect::VectorOf(DerivedVector { elements, .. }) | Effect::MaskOf { elements, .. }) =
        &effect
    else {
        return;
    };
    if elements.operands.contains(&LOADED) {
        let Some(loaded) = loaded(subject, elements) else { return };
        draft.add(loaded);
    }
    draft.add(effect);
}

/// The load of the memory operand; `None` where the result is logged instead, which is
/// as short, or something else stands against it: legacy SSE wants whole vectors
/// aligned, wherever they are taken from.
fn loaded(subject: &Subject, elements: &FloatVector) -> Option<Effect> {
    let i = subject.instruction;
    let element = if elements.double { 8 } else { 4 };
    let bytes = if i.is_broadcast() { element } else { elements.bytes };
    let masked = i.has_op_mask();
    let is_short = bytes == element && !masked;
    if !(is_short || bytes == 64)
        || subject.memory_bytes() != usize::from(bytes)
        || subject.register(0).is_k()
        || elements.operation == FloatOperation::Move
    {
        return None;
    }
    let (address, mask) = (subject.address()?, elements.mask);
    Some(Effect::Loaded { address, mask, element, bytes })
}

fn derived(subject: &Subject) -> Option<Effect> {
    let i = subject.instruction;
    let target = subject.register(0);
    let known = (0..i.op_count()).all(|operand| match subject.kind(operand) {
        Some(OpKind::Register) => {
            let register = subject.register(operand);
            register.is_vector_register() || operand == 0 && register.is_k()
        }
        Some(OpKind::Memory) => operand > 0,
        Some(OpKind::Immediate8) => operand + 1 == i.op_count(),
        _ => false,
    });
    let rounded = i.rounding_control() != RoundingControl::None || i.suppress_all_exceptions();
    if !known || rounded || target == Register::None {
        return None;
    }
    let named = named(subject)?;
    let source = |place: usize| {
        let register = subject.register(place as u32);
        if subject.is_memory(place as u32) {
            return Some(LOADED);
        }
        register.is_vector_register().then(|| register.number() as u8)
    };
    let first = source(named.order[0])?;
    let operands = [first, source(named.order[1])?, source(named.order[2])?];
    let size = if named.double { 8 } else { 4 };
    // Of a comparison the source says how wide it is, of two operands the target.
    let wide = [subject.register(1), target].into_iter().find(|r| r.is_vector_register())?;
    let wide = wide.size() as u8;
    let bytes = if named.scalar { size } else { wide };
    let mask = if i.has_op_mask() { i.op_mask().number() as u8 } else { 0 };
    let (operation, double) = (named.operation, named.double);
    let elements = FloatVector { operation, double, bytes, operands, mask };
    let register = target.number() as u8;
    if target.is_k() {
        return Some(Effect::MaskOf { register, elements });
    }
    // The rest of a single one's register: of VEX forms from their first source.
    let fused = matches!(operation, FloatOperation::MultiplyAdd { .. });
    let rest = if fused { register } else { first };
    let (zeroing, zero_upper) = (i.zeroing_masking(), subject.zeroes_upper());
    Some(Effect::VectorOf(DerivedVector { elements, register, rest, zeroing, zero_upper }))
}

fn named(subject: &Subject) -> Option<Named> {
    let full = format!("{:?}", subject.mnemonic());
    let name = bare(&full).to_ascii_lowercase();
    if let Some(double) = moved(&name) {
        let (operation, order) = (FloatOperation::Move, [1, 1, 1]);
        return Some(Named { operation, order, double, scalar: false });
    }
    let (stem, suffix) = name.split_at_checked(name.len().checked_sub(2)?)?;
    let (scalar, double) = match suffix {
        "ps" => (false, false),
        "pd" => (false, true),
        "ss" => (true, false),
        "sd" => (true, true),
        _ => return None,
    };
    // Two operands: the destination is the first source.
    let legacy = subject.instruction.encoding() == EncodingKind::Legacy;
    let pair = if legacy { [0, 1, 1] } else { [1, 2, 2] };
    let (operation, order) = match stem {
        "add" => (FloatOperation::Add, pair),
        "sub" => (FloatOperation::Subtract, pair),
        "mul" => (FloatOperation::Multiply, pair),
        "min" => (FloatOperation::Least, pair),
        "max" => (FloatOperation::Greatest, pair),
        "cmp" => {
            let last = subject.instruction.op_count().checked_sub(1)?;
            // Legacy forms have eight predicates, the others 32.
            let bits = if legacy { 7 } else { 31 };
            (FloatOperation::Compare(subject.immediate(last)? as u8 & bits), pair)
        }
        _ => fused(stem)?,
    };
    Some(Named { operation, order, double, scalar })
}

/// Whether a copy of a whole register has elements of 8 bytes; `None`: it is none.
fn moved(name: &str) -> Option<bool> {
    match name {
        "movaps" | "movups" | "movdqa" | "movdqu" | "movdqa32" | "movdqu32" => Some(false),
        "movapd" | "movupd" | "movdqa64" | "movdqu64" => Some(true),
        _ => None,
    }
}

/// VFMADD and its kin: the digits say which operands are multiplied, and which is
/// added (Intel SDM vol. 2, VFMADD132PD).
fn fused(stem: &str) -> Option<(FloatOperation, [usize; 3])> {
    let (stem, digits) = stem.split_at_checked(stem.len().checked_sub(3)?)?;
    let order = match digits {
        "132" => [0, 2, 1],
        "213" => [1, 0, 2],
        "231" => [1, 2, 0],
        _ => return None,
    };
    let (negative, subtract) = match stem {
        "fmadd" => (false, false),
        "fmsub" => (false, true),
        "fnmadd" => (true, false),
        "fnmsub" => (true, true),
        _ => return None,
    };
    Some((FloatOperation::MultiplyAdd { negative, subtract }, order))
}
