//! Complex numbers: two floats behind each other, the real part first (DWARF 5, 7.8).

use super::Fault;
use crate::symbols::datatypes::{Encoding, Shape, Type};
use crate::values::{FloatFormat, Value};

/// The real part (0) or the imaginary one (1) of a complex number.
pub(super) fn part(of: &Value, index: u64) -> Result<Value, Fault> {
    let component = component(&of.of);
    let unsuitable = || Fault::Operand(format!("{} is no complex number", of.of.name()));
    let (component, size) = component.ok_or_else(unsuitable)?;
    Ok(of.part(component, index * size, None))
}

/// The type of a complex number's parts, and its size in bytes.
fn component(of: &Type) -> Option<(Type, u64)> {
    let stripped = of.stripped();
    let Shape::Base { name, size, encoding: Encoding::Complex } = stripped.shape() else {
        return None;
    };
    let size = size / 2;
    let name = match FloatFormat::named(name, size)? {
        FloatFormat::Half => "_Float16",
        FloatFormat::Single => "float",
        FloatFormat::Double => "double",
        FloatFormat::Extended => "long double",
        FloatFormat::Quad => "_Float128",
    };
    Some((Type::base(name, size, Encoding::Float), size))
}
