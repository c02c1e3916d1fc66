//! Numbers in formats that are not the processor's `float` and `double`: `long double`,
//! `_Float128`, `_Float16`. Compared exactly; computed and converted as the program does it.

use super::Fault;
use super::environment::Environment;
use super::number::{Number, in_range, integer_bytes};
use super::rounded::{self, Operand};
use super::syntax::Binary;
use crate::symbols::datatypes::{Encoding, Shape, Type};
use crate::values::{Exact, Float, FloatFormat, Target, Value};
use std::cmp::Ordering;

/// Whether numbers of a type are in such a format.
pub(super) fn is_wide(of: &Type) -> bool {
    FloatFormat::of(of).is_some_and(is_unusual)
}

fn is_unusual(format: FloatFormat) -> bool {
    !matches!(format, FloatFormat::Single | FloatFormat::Double)
}

/// That such a number stands where only others may.
pub(super) fn refused(of: &Type) -> Fault {
    let name = of.name();
    Fault::Operand(format!("{name} cannot stand here: cast it, as in (double) or (long)"))
}

/// A number, exactly; `None` if it is none.
fn float(value: &Value, target: &dyn Target) -> Result<Option<Float>, Fault> {
    if let Some(format) = FloatFormat::of(&value.of) {
        let bytes = value.bytes(target);
        return Ok(Float::of(bytes.all()?, format));
    }
    let number = Number::of(value, target)?;
    Ok(number.map(|number| Float::Finite(Exact::integer(number.integer()))))
}

/// A number to compute with; `None` if it is none.
fn operand(value: &Value, target: &dyn Target) -> Result<Option<Operand>, Fault> {
    if let Some(format) = FloatFormat::of(&value.of) {
        return Ok(Some(Operand::of_bytes(value.bytes(target).all()?, format)));
    }
    Ok(match Number::of(value, target)? {
        Some(Number::Integer { value, signed, .. }) => Some(Operand::Integer { value, signed }),
        _ => None,
    })
}

/// `left operator right`, one of them such a number.
pub(super) fn binary(
    operator: Binary,
    left: &Value,
    right: &Value,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let needed =
        |value: &Value| Fault::Operand(format!("a number is needed here, not {}", value.of.name()));
    if operator.compares() {
        let exact = |value| float(value, environment)?.ok_or_else(|| needed(value));
        let order = exact(left)?.order(exact(right)?);
        return Ok(Number::int(i128::from(holds(operator, order))).value());
    }
    let number = |value| operand(value, environment)?.ok_or_else(|| needed(value));
    let (of, format) = common(&left.of, &right.of);
    let bits = rounded::apply(operator, number(left)?, number(right)?, format);
    let bits = bits.ok_or_else(|| Fault::Operand("integers are needed here".to_owned()))?;
    Ok(Value::computed(of.clone(), bytes(bits, of)))
}

fn holds(operator: Binary, order: Option<Ordering>) -> bool {
    match operator {
        Binary::Less => order == Some(Ordering::Less),
        Binary::Greater => order == Some(Ordering::Greater),
        Binary::LessEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Binary::GreaterEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Binary::Equal => order == Some(Ordering::Equal),
        _ => order != Some(Ordering::Equal),
    }
}

/// The type of what two numbers make, at least one of them a float: that whose format has more
/// numbers (C17, 6.3.1.8).
fn common<'t>(left: &'t Type, right: &'t Type) -> (&'t Type, FloatFormat) {
    match (FloatFormat::of(left), FloatFormat::of(right)) {
        (Some(a), Some(b)) if b > a => (right, b),
        (Some(a), _) => (left, a),
        (None, b) => (right, b.unwrap_or(FloatFormat::Double)),
    }
}

/// Bits as a value of a type, padding behind them.
fn bytes(bits: u128, of: &Type) -> Vec<u8> {
    integer_bytes(bits.cast_signed(), of.size().unwrap_or(16))
}

/// `+value`, `-value`.
pub(super) fn signed(value: &Value, minus: bool, target: &dyn Target) -> Result<Value, Fault> {
    let sign = match FloatFormat::of(&value.of) {
        Some(FloatFormat::Half) => 15,
        Some(FloatFormat::Extended) => 79,
        _ => 127,
    };
    let known = value.bytes(target);
    let bits = rounded::bits(known.all()?) ^ (u128::from(minus) << sign);
    Ok(Value::computed(value.of.clone(), bytes(bits, &value.of)))
}

/// Whether such a number is not zero.
pub(super) fn truth(value: &Value, target: &dyn Target) -> Result<bool, Fault> {
    let zero = |float| matches!(float, Float::Finite(Exact { significand: 0, .. }));
    Ok(float(value, target)?.is_some_and(|float| !zero(float)))
}

/// A number converted to a type of numbers, one of them such; `None` if that is not done.
pub(super) fn converted(
    value: &Value,
    to: &Type,
    target: &dyn Target,
) -> Result<Option<Vec<u8>>, Fault> {
    if let Some(format) = FloatFormat::of(to) {
        let operand = operand(value, target)?;
        return Ok(operand.map(|operand| bytes(operand.bits_as(format), to)));
    }
    if !to.is_integral() {
        return Ok(None);
    }
    if matches!(to.stripped().shape(), Shape::Base { encoding: Encoding::Bool, .. }) {
        return Ok(Some(vec![u8::from(truth(value, target)?)]));
    }
    let truncated = match float(value, target)? {
        Some(Float::Finite(exact)) => exact.truncated(),
        _ => None,
    };
    let text = || {
        let known = value.bytes(target);
        crate::values::float_text(known.all().ok()?, FloatFormat::of(&value.of)?)
    };
    let outside =
        || Fault::Operand(format!("{} does not fit {}", text().unwrap_or_default(), to.name()));
    let integer = truncated.filter(|integer| in_range(*integer, to)).ok_or_else(outside)?;
    Ok(Some(integer_bytes(integer, to.size().unwrap_or(8))))
}
