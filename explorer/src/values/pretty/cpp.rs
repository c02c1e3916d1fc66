//! libstdc++'s types (their layout: GCC 5 to 14, `_GLIBCXX_USE_CXX11_ABI` 1).

use super::associative::{hash, tree};
use super::{LIMIT, Printer, Shown};
use crate::symbols::datatypes::{Shape, Type};
use crate::values::{Target, TextStyle, Value, Wide, quoted_bytes, units};

/// Bytes of a list's node before its value: next, previous.
const LIST_NODE: u64 = 16;
/// A deque's buffers hold this many bytes.
pub(super) const DEQUE_BUFFER: u64 = 512;

/// The name of optionals.
const OPTIONAL: &str = "std::optional";

/// The printers.
pub(super) static PRINTERS: &[Printer] = &[
    Printer { name: "std::__cxx11::basic_string", show: string },
    Printer { name: "std::basic_string_view", show: string_view },
    Printer { name: "std::vector", show: vector },
    Printer { name: "std::__cxx11::list", show: list },
    Printer { name: "std::deque", show: deque },
    Printer { name: "std::map", show: |value, target| tree(value, target, "std::map", true) },
    Printer { name: "std::multimap", show: |v, target| tree(v, target, "std::multimap", true) },
    Printer { name: "std::set", show: |value, target| tree(value, target, "std::set", false) },
    Printer { name: "std::multiset", show: |v, target| tree(v, target, "std::multiset", false) },
    Printer { name: "std::unordered_map", show: |v, t| hash(v, t, "std::unordered_map", true) },
    Printer { name: "std::unordered_set", show: |v, t| hash(v, t, "std::unordered_set", false) },
    Printer {
        name: "std::unordered_multimap",
        show: |v, t| hash(v, t, "std::unordered_multimap", true),
    },
    Printer {
        name: "std::unordered_multiset",
        show: |v, t| hash(v, t, "std::unordered_multiset", false),
    },
    Printer { name: "std::unique_ptr", show: unique },
    Printer { name: "std::shared_ptr", show: |v, target| shared(v, target, "std::shared_ptr") },
    Printer { name: "std::weak_ptr", show: |value, target| shared(value, target, "std::weak_ptr") },
    Printer { name: OPTIONAL, show: optional },
];

/// A number in a member.
pub(super) fn number(value: &Value, path: &[&str], target: &dyn Target) -> Option<u64> {
    let number = value.path(path, target)?.integer(target).ok()?;
    u64::try_from(number).ok()
}

/// Text of `length` bytes at an address.
pub(super) fn text_at(address: u64, length: u64, target: &dyn Target) -> Option<Shown> {
    let shown = length.min(LIMIT as u64 + 1) as usize;
    let bytes: Option<Vec<u8>> = target.memory(address, shown).into_iter().collect();
    Some(Shown::Text(quoted_bytes(&bytes?, TextStyle::cut(length > LIMIT as u64))))
}

/// A string of characters of any width.
fn characters(of: &Type, address: u64, length: u64, target: &dyn Target) -> Option<Shown> {
    let Some(wide) = Wide::of(of) else { return text_at(address, length, target) };
    let shown = length.min(LIMIT as u64 + 1) as usize;
    let bytes: Option<Vec<u8>> = target.memory(address, shown * wide.size).into_iter().collect();
    let style = TextStyle::cut(length > LIMIT as u64);
    Some(Shown::Text(wide.quoted(&units(&bytes?, wide.size), style)))
}

fn string(value: &Value, target: &dyn Target) -> Option<Shown> {
    let address = number(value, &["_M_dataplus", "_M_p"], target)?;
    let length = number(value, &["_M_string_length"], target)?;
    characters(&value.argument(0)?, address, length, target)
}

fn string_view(value: &Value, target: &dyn Target) -> Option<Shown> {
    let address = number(value, &["_M_str"], target)?;
    characters(&value.argument(0)?, address, number(value, &["_M_len"], target)?, target)
}

/// `count` values of a type, one behind the other.
pub(super) fn run(of: &Type, address: u64, count: u64) -> Option<Vec<Value>> {
    let size = of.size()?;
    let at = |index: u64| address.wrapping_add(index.wrapping_mul(size));
    Some((0..count.min(LIMIT as u64 * 4)).map(|i| Value::in_memory(of.clone(), at(i))).collect())
}

/// Elements behind a head.
pub(super) fn sequence(head: String, elements: Vec<Value>, length: u64) -> Shown {
    match length {
        0 => Shown::Text(head),
        _ => Shown::Sequence { head: head + " = ", open: "{", close: "}", elements, length },
    }
}

/// Element type, first address, number of elements, and number there is room for, if that is
/// known: optimised code does not keep it where it is not needed.
pub(super) fn vector_parts(
    value: &Value,
    target: &dyn Target,
) -> Option<(Type, u64, u64, Option<u64>)> {
    let of = value.argument(0)?;
    let size = of.size()?.max(1);
    let at = |name| number(value, &["_M_impl", name], target);
    let (start, finish) = (at("_M_start")?, at("_M_finish")?);
    let room = match at("_M_end_of_storage") {
        Some(end) => Some(end.checked_sub(start)? / size),
        None => None,
    };
    Some((of, start, finish.checked_sub(start)? / size, room))
}

fn vector(value: &Value, target: &dyn Target) -> Option<Shown> {
    if super::adaptors::is_of_bits(value, target) {
        return super::adaptors::bits(value, target);
    }
    let (of, start, length, capacity) = vector_parts(value, target)?;
    let capacity = capacity.map_or_else(|| "not known".to_owned(), |capacity| capacity.to_string());
    let head = format!("std::vector of length {length}, capacity {capacity}");
    Some(sequence(head, run(&of, start, length)?, length))
}

fn list(value: &Value, target: &dyn Target) -> Option<Shown> {
    let of = value.argument(0)?;
    let header = value.path(&["_M_impl", "_M_node"], target)?;
    let end = header.address()?;
    let mut next = number(&header, &["_M_next"], target)?;
    let mut elements = Vec::new();
    while next != end && elements.len() < LIMIT {
        elements.push(Value::in_memory(of.clone(), next.wrapping_add(LIST_NODE)));
        next = word(next, target)?;
    }
    let length = number(&header, &["_M_size"], target).unwrap_or(elements.len() as u64);
    if length == 0 {
        return Some(Shown::Text("empty std::__cxx11::list".to_owned()));
    }
    let entries = elements.into_iter().enumerate().map(|(i, value)| (index_value(i), value));
    let head = "std::__cxx11::list = ".to_owned();
    Some(Shown::Map { head, entries: entries.collect(), length })
}

/// The 8 bytes at an address.
pub(crate) fn word(address: u64, target: &dyn Target) -> Option<u64> {
    let bytes: Option<Vec<u8>> = target.memory(address, 8).into_iter().collect();
    Some(u64::from_le_bytes(bytes?.try_into().ok()?))
}

fn deque(value: &Value, target: &dyn Target) -> Option<Shown> {
    let of = value.argument(0)?;
    let size = of.size()?.max(1);
    let per_buffer = if size < DEQUE_BUFFER { DEQUE_BUFFER / size } else { 1 };
    let at = |end, name| number(value, &["_M_impl", end, name], target);
    let (start, finish) = ("_M_start", "_M_finish");
    let buffers = (at(finish, "_M_node")?.checked_sub(at(start, "_M_node")?)? / 8).checked_sub(1);
    let head = at(start, "_M_last")?.checked_sub(at(start, "_M_cur")?)? / size;
    let tail = at(finish, "_M_cur")?.checked_sub(at(finish, "_M_first")?)? / size;
    let length = match buffers {
        Some(between) => between.checked_mul(per_buffer)?.checked_add(head)?.checked_add(tail)?,
        None => at(finish, "_M_cur")?.checked_sub(at(start, "_M_cur")?)? / size,
    };
    let (mut node, mut cursor) = (at(start, "_M_node")?, at(start, "_M_cur")?);
    let mut last = at(start, "_M_last")?;
    let mut elements = Vec::new();
    while (elements.len() as u64) < length.min(LIMIT as u64) {
        elements.push(Value::in_memory(of.clone(), cursor));
        cursor = cursor.wrapping_add(size);
        if cursor == last {
            node = node.wrapping_add(8);
            cursor = word(node, target)?;
            last = cursor.wrapping_add(per_buffer.wrapping_mul(size));
        }
    }
    let plural = if length == 1 { "" } else { "s" };
    Some(sequence(format!("std::deque with {length} element{plural}"), elements, length))
}

/// The number of an element.
pub(super) fn index_value(index: usize) -> Value {
    let of = Type::base("int", 4, crate::symbols::datatypes::Encoding::Signed);
    Value::computed(of, (index as u32).to_le_bytes().into())
}

/// The pointer a unique_ptr holds: head of the tuple in it.
fn unique_pointer(value: &Value, target: &dyn Target) -> Option<Value> {
    let mut tuple = value.path(&["_M_t", "_M_t"], target)?;
    // Down the bases to `_Head_base<0, …>`: others hold the deleter.
    for _ in 0..4 {
        let of = tuple.of.stripped();
        let Shape::Record(record) = of.shape() else { return None };
        let base = |prefix: &str| {
            let found = record.members.iter().find(|member| {
                member.base && member.name.as_deref().is_some_and(|name| name.starts_with(prefix))
            });
            tuple.member(found?, target)
        };
        if let Some(head) = base("std::_Head_base<0") {
            return head.member_named("_M_head_impl", target);
        }
        tuple = base("std::_Tuple_impl<0")?;
    }
    None
}

fn unique(value: &Value, target: &dyn Target) -> Option<Shown> {
    let pointer = unique_pointer(value, target)?;
    let of = value.argument(0)?.name();
    let head = format!("std::unique_ptr<{of}> = {{get() = ");
    Some(Shown::Wrapped { head, value: pointer, tail: "}".to_owned() })
}

fn shared(value: &Value, target: &dyn Target, name: &str) -> Option<Shown> {
    let pointer = value.member_named("_M_ptr", target)?;
    let of = value.argument(0)?.name();
    let counts = value.path(&["_M_refcount", "_M_pi"], target)?;
    let counts = if counts.integer(target).ok()? == 0 { None } else { counts.pointee(target) };
    let Some(counts) = counts else {
        let head = format!("{name}<{of}> (empty) = {{get() = ");
        return Some(Shown::Wrapped { head, value: pointer, tail: "}".to_owned() });
    };
    let uses = number(&counts, &["_M_use_count"], target)?;
    let weak = number(&counts, &["_M_weak_count"], target)?.saturating_sub(u64::from(uses > 0));
    let head = format!("{name}<{of}> (use count {uses}, weak count {weak}) = {{get() = ");
    Some(Shown::Wrapped { head, value: pointer, tail: "}".to_owned() })
}

/// What an optional holds; the inner `None`: nothing.
fn contained(value: &Value, target: &dyn Target) -> Option<Option<Value>> {
    let payload = value.member_named("_M_payload", target)?;
    if number(&payload, &["_M_engaged"], target)? == 0 {
        return Some(None);
    }
    payload.path(&["_M_payload", "_M_value"], target).map(Some)
}

fn optional(value: &Value, target: &dyn Target) -> Option<Shown> {
    let of = value.argument(0)?.name();
    let Some(held) = contained(value, target)? else {
        return Some(Shown::Text(format!("std::optional<{of}> [no contained value]")));
    };
    let head = format!("std::optional<{of}> = {{[contained value] = ");
    Some(Shown::Wrapped { head, value: held, tail: "}".to_owned() })
}

/// Whether a value is an optional that holds nothing.
pub fn is_empty_optional(value: &Value, target: &dyn Target) -> bool {
    let optional = super::bare_name(value).is_some_and(|name| name == OPTIONAL);
    optional && matches!(contained(value, target), Some(None))
}

/// The pointer that a smart pointer holds.
fn held_pointer(value: &Value, name: &str, target: &dyn Target) -> Option<Value> {
    match name {
        "std::unique_ptr" => unique_pointer(value, target),
        "std::shared_ptr" => value.member_named("_M_ptr", target),
        _ => None,
    }
}

/// What a smart pointer points to, or an optional holds.
pub(super) fn pointee(value: &Value, name: &str, target: &dyn Target) -> Option<Value> {
    match name {
        OPTIONAL => contained(value, target)?,
        _ => held_pointer(value, name, target)?.pointee(target),
    }
}

/// The pointer that a smart pointer to an array holds, which does not know how long that is.
pub fn array_pointer(value: &Value, target: &dyn Target) -> Option<Value> {
    let pointer = held_pointer(value, &super::bare_name(value)?, target)?;
    value.argument(0)?.element().map(|_| pointer)
}
