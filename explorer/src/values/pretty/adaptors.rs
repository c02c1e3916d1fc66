//! libstdc++'s types around others: tuples, variants, adaptors, iterators, bits.

use super::associative::{HASH_NODE, TREE_NODE};
use super::cpp::{index_value, number, sequence, word};
use super::{LIMIT, Printer, Shown};
use crate::symbols::datatypes::{Encoding, Shape, Type};
use crate::values::{Target, Value};

/// Deepest nesting of the bases of a tuple, and of the unions of a variant.
const MAX_DEPTH: usize = 64;
/// Bytes of a singly linked node before its value: next.
const FORWARD_NODE: u64 = 8;
/// Of a doubly linked one: next, previous.
const LIST_NODE: u64 = 16;
/// Bits of a word of `std::vector<bool>` and `std::bitset`.
const WORD_BITS: u64 = 64;

/// The printers.
pub(super) static PRINTERS: &[Printer] = &[
    Printer { name: "std::pair", show: pair },
    Printer { name: "std::tuple", show: tuple },
    Printer { name: "std::forward_list", show: forward_list },
    Printer { name: "std::variant", show: variant },
    Printer { name: "std::stack", show: |value, target| wrapping(value, target, "std::stack") },
    Printer { name: "std::queue", show: |value, target| wrapping(value, target, "std::queue") },
    Printer {
        name: "std::priority_queue",
        show: |value, target| wrapping(value, target, "std::priority_queue"),
    },
    Printer { name: "std::bitset", show: bitset },
    Printer { name: "std::atomic", show: atomic },
];

/// Iterators of vectors and strings: a pointer.
pub(super) const POINTER_ITERATOR: &str = "__gnu_cxx::__normal_iterator";
/// Of deques.
pub(super) const DEQUE_ITERATOR: &str = "std::_Deque_iterator";

/// Others, the member that leads to a node, and where a node's value begins.
const NODES: [(&str, &str, u64); 8] = [
    ("std::_Rb_tree_iterator", "_M_node", TREE_NODE),
    ("std::_Rb_tree_const_iterator", "_M_node", TREE_NODE),
    ("std::_List_iterator", "_M_node", LIST_NODE),
    ("std::_List_const_iterator", "_M_node", LIST_NODE),
    ("std::_Fwd_list_iterator", "_M_node", FORWARD_NODE),
    ("std::_Fwd_list_const_iterator", "_M_node", FORWARD_NODE),
    ("std::__detail::_Node_iterator", "_M_cur", HASH_NODE),
    ("std::__detail::_Node_const_iterator", "_M_cur", HASH_NODE),
];

/// The base class of a record whose name begins so.
fn base(value: &Value, prefix: &str, target: &dyn Target) -> Option<Value> {
    let of = value.of.stripped();
    let Shape::Record(record) = of.shape() else { return None };
    let named = |name: &str| name.starts_with(prefix);
    let found = record.members.iter().find(|m| m.base && m.name.as_deref().is_some_and(named));
    value.member(found?, target)
}

fn pair(value: &Value, target: &dyn Target) -> Option<Shown> {
    let member = |name| Some((name, value.member_named(name, target)?));
    Some(Shown::Fields(vec![member("first")?, member("second")?]))
}

fn tuple(value: &Value, target: &dyn Target) -> Option<Shown> {
    let mut entries = Vec::new();
    let mut rest = base(value, "std::_Tuple_impl<", target);
    while let Some(here) = rest.filter(|_| entries.len() < MAX_DEPTH) {
        let head = base(&here, "std::_Head_base<", target)?;
        // An empty class is a base of its head.
        let held = head.member_named("_M_head_impl", target).unwrap_or(head);
        entries.push((index_value(entries.len() + 1), held));
        rest = base(&here, "std::_Tuple_impl<", target);
    }
    if entries.is_empty() {
        return Some(Shown::Text("empty std::tuple".to_owned()));
    }
    let length = entries.len() as u64;
    Some(Shown::Map { head: "std::tuple containing = ".to_owned(), entries, length })
}

fn forward_list(value: &Value, target: &dyn Target) -> Option<Shown> {
    let of = value.argument(0)?;
    let mut next = number(value, &["_M_impl", "_M_head", "_M_next"], target)?;
    let mut entries = Vec::new();
    while next != 0 && entries.len() < LIMIT {
        let held = Value::in_memory(of.clone(), next.wrapping_add(FORWARD_NODE));
        entries.push((index_value(entries.len()), held));
        next = word(next, target)?;
    }
    if entries.is_empty() {
        return Some(Shown::Text("empty std::forward_list".to_owned()));
    }
    let length = entries.len() as u64 + u64::from(next != 0);
    Some(Shown::Map { head: "std::forward_list = ".to_owned(), entries, length })
}

/// A template's arguments, as its name has them: they are a pack in DWARF.
fn arguments(value: &Value) -> String {
    let name = value.of.stripped().name();
    let inner = name.split_once('<').and_then(|(_, rest)| rest.rsplit_once('>'));
    inner.map_or("", |(inner, _)| inner.trim_end()).to_owned()
}

fn variant(value: &Value, target: &dyn Target) -> Option<Shown> {
    let index = value.member_named("_M_index", target)?;
    let (size, chosen) = (index.size()?, number(value, &["_M_index"], target)?);
    let name = format!("std::variant<{}>", arguments(value));
    if chosen == u64::MAX >> (64 - 8 * size.clamp(1, 8)) {
        return Some(Shown::Text(format!("{name} [no contained value]")));
    }
    let mut part = value.member_named("_M_u", target)?;
    for _ in 0..usize::try_from(chosen).ok().filter(|chosen| *chosen < MAX_DEPTH)? {
        part = part.member_named("_M_rest", target)?;
    }
    let first = part.member_named("_M_first", target)?;
    let held = first.member_named("_M_storage", target)?.retyped(first.argument(0)?);
    let head = format!("{name} [index {chosen}] = {{");
    Some(Shown::Wrapped { head, value: held, tail: "}".to_owned() })
}

fn wrapping(value: &Value, target: &dyn Target, name: &str) -> Option<Shown> {
    let value = value.member_named("c", target)?;
    Some(Shown::Wrapped { head: format!("{name} wrapping: "), value, tail: String::new() })
}

/// A number that is one of the words at `address`, by the number of a bit.
fn bit(address: u64, number: u64, target: &dyn Target) -> Option<bool> {
    let at = address.wrapping_add(number / WORD_BITS * 8);
    Some(word(at, target)? >> (number % WORD_BITS) & 1 != 0)
}

fn bitset(value: &Value, target: &dyn Target) -> Option<Shown> {
    let words = value.member_named("_M_w", target)?.bytes(target);
    let bytes = words.all().ok()?;
    let of = Type::base("int", 4, Encoding::Signed);
    let set = (0..bytes.len() * 8).filter(|number| bytes[number / 8] >> (number % 8) & 1 != 0);
    let one = |number| (index_value(number), Value::computed(of.clone(), vec![1, 0, 0, 0]));
    let length = set.clone().count() as u64;
    if length == 0 {
        return Some(Shown::Text("std::bitset".to_owned()));
    }
    let entries = set.take(LIMIT).map(one).collect();
    Some(Shown::Map { head: "std::bitset = ".to_owned(), entries, length })
}

fn atomic(value: &Value, target: &dyn Target) -> Option<Shown> {
    let of = value.argument(0)?;
    let held = ["_M_i", "_M_p", "_M_fp"].iter().find_map(|name| value.member_named(name, target));
    let held = held.or_else(|| value.path(&["_M_base", "_M_i"], target))?.retyped(of.clone());
    let head = format!("std::atomic<{}> = {{ ", of.name());
    Some(Shown::Wrapped { head, value: held, tail: " }".to_owned() })
}

/// What an iterator points to.
pub(super) fn iterated(value: &Value, name: &str, target: &dyn Target) -> Option<Value> {
    let pointer = match name {
        POINTER_ITERATOR => "_M_current",
        DEQUE_ITERATOR => "_M_cur",
        _ => {
            let (_, member, start) = NODES.iter().find(|(known, ..)| *known == name)?;
            let node = number(value, &[member], target).filter(|node| *node != 0)?;
            // gcc does not always tell a template's arguments.
            let pointed = || value.of.inner("pointer")?.target();
            let of = value.argument(0).or_else(pointed)?;
            return Some(Value::in_memory(of, node.wrapping_add(*start)));
        }
    };
    let pointer = value.member_named(pointer, target)?;
    pointer.integer(target).ok().filter(|address| *address != 0)?;
    pointer.pointee(target)
}

/// What is shown of an iterator: what it points to.
pub(super) fn iterator(value: &Value, name: &str, target: &dyn Target) -> Option<Shown> {
    let value = iterated(value, name, target)?;
    Some(Shown::Wrapped { head: String::new(), value, tail: String::new() })
}

/// The first word of a `std::vector<bool>`, how many bits there are, and where its room ends.
fn bit_parts(value: &Value, target: &dyn Target) -> Option<(u64, u64, u64)> {
    let at = |path: &[&str]| number(value, path, target);
    let start = at(&["_M_impl", "_M_start", "_M_p"])?;
    let words = at(&["_M_impl", "_M_finish", "_M_p"])?.checked_sub(start)? / 8;
    let length = words.checked_mul(WORD_BITS)?;
    let length = length.checked_add(at(&["_M_impl", "_M_finish", "_M_offset"])?)?;
    Some((start, length, at(&["_M_impl", "_M_end_of_storage"])?))
}

/// Whether a vector is a `std::vector<bool>`.
pub(super) fn is_of_bits(value: &Value, target: &dyn Target) -> bool {
    value.path(&["_M_impl", "_M_start", "_M_offset"], target).is_some()
}

/// Where the bits of a `std::vector<bool>` are, and how many it has.
pub(super) fn bits_at(value: &Value, target: &dyn Target) -> Option<(u64, u64)> {
    bit_parts(value, target).map(|(start, length, _)| (start, length))
}

/// How many bits a `std::vector<bool>` has.
pub(super) fn bit_count(value: &Value, target: &dyn Target) -> Option<u64> {
    bit_parts(value, target).map(|(_, length, _)| length)
}

/// One of the bits of a `std::vector<bool>`.
pub(super) fn bit_of(value: &Value, number: u64, target: &dyn Target) -> Option<Value> {
    let (start, ..) = bit_parts(value, target)?;
    let set = bit(start, number, target)?;
    Some(Value::computed(value.argument(0)?, vec![u8::from(set)]))
}

/// `std::vector<bool>`.
pub(super) fn bits(value: &Value, target: &dyn Target) -> Option<Shown> {
    let (start, length, end) = bit_parts(value, target)?;
    let shown = 0..length.min(LIMIT as u64);
    let elements: Option<Vec<_>> = shown.map(|number| bit_of(value, number, target)).collect();
    let capacity = end.checked_sub(start)?.checked_mul(8)?;
    let head = format!("std::vector<bool> of length {length}, capacity {capacity}");
    Some(sequence(head, elements?, length))
}
