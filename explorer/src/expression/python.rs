//! Attributes of Python's objects.

use super::environment::Tag;
use super::{Environment, Fault};
use crate::symbols::cython::structure_of;
use crate::values::{Value, python};

/// Base classes of an extension type.
const MAX_BASES: usize = 32;

/// Where an extension type of Cython's keeps what its base class has.
const BASE: &str = "__pyx_base";

/// An attribute that an object has of its own, where it is kept; `None` if `object` is none of
/// Python's.
pub(super) fn attribute(
    object: &Value,
    name: &str,
    environment: &dyn Environment,
) -> Option<Result<Value, Fault>> {
    let address = object.address().filter(|_| python::is_object(&object.of))?;
    let class = python::class_name(address, environment)?;
    let kept = || {
        let slot = python::attribute(address, name, environment)?;
        Some(Value::in_memory(object.of.pointer(), slot))
    };
    let found = declared(address, &class, name, environment).or_else(kept);
    let none =
        || Fault::Operand(format!("no attribute {name:?} is known of this {class} object's own"));
    Some(found.ok_or_else(none))
}

/// One that an extension type declares (`cdef`), or a base class of it.
fn declared(address: u64, class: &str, name: &str, environment: &dyn Environment) -> Option<Value> {
    let structure = environment.type_named(Tag::Struct, &structure_of(class)?)?;
    let mut part = Value::in_memory(structure, address);
    for _ in 0..MAX_BASES {
        if let Some(found) = part.member_named(name, environment) {
            return Some(found);
        }
        part = part.member_named(BASE, environment)?;
    }
    None
}
