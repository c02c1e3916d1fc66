//! `(type) value`.

use super::classes::{self, Conversion};
use super::environment::Environment;
use super::number::{Number, integer_bytes};
use super::{Fault, member_pointer, operators, wide_float};
use crate::symbols::datatypes::{Count, Encoding, Shape, Type};
use crate::values::{Format, Formatter, Value};

/// A value converted to a type.
pub(super) fn cast(
    value: &Value,
    to: &Type,
    conversion: Conversion,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    if conversion == Conversion::Checked {
        return classes::dynamic_cast(value, to, environment);
    }
    let along = conversion == Conversion::Along;
    let value = value.referent(environment);
    let target = to.stripped();
    if is_only_sized(&value.of) && value.address().is_some() && !target.is_reference() {
        return Ok(value.retyped(to.clone()));
    }
    match target.shape() {
        Shape::Void => Ok(Value::computed(to.clone(), Vec::new())),
        Shape::Pointer { kind, .. } if target.is_reference() => {
            let of = target.target().unwrap_or_else(Type::void);
            let part = along.then(|| classes::converted(&value, &of, environment)).transpose()?;
            operators::refer(&part.flatten().unwrap_or(value), &of, *kind)
        }
        Shape::Pointer { .. } => {
            let class = target.target().filter(|_| along);
            let moved = class.map(|class| classes::pointed(&value, &class, environment));
            let address = match moved.transpose()?.flatten() {
                Some(address) => address,
                None => operators::address(&value, environment)?,
            };
            Ok(Value::computed(to.clone(), address.to_le_bytes().into()))
        }
        Shape::Base { .. } | Shape::Enumeration(_) => scalar(&value, to, environment),
        Shape::Record(_) if !is_untyped(&value.of) && !has_parts(&value.of) => {
            Err(impossible(&value, to))
        }
        Shape::Record(_) => {
            let part = classes::converted(&value, to, environment)?;
            part.map_or_else(|| same_bytes(&value, to, environment), Ok)
        }
        _ => same_bytes(&value, to, environment),
    }
}

/// The same bytes, seen otherwise.
fn same_bytes(value: &Value, to: &Type, environment: &dyn Environment) -> Result<Value, Fault> {
    if value.address().is_some() {
        return Ok(value.retyped(to.clone()));
    }
    match value.of.size().is_some() && value.of.size() == to.size() {
        true => Ok(value.kept(environment).retyped(to.clone())),
        false => Err(impossible(value, to)),
    }
}

fn scalar(value: &Value, to: &Type, environment: &dyn Environment) -> Result<Value, Fault> {
    if is_untyped(&value.of) {
        return Ok(value.retyped(to.clone()));
    }
    if is_boolean(to) && !value.of.is_integral() && !wide_float::is_wide(&value.of) {
        // Whether it is not zero (C17, 6.3.1.2); arrays and functions are somewhere.
        let somewhere = value.of.element().is_some() || value.of.is_function();
        let truth = somewhere || operators::truth(value, environment)?;
        return Ok(Value::computed(
            to.clone(),
            integer_bytes(truth.into(), to.size().unwrap_or(1)),
        ));
    }
    if wide_float::is_wide(&value.of) || wide_float::is_wide(to) {
        let bytes = wide_float::converted(value, to, environment)?;
        let bytes = bytes.ok_or_else(|| impossible(value, to))?;
        return Ok(Value::computed(to.clone(), bytes));
    }
    if let Some(number) = Number::of(value, environment)? {
        if number.is_outside(to) {
            let text = Formatter::new(environment, Format::default()).inner(value);
            return Err(Fault::Operand(format!("{text} does not fit {}", to.name())));
        }
        let bytes = number.bytes_as(to).ok_or_else(|| impossible(value, to))?;
        return Ok(Value::computed(to.clone(), bytes));
    }
    if to.is_integral() && member_pointer::is_one(&value.of) && value.size() == Some(8) {
        let offset = i128::from(value.integer(environment)? as u64 as i64);
        return Ok(Value::computed(to.clone(), integer_bytes(offset, to.size().unwrap_or(8))));
    }
    if to.is_integral()
        && let Ok(address) = operators::address(value, environment)
    {
        let size = to.size().unwrap_or(8);
        return Ok(Value::computed(to.clone(), integer_bytes(i128::from(address), size)));
    }
    Err(impossible(value, to))
}

fn is_boolean(of: &Type) -> bool {
    matches!(of.stripped().shape(), Shape::Base { encoding: Encoding::Bool, .. })
}

/// What stands for the type of a variable without debug information.
pub(super) fn is_untyped(of: &Type) -> bool {
    matches!(of.shape(), Shape::Opaque { name, .. } if name.starts_with('<'))
}

/// Whether of a variable only its symbol's size is known: what it is, a cast decides, as in gdb.
fn is_only_sized(of: &Type) -> bool {
    let (of, _) = of.element().unwrap_or_else(|| (of.clone(), Count::Unknown));
    matches!(of.shape(), Shape::Base { name, .. } if name.starts_with('<'))
}

/// Whether values of a type have parts: only such are seen as records.
fn has_parts(of: &Type) -> bool {
    matches!(of.stripped().shape(), Shape::Record(_) | Shape::Array { .. } | Shape::Opaque { .. })
}

fn impossible(value: &Value, to: &Type) -> Fault {
    Fault::Operand(format!("{} cannot be converted to {}", value.of.name(), to.name()))
}
