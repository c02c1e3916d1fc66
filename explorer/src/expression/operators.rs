//! What operators make of values.

use super::environment::Environment;
use super::number::{Number, apply, integer_type};
use super::syntax::Binary;
use super::{Fault, iterators, member_pointer, python as objects, wide_float};
use crate::symbols::datatypes::{Bits, Link, PointerKind, Shape, Type};
use crate::symbols::{did_you_mean, nearest};
use crate::values::pretty::{self, NotIndexed};
use crate::values::{Format, Formatter, Target, Value, python};

/// Most elements of `array@count`.
const MAX_REPEAT: i128 = 1 << 20;

/// What a value is as an operand: references are what they refer to.
fn operand(value: &Value, target: &dyn Target) -> Value {
    value.referent(target)
}

/// A value as a pointer, if it is one or becomes one: arrays and functions do.
fn pointer(value: &Value) -> Option<Value> {
    if value.of.is_pointer() {
        return Some(value.clone());
    }
    let to = match value.of.element() {
        Some((element, _)) => element,
        None if value.of.is_function() => value.of.clone(),
        None => return None,
    };
    let address = value.address()?;
    Some(Value::computed(to.pointer(), address.to_le_bytes().into()))
}

/// The address a pointer or integer holds.
pub(super) fn address(value: &Value, environment: &dyn Environment) -> Result<u64, Fault> {
    let value = operand(value, environment);
    let held = pointer(&value).or_else(|| value.of.is_integral().then(|| value.clone()));
    let held = held.ok_or_else(|| no_pointer(&value))?;
    Ok(held.integer(environment)? as u64)
}

fn no_pointer(value: &Value) -> Fault {
    Fault::Operand(format!("a pointer or number is needed, not {}", value.of.name()))
}

/// Bytes between what a pointer points to and its neighbour; 1 for `void` and functions, as
/// in gdb.
fn stride(pointer: &Value) -> u64 {
    pointer.of.target().and_then(|to| to.size()).filter(|size| *size > 0).unwrap_or(1)
}

/// Whether a value is true: not zero.
pub(super) fn truth(value: &Value, environment: &dyn Environment) -> Result<bool, Fault> {
    let value = operand(value, environment);
    if wide_float::is_wide(&value.of) {
        return wide_float::truth(&value, environment);
    }
    if member_pointer::is_one(&value.of) {
        return member_pointer::truth(&value, environment);
    }
    if let Some(number) = Number::of(&value, environment)? {
        return Ok(number.is_true());
    }
    let pointer = pointer(&value).ok_or_else(|| no_pointer(&value))?;
    Ok(pointer.integer(environment)? != 0)
}

/// A number converted to the common type of it and another (C17, 6.5.15), which is the same for
/// all values of the other's type; what is no number, or of the same type, stays as it is.
pub(super) fn converted(
    value: &Value,
    other: &Value,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let (own, of) = (value.referent(environment), other.of.clone());
    let of = if of.is_reference() { of.target().unwrap_or(of) } else { of };
    let is_wide = [&own.of, &of].map(wide_float::is_wide);
    let is_number = |of: &Type| of.is_float() || of.is_integral();
    let same = own.of.stripped().name() == of.stripped().name();
    if same || is_wide[0] || !is_number(&own.of) || !is_number(&of) {
        return Ok(value.clone());
    }
    if is_wide[1] {
        return super::cast::cast(&own, &of, super::classes::Conversion::Along, environment);
    }
    let size = of.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(1).min(16);
    let mut zero = Value::computed(of, vec![0; size]);
    zero.bits = other.bits.map(|bits| Bits { offset: 0, size: bits.size.min(size as u64 * 8) });
    let numbers = Number::of(&own, environment)?.zip(Number::of(&zero, environment)?);
    Ok(numbers.map_or_else(|| value.clone(), |(own, zero)| own.converted(zero).value()))
}

/// `*value`. Of a bare number, the eight bytes there; of `void *`, a place without a value.
pub(super) fn dereference(value: &Value, environment: &dyn Environment) -> Result<Value, Fault> {
    let value = operand(value, environment);
    if value.implied.is_some() {
        let pointee = value.pointee(environment);
        return pointee
            .ok_or_else(|| Fault::Operand("it points to a value that is not kept".to_owned()));
    }
    if let Some(pointee) = pretty::pointee(&value, environment) {
        return Ok(pointee);
    }
    if let Some(held) = pointer(&value) {
        let to = held.of.target().unwrap_or_else(Type::void);
        return Ok(Value::in_memory(to, held.integer(environment)? as u64));
    }
    if value.of.is_integral() {
        let address = value.integer(environment)? as u64;
        return Ok(Value::in_memory(integer_type(8, true), address));
    }
    if pretty::is_empty_optional(&value, environment) {
        return Err(Fault::Operand(format!("{} contains no value", value.of.name())));
    }
    Err(no_pointer(&value))
}

/// `&value`.
pub(super) fn address_of(value: &Value, environment: &dyn Environment) -> Result<Value, Fault> {
    let value = operand(value, environment);
    if value.bits.is_some() {
        return Err(Fault::Operand("a bit-field has no address".to_owned()));
    }
    let address = value.address().ok_or_else(|| Fault::NoAddress(value.of.name()))?;
    Ok(Value::computed(value.of.pointer(), address.to_le_bytes().into()))
}

/// `+value`, `-value`.
pub(super) fn signed(
    value: &Value,
    minus: bool,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let value = operand(value, environment);
    if wide_float::is_wide(&value.of) {
        return wide_float::signed(&value, minus, environment);
    }
    let number = Number::of(&value, environment)?.ok_or_else(|| no_number(&value))?;
    let number = number.promoted();
    Ok(if minus { number.negated() } else { number }.value())
}

/// `~value`.
pub(super) fn complement(value: &Value, environment: &dyn Environment) -> Result<Value, Fault> {
    let value = operand(value, environment);
    let number = match wide_float::is_wide(&value.of) {
        true => None,
        false => Number::of(&value, environment)?,
    };
    match number.map(Number::promoted) {
        Some(Number::Integer { value, size, signed }) => {
            let value = super::number::wrap(!value, size, signed);
            Ok(Number::Integer { value, size, signed }.value())
        }
        _ => Err(Fault::Operand("an integer is needed here".to_owned())),
    }
}

fn no_number(value: &Value) -> Fault {
    Fault::Operand(format!("a number is needed here, not {}", value.of.name()))
}

/// `left operator right`, both evaluated.
pub(super) fn binary(
    operator: Binary,
    left: &Value,
    right: &Value,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let (left, right) = (operand(left, environment), operand(right, environment));
    if operator == Binary::Repeat {
        return repeat(&left, &right, environment);
    }
    if operator == Binary::PointedMember {
        return member_pointer::member(&left, &right, environment);
    }
    if member_pointer::is_one(&left.of) || member_pointer::is_one(&right.of) {
        return member_pointer::binary(operator, &left, &right, environment);
    }
    if wide_float::is_wide(&left.of) || wide_float::is_wide(&right.of) {
        return wide_float::binary(operator, &left, &right, environment);
    }
    if let Some(found) = iterators::binary(operator, &left, &right, environment)? {
        return Ok(found);
    }
    if let (Some(a), Some(b)) = (Number::of(&left, environment)?, Number::of(&right, environment)?)
    {
        return apply(operator, a, b).map(Number::value);
    }
    match (pointer(&left), pointer(&right)) {
        (Some(a), Some(b)) => pointers(operator, &a, &b, environment),
        (Some(a), None) => displaced(operator, &a, &right, environment),
        (None, Some(b)) if operator == Binary::Add => displaced(operator, &b, &left, environment),
        (None, Some(b)) => displaced(operator, &left, &b, environment),
        (None, None) => {
            let odd = if Number::of(&left, environment)?.is_some() { &right } else { &left };
            Err(no_number(odd))
        }
    }
}

/// Two pointers: compared, or subtracted.
fn pointers(
    operator: Binary,
    a: &Value,
    b: &Value,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let (x, y) = (a.integer(environment)?, b.integer(environment)?);
    if operator == Binary::Subtract {
        let difference = (x - y) / i128::from(stride(a));
        return Ok(Number::Integer { value: difference, size: 8, signed: true }.value());
    }
    compare(operator, x, y)
}

fn compare(operator: Binary, x: i128, y: i128) -> Result<Value, Fault> {
    let number = |value| Number::Integer { value, size: 8, signed: false };
    match operator {
        Binary::Less
        | Binary::Greater
        | Binary::LessEqual
        | Binary::GreaterEqual
        | Binary::Equal
        | Binary::NotEqual => apply(operator, number(x), number(y)).map(Number::value),
        _ => Err(Fault::Operand("pointers cannot be combined so".to_owned())),
    }
}

/// A pointer and a number: moved by elements, or compared.
fn displaced(
    operator: Binary,
    a: &Value,
    b: &Value,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    let by = b.of.is_integral() || b.of.is_pointer();
    if !by || !(a.of.is_pointer() || a.of.is_integral()) {
        return Err(no_pointer(if by { a } else { b }));
    }
    let (x, y) = (a.integer(environment)?, b.integer(environment)?);
    let sign = match operator {
        Binary::Add => 1,
        Binary::Subtract if a.of.is_pointer() => -1,
        _ => return compare(operator, x, y),
    };
    let moved = x.wrapping_add(y.wrapping_mul(sign).wrapping_mul(i128::from(stride(a)))) as u64;
    Ok(Value::computed(a.of.clone(), moved.to_le_bytes().into()))
}

/// `of[index]`.
pub(super) fn index(
    of: &Value,
    index: &Value,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    if let Some(found) = python::indexed(of, index, environment) {
        return found.map_err(|why| no_element(of, index, &why, environment));
    }
    let (of, index) = (operand(of, environment), operand(index, environment));
    let swapped = of.of.is_integral();
    let (of, index) = if swapped { (index, of) } else { (of, index) };
    let of = pretty::rust_referent(of, environment);
    if let Some(found) = pretty::indexed(&of, &index, environment) {
        return found.map_err(|why| no_element(&of, &index, &why, environment));
    }
    if !index.of.is_integral() {
        return Err(Fault::Operand(format!(
            "an index has to be an integer, not {}",
            index.of.name()
        )));
    }
    let of = pretty::array_pointer(&of, environment).unwrap_or(of);
    let number = index.integer(environment)?;
    if let Some(moved) = pretty::moved(&of, number, environment) {
        return dereference(&moved, environment);
    }
    if of.of.element().is_some() {
        let outside = || Fault::Operand(format!("there is no element {number}"));
        // Nothing lies behind an array that is not in memory.
        let within = |length: u64| (0..i128::from(length)).contains(&number);
        if of.address().is_none() && !of.length().is_none_or(within) {
            return Err(outside());
        }
        return of.element(number).ok_or_else(outside);
    }
    if !of.of.is_pointer() {
        return Err(Fault::Operand(format!("{} cannot be indexed", of.of.name())));
    }
    let moved = displaced(Binary::Add, &of, &index, environment)?;
    dereference(&moved, environment)
}

/// Why a container has no element of a number or key.
fn no_element(of: &Value, index: &Value, why: &NotIndexed, environment: &dyn Environment) -> Fault {
    let name = of.of.name();
    let index = Formatter::new(environment, Format::default()).inner(index);
    let reason = match why {
        NotIndexed::Length(0) => format!("{name} is empty"),
        NotIndexed::Length(length) => format!("the length of {name} is {length}"),
        NotIndexed::Key => format!("{name} has no such key"),
        NotIndexed::Keys(keys) => format!("keys of type {keys} are not compared with that"),
        NotIndexed::Large => format!("{name} is too large to be looked through"),
        NotIndexed::Unknown => format!("not all of {name} is known"),
    };
    Fault::Operand(format!("there is no element {index}: {reason}"))
}

/// `of.name` and `of->name`, which mean the same here, as in gdb.
pub(super) fn member(
    of: &Value,
    name: &str,
    environment: &dyn Environment,
) -> Result<Value, Fault> {
    if let Some(found) = super::lanes::lanes(of, name) {
        return Ok(found);
    }
    let is_pointer = operand(of, environment).of.is_pointer();
    let mut record = object(of, environment)?;
    if !is_pointer && let Some(target) = pretty::pointee(&record, environment) {
        // A smart pointer: its own members come first.
        if record.member_named(name, environment).is_none() {
            record = target;
        }
    }
    if let Some(found) = record.member_named(name, environment) {
        return Ok(found);
    }
    // `object.Base::member`.
    if let Some((base, inner)) = name.rsplit_once("::")
        && let Some(found) = record.base_named(base, environment)
        && let Some(found) = found.member_named(inner, environment)
    {
        return Ok(found);
    }
    objects::attribute(&record, name, environment).unwrap_or(Err(no_member(&record, name)))
}

/// What stands before `.` or `->`: of a pointer, what it points to.
pub(super) fn object(of: &Value, environment: &dyn Environment) -> Result<Value, Fault> {
    let object = operand(of, environment);
    if !object.of.is_pointer() {
        return Ok(object);
    }
    let pointee = object.pointee(environment);
    match object.integer(environment) {
        Err(missing) if object.implied.is_none() => Err(missing.into()),
        _ => pointee.ok_or_else(|| no_pointer(of)),
    }
}

fn no_member(record: &Value, name: &str) -> Fault {
    let of = record.of.stripped();
    let Shape::Record(shape) = of.shape() else {
        return Fault::Operand(format!("{} has no members", record.of.name()));
    };
    let names = shape.members.iter().filter_map(|member| member.name.as_deref());
    let hint = did_you_mean(&nearest(name, names, 3));
    Fault::Member(record.of.name(), name.to_owned(), hint)
}

/// `first@count`: an array that begins with a value in memory.
fn repeat(first: &Value, count: &Value, environment: &dyn Environment) -> Result<Value, Fault> {
    let Some(address) = first.address() else {
        return Err(Fault::Operand("only values in memory can be extended with @".to_owned()));
    };
    let Some(Number::Integer { value, .. }) = Number::of(count, environment)? else {
        return Err(Fault::Operand("behind @ an integer is needed".to_owned()));
    };
    if !(1..=MAX_REPEAT).contains(&value) {
        return Err(Fault::Operand(format!("@ takes a count from 1 to {MAX_REPEAT}, not {value}")));
    }
    Ok(Value::in_memory(first.of.array(value as u64), address))
}

/// A reference to a value, for casts to reference types.
pub(super) fn refer(value: &Value, to: &Type, kind: PointerKind) -> Result<Value, Fault> {
    let address = value.address().ok_or_else(|| Fault::NoAddress(value.of.name()))?;
    let of = Type::made(Shape::Pointer { kind, to: Link::Made(to.clone()), name: None });
    Ok(Value::computed(of, address.to_le_bytes().into()))
}
