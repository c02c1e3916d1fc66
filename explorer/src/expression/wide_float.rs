//! Numbers that no double holds, `long double` and `_Float128`: compared and converted exactly.
//! Arithmetic on them is refused, as it would have to round as the program's does.

use super::Fault;
use super::environment::Environment;
use super::number::{Number, in_range, integer_bytes};
use super::syntax::Binary;
use crate::symbols::datatypes::Type;
use crate::values::{Exact, Float, FloatFormat, Target, Value};
use std::cmp::Ordering;

/// Whether numbers of a type are more than doubles hold.
pub(super) fn is_wide(of: &Type) -> bool {
    FloatFormat::of(of).is_some_and(FloatFormat::is_wide)
}

/// That no arithmetic is done on a type.
pub(super) fn refused(of: &Type) -> Fault {
    let name = of.name();
    Fault::Operand(format!("no arithmetic on {name} here: cast it, as in (double)"))
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

/// `left operator right`, one of them such a number.
pub(super) fn binary(
    operator: Binary,
    left: &Value,
    right: &Value,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let wide = if is_wide(&left.of) { left } else { right };
    if !operator.compares() {
        return Err(refused(&wide.of));
    }
    let (Some(a), Some(b)) = (float(left, environment)?, float(right, environment)?) else {
        let other = if is_wide(&left.of) { right } else { left };
        return Err(Fault::Operand(format!("a number is needed here, not {}", other.of.name())));
    };
    let order = a.order(b);
    let holds = match operator {
        Binary::Less => order == Some(Ordering::Less),
        Binary::Greater => order == Some(Ordering::Greater),
        Binary::LessEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Binary::GreaterEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Binary::Equal => order == Some(Ordering::Equal),
        _ => order != Some(Ordering::Equal),
    };
    Ok(Number::int(i128::from(holds)).value())
}

/// Whether such a number is not zero.
pub(super) fn truth(value: &Value, target: &dyn Target) -> Result<bool, Fault> {
    let zero = |float| matches!(float, Float::Finite(Exact { significand: 0, .. }));
    Ok(float(value, target)?.is_some_and(|float| !zero(float)))
}

/// Such a number converted to a type of numbers; `None` if that is not done.
pub(super) fn converted(
    value: &Value,
    to: &Type,
    target: &dyn Target,
) -> Result<Option<Vec<u8>>, Fault> {
    let format = FloatFormat::of(&value.of);
    let Some(number) = float(value, target)? else { return Ok(None) };
    match FloatFormat::of(to) {
        Some(FloatFormat::Single) => return Ok(Some(number.to_f32().to_le_bytes().into())),
        Some(FloatFormat::Double) => return Ok(Some(number.to_f64().to_le_bytes().into())),
        same if same == format && to.size() == value.size() => {
            return Ok(Some(value.bytes(target).all()?.to_vec()));
        }
        Some(_) => return Ok(None),
        None if !to.is_integral() => return Ok(None),
        None => {}
    }
    let truncated = match number {
        Float::Finite(exact) => exact.truncated(),
        _ => None,
    };
    let text = || crate::values::float_text(value.bytes(target).all().ok()?, format?);
    let outside =
        || Fault::Operand(format!("{} does not fit {}", text().unwrap_or_default(), to.name()));
    let integer = truncated.filter(|integer| in_range(*integer, to)).ok_or_else(outside)?;
    Ok(Some(integer_bytes(integer, to.size().unwrap_or(8))))
}
