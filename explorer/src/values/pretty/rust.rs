//! The types of Rust's standard library.

use super::cpp::{run, text_at};
use super::{LIMIT, Printer, Shown};
use crate::symbols::datatypes::{Shape, Type};
use crate::values::parts::Visits;
use crate::values::{Target, Value};

/// The printers.
pub(super) static PRINTERS: &[Printer] = &[
    Printer { name: "&str", show: str_slice },
    Printer { name: "&mut str", show: str_slice },
    Printer { name: "alloc::string::String", show: string },
    Printer { name: "alloc::vec::Vec", show: vec },
    Printer { name: "alloc::rc::Rc", show: |value, target| counted(value, target, "Rc") },
    Printer { name: "alloc::sync::Arc", show: |value, target| counted(value, target, "Arc") },
    Printer { name: "std::collections::hash::map::HashMap", show: hash_map },
];

fn number(value: &Value, name: &str, target: &dyn Target) -> Option<u64> {
    u64::try_from(value.member_named(name, target)?.integer(target).ok()?).ok()
}

/// The first pointer among a record's members and theirs: the layout of `RawVec` and
/// `NonNull` changes between versions, that they begin with a pointer does not.
fn first_pointer(
    value: &Value,
    target: &dyn Target,
    (depth, visits): (u32, &Visits),
) -> Option<Value> {
    let of = value.of.stripped();
    match of.shape() {
        Shape::Pointer { .. } => Some(value.clone()),
        Shape::Record(record) if visits.go_on(depth) => {
            let parts = record.members.iter().filter_map(|member| value.member(member, target));
            parts.into_iter().find_map(|part| first_pointer(&part, target, (depth + 1, visits)))
        }
        _ => None,
    }
}

/// The first integer likewise: `Cell<usize>` and `AtomicUsize` wrap one.
fn first_integer(
    value: &Value,
    target: &dyn Target,
    (depth, visits): (u32, &Visits),
) -> Option<u64> {
    let of = value.of.stripped();
    match of.shape() {
        Shape::Base { .. } => u64::try_from(value.integer(target).ok()?).ok(),
        Shape::Record(record) if visits.go_on(depth) => {
            let parts = record.members.iter().filter_map(|member| value.member(member, target));
            parts.into_iter().find_map(|part| first_integer(&part, target, (depth + 1, visits)))
        }
        _ => None,
    }
}

fn str_slice(value: &Value, target: &dyn Target) -> Option<Shown> {
    text_at(number(value, "data_ptr", target)?, number(value, "length", target)?, target)
}

fn string(value: &Value, target: &dyn Target) -> Option<Shown> {
    let vec = value.member_named("vec", target)?;
    let pointer = first_pointer(&vec.member_named("buf", target)?, target, (0, &Visits::new()))?;
    text_at(pointer.integer(target).ok()? as u64, number(&vec, "len", target)?, target)
}

fn vec(value: &Value, target: &dyn Target) -> Option<Shown> {
    let pointer = first_pointer(&value.member_named("buf", target)?, target, (0, &Visits::new()))?;
    let length = number(value, "len", target)?;
    let elements = run(&value.argument(0)?, pointer.integer(target).ok()? as u64, length)?;
    let head = format!("Vec(size={length}) = ");
    Some(Shown::Sequence { head, open: "[", close: "]", elements, length })
}

/// `&[T]`: the type's name says what it is.
pub(super) fn slice(value: &Value, target: &dyn Target) -> Option<Shown> {
    let pointer = value.member_named("data_ptr", target)?;
    let length = number(value, "length", target)?;
    let elements = run(&pointer.of.target()?, pointer.integer(target).ok()? as u64, length)?;
    let head = format!("{}(size={length}) = ", value.of.name());
    Some(Shown::Sequence { head, open: "[", close: "]", elements, length })
}

fn counted(value: &Value, target: &dyn Target, name: &str) -> Option<Shown> {
    let inner = first_pointer(value, target, (0, &Visits::new()))?.pointee(target)?;
    let strong =
        first_integer(&inner.member_named("strong", target)?, target, (0, &Visits::new()))?;
    let weak = first_integer(&inner.member_named("weak", target)?, target, (0, &Visits::new()))?
        .saturating_sub(1);
    let held =
        inner.member_named("value", target).or_else(|| inner.member_named("data", target))?;
    let head = format!("{name}(strong={strong}, weak={weak}) = ");
    Some(Shown::Wrapped { head, value: held, tail: String::new() })
}

/// A SwissTable (hashbrown): control bytes say which buckets are full; the buckets lie before
/// them, the first nearest.
fn hash_map(value: &Value, target: &dyn Target) -> Option<Shown> {
    const MAX_BUCKETS: u64 = 1 << 16;
    let raw = value.path(&["base", "table"], target)?;
    let table = raw.member_named("table", target)?;
    let of: Type = raw.argument(0)?;
    let control = first_pointer(&table.member_named("ctrl", target)?, target, (0, &Visits::new()))?;
    let control = control.integer(target).ok()? as u64;
    let buckets = number(&table, "bucket_mask", target)?.checked_add(1)?;
    let length = number(&table, "items", target)?;
    let bytes = target.memory(control, buckets.min(MAX_BUCKETS) as usize);
    let full = bytes.iter().enumerate().filter(|(_, byte)| byte.is_some_and(|b| b & 0x80 == 0));
    let size = of.size()?;
    let at = |index: usize| control.wrapping_sub((index as u64 + 1).wrapping_mul(size));
    let entry = |(index, _)| {
        let pair = Value::in_memory(of.clone(), at(index));
        Some((pair.member_named("__0", target)?, pair.member_named("__1", target)?))
    };
    let entries: Option<Vec<_>> = full.take(LIMIT).map(entry).collect();
    Some(Shown::Map { head: format!("HashMap(size={length}) = "), entries: entries?, length })
}

/// The element of a `Vec` or slice at an index.
pub(super) fn element(value: &Value, name: &str, index: u64, target: &dyn Target) -> Option<Value> {
    let (pointer, length, of) = if name == "alloc::vec::Vec" {
        let pointer =
            first_pointer(&value.member_named("buf", target)?, target, (0, &Visits::new()))?;
        (pointer, number(value, "len", target)?, value.argument(0)?)
    } else if name.starts_with("&[") || name.starts_with("&mut [") {
        let pointer = value.member_named("data_ptr", target)?;
        let of = pointer.of.target()?;
        (pointer, number(value, "length", target)?, of)
    } else {
        return None;
    };
    let start = pointer.integer(target).ok()? as u64;
    let address = start.checked_add(index.checked_mul(of.size()?)?)?;
    (index < length).then(|| Value::in_memory(of, address))
}
