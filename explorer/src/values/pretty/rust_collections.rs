//! The collections of Rust's standard library other than `Vec`.

use super::cpp::{run, word};
use super::rust::{first_pointer, number};
use super::{LIMIT, Printer, Shown};
use crate::symbols::datatypes::Type;
use crate::values::parts::Visits;
use crate::values::{Target, Value};

/// Most buckets of a hash table that are looked at.
const MAX_BUCKETS: u64 = 1 << 16;

/// Keys in a node of a B-tree (`CAPACITY`, alloc/src/collections/btree/node.rs).
const NODE_KEYS: u64 = 11;

/// Most levels of a B-tree: each has at least six times as many nodes as the one above.
const MAX_LEVELS: u64 = 24;

/// The names of maps.
pub(super) const HASH_MAP: &str = "std::collections::hash::map::HashMap";
pub(super) const BTREE_MAP: &str = "alloc::collections::btree::map::BTreeMap";

/// The name of ring buffers.
pub(super) const VEC_DEQUE: &str = "alloc::collections::vec_deque::VecDeque";

/// The printers.
pub(super) static PRINTERS: &[Printer] = &[
    Printer { name: HASH_MAP, show: hash_map },
    Printer { name: "std::collections::hash::set::HashSet", show: hash_set },
    Printer { name: BTREE_MAP, show: btree_map },
    Printer { name: "alloc::collections::btree::set::BTreeSet", show: btree_set },
    Printer { name: VEC_DEQUE, show: deque },
    Printer { name: "alloc::collections::linked_list::LinkedList", show: linked_list },
    Printer { name: "alloc::collections::binary_heap::BinaryHeap", show: binary_heap },
];

fn address_in(value: &Value, target: &dyn Target) -> Option<u64> {
    Some(first_pointer(value, target, (0, &Visits::new()))?.integer(target).ok()? as u64)
}

fn set(name: &str, elements: Vec<Value>, length: u64) -> Shown {
    let head = format!("{name}(size={length}) = ");
    Shown::Sequence { head, open: "{", close: "}", elements, length }
}

/// At most `limit` of the pairs of a SwissTable (hashbrown), and how many there are: control
/// bytes say which buckets are full; the buckets lie before them, the first nearest.
fn buckets(raw: &Value, limit: usize, target: &dyn Target) -> Option<(Vec<Value>, u64)> {
    let table = raw.member_named("table", target)?;
    let of: Type = raw.argument(0)?;
    let control = address_in(&table.member_named("ctrl", target)?, target)?;
    let buckets = number(&table, "bucket_mask", target)?.checked_add(1)?;
    let length = number(&table, "items", target)?;
    let bytes = target.memory(control, buckets.min(MAX_BUCKETS) as usize);
    let full = bytes.iter().enumerate().filter(|(_, byte)| byte.is_some_and(|b| b & 0x80 == 0));
    let size = of.size()?;
    let at = |index: usize| control.wrapping_sub((index as u64 + 1).wrapping_mul(size));
    let pairs = full.take(limit).map(|(index, _)| Value::in_memory(of.clone(), at(index)));
    Some((pairs.collect(), length))
}

/// Keys with what a map has for them, and how many there are.
type Entries = (Vec<(Value, Value)>, u64);

/// At most `limit` of the entries of a map.
pub(super) fn entries(
    value: &Value,
    name: &str,
    limit: usize,
    target: &dyn Target,
) -> Option<Entries> {
    match name {
        HASH_MAP => hash_entries(value, limit, target),
        BTREE_MAP => pairs(value, limit, target),
        _ => None,
    }
}

fn hash_entries(value: &Value, limit: usize, target: &dyn Target) -> Option<Entries> {
    let (pairs, length) = buckets(&value.path(&["base", "table"], target)?, limit, target)?;
    let entry =
        |pair: Value| Some((pair.member_named("__0", target)?, pair.member_named("__1", target)?));
    let entries: Option<Vec<_>> = pairs.into_iter().map(entry).collect();
    Some((entries?, length))
}

fn hash_map(value: &Value, target: &dyn Target) -> Option<Shown> {
    let (entries, length) = hash_entries(value, LIMIT, target)?;
    Some(Shown::Map { head: format!("HashMap(size={length}) = "), entries, length })
}

fn hash_set(value: &Value, target: &dyn Target) -> Option<Shown> {
    let (pairs, length) = buckets(&value.path(&["base", "map", "table"], target)?, LIMIT, target)?;
    let keys: Option<Vec<_>> =
        pairs.into_iter().map(|pair| pair.member_named("__0", target)).collect();
    Some(set("HashSet", keys?, length))
}

/// A B-tree: what its nodes are made of.
struct Tree<'a> {
    target: &'a dyn Target,
    /// The type of its nodes, without their children.
    node: Type,
    key: Type,
    content: Type,
    /// Most pairs that are collected.
    limit: usize,
    found: Vec<(Value, Value)>,
}

impl Tree<'_> {
    /// Collects what lies under the node at `address`, in order; `None` where that is no
    /// tree.
    fn walk(&mut self, address: u64, level: u64) -> Option<()> {
        let node = Value::in_memory(self.node.clone(), address);
        let count = number(&node, "len", self.target).filter(|count| *count <= NODE_KEYS)?;
        for index in 0..=count {
            if self.found.len() >= self.limit {
                break;
            }
            if level > 0 {
                let edges = address.wrapping_add(self.node.size()?.next_multiple_of(8));
                self.walk(word(edges.wrapping_add(index * 8), self.target)?, level - 1)?;
            }
            if index < count {
                let part = |name, of: &Type| {
                    let all = node.member_named(name, self.target)?;
                    Some(all.element(index.into())?.retyped(of.clone()))
                };
                let pair = (part("keys", &self.key)?, part("vals", &self.content)?);
                self.found.push(pair);
            }
        }
        Some(())
    }
}

/// At most about `limit` of the pairs of a B-tree map, and how many there are.
fn pairs(map: &Value, limit: usize, target: &dyn Target) -> Option<Entries> {
    let length = number(map, "length", target)?;
    let Some(root) = map.path(&["root", "__0"], target).filter(|_| length > 0) else {
        return Some((Vec::new(), length));
    };
    let pointer = first_pointer(&root.member_named("node", target)?, target, (0, &Visits::new()))?;
    let level = number(&root, "height", target).filter(|level| *level < MAX_LEVELS)?;
    let (key, content) = (map.argument(0)?, map.argument(1)?);
    let node = pointer.of.target()?;
    let mut tree = Tree { target, node, key, content, limit, found: Vec::new() };
    tree.walk(pointer.integer(target).ok()? as u64, level)?;
    Some((tree.found, length))
}

fn btree_map(value: &Value, target: &dyn Target) -> Option<Shown> {
    let (mut entries, length) = pairs(value, LIMIT, target)?;
    entries.truncate(LIMIT);
    Some(Shown::Map { head: format!("BTreeMap(size={length}) = "), entries, length })
}

fn btree_set(value: &Value, target: &dyn Target) -> Option<Shown> {
    let (entries, length) = pairs(&value.member_named("map", target)?, LIMIT, target)?;
    let keys = entries.into_iter().take(LIMIT).map(|(key, _)| key);
    Some(set("BTreeSet", keys.collect(), length))
}

/// A `VecDeque`: a buffer whose elements go on at its beginning where its end is reached.
pub(super) struct Ring {
    of: Type,
    start: u64,
    /// Where the first element is in the buffer.
    head: u64,
    /// How many elements there are from that one to the buffer's end.
    unwrapped: u64,
    pub length: u64,
}

impl Ring {
    pub fn of(value: &Value, target: &dyn Target) -> Option<Self> {
        let (buffer, of) = (value.member_named("buf", target)?, value.argument(0)?);
        let (length, head) = (number(value, "len", target)?, number(value, "head", target)?);
        let start = address_in(&buffer, target)?;
        let inner = buffer.member_named("inner", target).unwrap_or(buffer);
        let capacity = inner.member_named("cap", target)?;
        let capacity = capacity.member_named("__0", target).unwrap_or(capacity);
        let capacity = u64::try_from(capacity.integer(target).ok()?).ok()?;
        let unwrapped = length.min(capacity.checked_sub(head)?);
        Some(Self { of, start, head, unwrapped, length })
    }

    pub fn element(self, at: u64) -> Option<Value> {
        let place = match at.checked_sub(self.unwrapped) {
            Some(wrapped) => wrapped,
            None => self.head.checked_add(at)?,
        };
        let address = self.start.checked_add(place.checked_mul(self.of.size()?)?)?;
        Some(Value::in_memory(self.of, address))
    }

    /// As many elements as are shown.
    fn elements(&self) -> Option<Vec<Value>> {
        let first = self.start.wrapping_add(self.head.wrapping_mul(self.of.size()?));
        let mut elements = run(&self.of, first, self.unwrapped)?;
        elements.extend(run(&self.of, self.start, self.length - self.unwrapped)?);
        Some(elements)
    }
}

fn deque(value: &Value, target: &dyn Target) -> Option<Shown> {
    let ring = Ring::of(value, target)?;
    let (elements, length) = (ring.elements()?, ring.length);
    let head = format!("VecDeque(size={length}) = ");
    Some(Shown::Sequence { head, open: "[", close: "]", elements, length })
}

fn linked_list(value: &Value, target: &dyn Target) -> Option<Shown> {
    let length = number(value, "len", target)?;
    let mut elements = Vec::new();
    let mut link = value.member_named("head", target)?;
    while (elements.len() as u64) < length.min(LIMIT as u64) {
        let node = link.path(&["__0", "pointer"], target)?.pointee(target)?;
        elements.push(node.member_named("element", target)?);
        link = node.member_named("next", target)?;
    }
    let head = format!("LinkedList(size={length}) = ");
    Some(Shown::Sequence { head, open: "[", close: "]", elements, length })
}

fn binary_heap(value: &Value, target: &dyn Target) -> Option<Shown> {
    let vec = value.member_named("data", target)?;
    Some(Shown::Wrapped { head: "BinaryHeap: ".to_owned(), value: vec, tail: String::new() })
}
