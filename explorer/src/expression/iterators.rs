//! Arithmetic on random-access iterators of C++: what their operators would give, which nobody
//! calls.

use super::environment::Environment;
use super::number::{Number, apply};
use super::syntax::Binary;
use super::{Fault, number};
use crate::values::{Value, pretty};

/// `left operator right`, if one of them is an iterator and that means something.
pub(super) fn binary(
    operator: Binary,
    left: &Value,
    right: &Value,
    environment: &dyn Environment,
) -> Result<Option<Value>, Fault> {
    if !left.of.is_record() && !right.of.is_record() {
        return Ok(None);
    }
    let number = |value: &Value| match value.of.is_integral() {
        true => value.integer(environment).map(Some),
        false => Ok(None),
    };
    let moved = |iterator: &Value, by: i128| pretty::moved(iterator, by, environment);
    match operator {
        Binary::Add => Ok(match (number(left)?, number(right)?) {
            (None, Some(by)) => moved(left, by),
            (Some(by), None) => moved(right, by),
            _ => None,
        }),
        Binary::Subtract => Ok(match number(right)? {
            Some(by) => by.checked_neg().and_then(|by| moved(left, by)),
            None => pretty::between(left, right, environment).map(difference),
        }),
        _ if operator.compares() => match pretty::between(left, right, environment) {
            Some(between) => {
                let integer = |value| Number::Integer { value, size: 8, signed: true };
                apply(operator, integer(between), integer(0)).map(Number::value).map(Some)
            }
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// A `std::ptrdiff_t`.
fn difference(between: i128) -> Value {
    let value = number::wrap(between, 8, true);
    Number::Integer { value, size: 8, signed: true }.value()
}
