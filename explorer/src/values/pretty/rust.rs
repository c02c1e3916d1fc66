//! The types of Rust's standard library.

use super::cpp::{run, text_at};
use super::{Printer, Shown};
use crate::symbols::datatypes::{Shape, Type};
use crate::values::parts::Visits;
use crate::values::{Target, Value};

/// The names of counted references, and of boxes of what is not of known size.
const RC: &str = "alloc::rc::Rc";
const ARC: &str = "alloc::sync::Arc";
pub(super) const BOX: &str = "alloc::boxed::Box";

/// The printers.
pub(super) static PRINTERS: &[Printer] = &[
    Printer { name: "&str", show: str_slice },
    Printer { name: "&mut str", show: str_slice },
    Printer { name: "alloc::string::String", show: string },
    Printer { name: "alloc::vec::Vec", show: vec },
    Printer { name: RC, show: |value, target| counted(value, target, RC) },
    Printer { name: ARC, show: |value, target| counted(value, target, ARC) },
    Printer { name: "core::cell::Cell", show: cell },
    Printer { name: "core::cell::RefCell", show: ref_cell },
    Printer { name: "std::ffi::os_str::OsString", show: os_string },
    Printer { name: "std::path::PathBuf", show: os_string },
];

/// A number in a member.
pub(super) fn number(value: &Value, name: &str, target: &dyn Target) -> Option<u64> {
    u64::try_from(value.member_named(name, target)?.integer(target).ok()?).ok()
}

/// The first pointer among a record's members and theirs: the layout of `RawVec` and
/// `NonNull` changes between versions, that they begin with a pointer does not.
pub(super) fn first_pointer(
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

/// `Box<[T]>` and `Box<str>`.
pub(super) fn boxed_slice(value: &Value, target: &dyn Target) -> Option<Shown> {
    elements_of("Box", value, BOX, target)
}

/// The content of a box or a counted reference to a slice or a `str`.
fn elements_of(head: &str, value: &Value, name: &str, target: &dyn Target) -> Option<Shown> {
    let (of, start, length) = run_of(value, name, target)?;
    if is_of_text(value) {
        return text_at(start, length, target);
    }
    let elements = run(&of, start, length)?;
    let head = format!("{head}(size={length}) = ");
    Some(Shown::Sequence { head, open: "[", close: "]", elements, length })
}

/// Whether a box or a counted reference is one to a `str`.
fn is_of_text(value: &Value) -> bool {
    let name = value.of.stripped().name();
    name.contains("<str,") || name.ends_with("<str>")
}

/// Where the text is that a type owns whose printer shows nothing else, and its bytes.
pub(super) fn owned_text(value: &Value, name: &str, target: &dyn Target) -> Option<(u64, u64)> {
    match name {
        "std::ffi::os_str::OsString" | "std::path::PathBuf" => os_text(value, target),
        BOX if is_of_text(value) => {
            Some((number(value, "data_ptr", target)?, number(value, "length", target)?))
        }
        RC | ARC if is_of_text(value) => {
            let held = held(&inner(value, target)?, target)?;
            Some((held.address()?, fat_length(value, target)?))
        }
        _ => None,
    }
}

/// The length beside the pointer of an `Rc<[T]>` or `Rc<str>`.
fn fat_length(value: &Value, target: &dyn Target) -> Option<u64> {
    let pointer = value.path(&["ptr", "pointer"], target)?;
    pointer.member_named("data_ptr", target)?;
    number(&pointer, "length", target)
}

/// The same behind other words.
fn with_head(head: String, shown: Shown) -> Shown {
    match shown {
        Shown::Text(text) => Shown::Text(head + &text),
        Shown::Sequence { open, close, elements, length, .. } => {
            Shown::Sequence { head, open, close, elements, length }
        }
        other => other,
    }
}

fn cell(value: &Value, target: &dyn Target) -> Option<Shown> {
    let value = value.path(&["value", "value"], target)?;
    Some(Shown::Wrapped { head: "Cell(".to_owned(), value, tail: ")".to_owned() })
}

fn ref_cell(value: &Value, target: &dyn Target) -> Option<Shown> {
    let borrows = value.path(&["borrow", "value", "value"], target)?.integer(target).ok()?;
    let value = value.path(&["value", "value"], target)?;
    let head = format!("RefCell(borrow={borrows}) = ");
    Some(Shown::Wrapped { head, value, tail: String::new() })
}

fn os_string(value: &Value, target: &dyn Target) -> Option<Shown> {
    let (address, length) = os_text(value, target)?;
    text_at(address, length, target)
}

/// Bytes in a `Vec`, a few records down: where, and how many.
fn os_text(value: &Value, target: &dyn Target) -> Option<(u64, u64)> {
    const MOST: usize = 4;
    let deeper = |value: &Value| value.member_named("inner", target);
    let vec = std::iter::successors(Some(value.clone()), deeper).take(MOST).last()?;
    let pointer = first_pointer(&vec.member_named("buf", target)?, target, (0, &Visits::new()))?;
    Some((pointer.integer(target).ok()? as u64, number(&vec, "len", target)?))
}

/// What a counted reference leads to: the counts, with the value behind them.
fn inner(value: &Value, target: &dyn Target) -> Option<Value> {
    first_pointer(value, target, (0, &Visits::new()))?.pointee(target)
}

/// The value that is counted: of a slice, its first element.
fn held(inner: &Value, target: &dyn Target) -> Option<Value> {
    inner.member_named("value", target).or_else(|| inner.member_named("data", target))
}

/// What `*` gives of an `Rc` or an `Arc` of a type of known size.
pub(super) fn pointee(value: &Value, name: &str, target: &dyn Target) -> Option<Value> {
    let counts = matches!(name, RC | ARC);
    if !counts || fat_length(value, target).is_some() {
        return None;
    }
    held(&inner(value, target)?, target)
}

fn counted(value: &Value, target: &dyn Target, name: &str) -> Option<Shown> {
    let short = name.rsplit("::").next().unwrap_or(name);
    let inner = inner(value, target)?;
    let strong =
        first_integer(&inner.member_named("strong", target)?, target, (0, &Visits::new()))?;
    let weak = first_integer(&inner.member_named("weak", target)?, target, (0, &Visits::new()))?
        .saturating_sub(1);
    let held = held(&inner, target)?;
    let head = format!("{short}(strong={strong}, weak={weak}) = ");
    if fat_length(value, target).is_some() {
        let content = elements_of(short, value, name, target)?;
        return Some(with_head(head, content));
    }
    Some(Shown::Wrapped { head, value: held, tail: String::new() })
}

/// Whether a type's name is that of a reference to text.
fn is_str(name: &str) -> bool {
    matches!(name, "&str" | "&mut str")
}

/// Whether a type's name is that of text, in UTF-8.
pub(super) fn is_text(name: &str) -> bool {
    name == "alloc::string::String" || is_str(name)
}

/// The elements of a vector, a slice, however it is owned, or text: their type, the first's
/// address, and how many there are.
pub(super) fn run_of(value: &Value, name: &str, target: &dyn Target) -> Option<(Type, u64, u64)> {
    let is_slice = ["&[", "&mut ["].iter().any(|start| name.starts_with(start));
    match name {
        "alloc::string::String" => {
            run_of(&value.member_named("vec", target)?, "alloc::vec::Vec", target)
        }
        "alloc::vec::Vec" => {
            let buffer = value.member_named("buf", target)?;
            let pointer = first_pointer(&buffer, target, (0, &Visits::new()))?;
            let start = pointer.integer(target).ok()? as u64;
            Some((value.argument(0)?, start, number(value, "len", target)?))
        }
        RC | ARC => {
            let length = fat_length(value, target)?;
            let first = held(&inner(value, target)?, target)?;
            let start = first.address()?;
            Some((first.of, start, length))
        }
        _ if name == BOX || is_slice || is_str(name) => {
            let pointer = value.member_named("data_ptr", target)?;
            let start = pointer.integer(target).ok()? as u64;
            Some((pointer.of.target()?, start, number(value, "length", target)?))
        }
        _ => None,
    }
}
