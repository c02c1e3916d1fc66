//! libstdc++'s maps and sets: red-black trees and hash tables.

use super::cpp::{index_value, number, word};
use super::{LIMIT, Shown};
use crate::values::{Target, Value};

/// Bytes of a tree node before its value: colour, parent, left, right.
pub(super) const TREE_NODE: u64 = 32;
/// Of a hash table's: next.
pub(super) const HASH_NODE: u64 = 8;

/// A red-black tree's values in order.
pub(super) fn tree(value: &Value, target: &dyn Target, name: &str, pairs: bool) -> Option<Shown> {
    let (values, length) = tree_values(value, LIMIT, target)?;
    container(values, length, name, pairs, target)
}

/// At most `limit` of a tree's values in order, and how many there are.
pub(super) fn tree_values(
    value: &Value,
    limit: usize,
    target: &dyn Target,
) -> Option<(Vec<Value>, u64)> {
    let tree = value.member_named("_M_t", target)?;
    let of = tree.argument(1)?;
    let header = tree.path(&["_M_impl", "_M_header"], target)?;
    let length = number(&tree, &["_M_impl", "_M_node_count"], target)?;
    let node_type = header.of.clone();
    let step =
        |node: u64, to: &str| number(&Value::in_memory(node_type.clone(), node), &[to], target);
    let mut node = number(&header, &["_M_left"], target)?;
    let mut values = Vec::new();
    while (values.len() as u64) < length.min(limit as u64) {
        values.push(Value::in_memory(of.clone(), node.wrapping_add(TREE_NODE)));
        node = successor(node, &step)?;
    }
    Some((values, length))
}

/// The node behind one in order; bounded, for trees that the program destroyed.
fn successor(node: u64, step: &dyn Fn(u64, &str) -> Option<u64>) -> Option<u64> {
    const MAX_HEIGHT: u32 = 128;
    let mut node = node;
    let right = step(node, "_M_right")?;
    if right != 0 {
        node = right;
        for _ in 0..MAX_HEIGHT {
            match step(node, "_M_left")? {
                0 => return Some(node),
                left => node = left,
            }
        }
        return None;
    }
    for _ in 0..MAX_HEIGHT {
        let parent = step(node, "_M_parent")?;
        if step(parent, "_M_right")? != node {
            return Some(parent);
        }
        // Above the root stands the header, whose right is the last node.
        if step(parent, "_M_parent")? == node {
            return Some(parent);
        }
        node = parent;
    }
    None
}

/// A hash table's values.
pub(super) fn hash(value: &Value, target: &dyn Target, name: &str, pairs: bool) -> Option<Shown> {
    let (values, length) = hash_values(value, LIMIT, target)?;
    container(values, length, name, pairs, target)
}

/// At most `limit` of a hash table's values, and how many there are.
pub(super) fn hash_values(
    value: &Value,
    limit: usize,
    target: &dyn Target,
) -> Option<(Vec<Value>, u64)> {
    let table = value.member_named("_M_h", target)?;
    let of = table.argument(1)?;
    let length = number(&table, &["_M_element_count"], target)?;
    let mut node = number(&table, &["_M_before_begin", "_M_nxt"], target)?;
    let mut values = Vec::new();
    while node != 0 && values.len() < limit {
        values.push(Value::in_memory(of.clone(), node.wrapping_add(HASH_NODE)));
        node = word(node, target)?;
    }
    Some((values, length))
}

fn container(
    values: Vec<Value>,
    length: u64,
    name: &str,
    pairs: bool,
    target: &dyn Target,
) -> Option<Shown> {
    let plural = if length == 1 { "" } else { "s" };
    let head = format!("{name} with {length} element{plural}");
    if length == 0 {
        return Some(Shown::Text(head));
    }
    let entry = |(index, value): (usize, &Value)| match pairs {
        true => {
            let (key, held) =
                (value.member_named("first", target)?, value.member_named("second", target)?);
            Some((key, held))
        }
        false => Some((index_value(index), value.clone())),
    };
    let entries: Option<Vec<_>> = values.iter().enumerate().map(entry).collect();
    Some(Shown::Map { head: head + " = ", entries: entries?, length })
}
