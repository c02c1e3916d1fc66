//! The elements of containers, by number or by key.

use super::associative::{hash_values, tree_values};
use super::cpp::{DEQUE_BUFFER, number, vector_parts, word};
use super::rust_collections::{Ring, VEC_DEQUE};
use super::{adaptors, bare_name, rust, rust_collections};
use crate::symbols::datatypes::{Shape, Type};
use crate::values::format::is_box_name;
use crate::values::{Target, Value};

/// Elements of a map that are looked through for a key.
const MOST_SEARCHED: usize = 100_000;

/// Most Rust references to references that an index passes.
const MAX_REFERENCES: u32 = 8;

/// Longest key compared, bytes.
const MAX_KEY: u64 = 1 << 16;

/// Why a container has no element that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotIndexed {
    /// It has fewer: so many.
    Length(u64),
    /// It has none of that key.
    Key,
    /// Its keys are none that are looked up, or not of the kind that was given.
    Keys(String),
    /// It has more than are looked through.
    Large,
    /// What it holds is not known.
    Unknown,
}

/// Whether a value is a container that has elements by number or key.
fn is_indexed(value: &Value, target: &dyn Target) -> bool {
    let has = |name: String| Map::of(&name).is_some() || length(value, &name, target).is_some();
    bare_name(value).is_some_and(has)
}

/// What a Rust reference, box or counted reference of what can be indexed leads to; other values
/// are themselves. Rust dereferences before it indexes (The Rust Reference, "Array and slice
/// indexing expressions"); C's pointers have no names.
pub fn rust_referent(of: Value, target: &dyn Target) -> Value {
    let mut inner = of.clone();
    for _ in 0..=MAX_REFERENCES {
        if inner.of.element().is_some() || is_indexed(&inner, target) {
            return inner;
        }
        let Some(pointee) = rust_pointee(&inner, target) else { break };
        inner = pointee;
    }
    of
}

fn rust_pointee(value: &Value, target: &dyn Target) -> Option<Value> {
    let stripped = value.of.stripped();
    let Shape::Pointer { name: Some(name), .. } = stripped.shape() else {
        return rust::pointee(value, &bare_name(value)?, target);
    };
    let leads = name.starts_with('&') || is_box_name(name);
    leads.then(|| value.pointee(target)).flatten()
}

/// The containers that have elements by key.
enum Map {
    Tree,
    Hash,
    Rust,
}

impl Map {
    fn of(name: &str) -> Option<Self> {
        match name {
            "std::map" => Some(Self::Tree),
            "std::unordered_map" => Some(Self::Hash),
            rust_collections::HASH_MAP | rust_collections::BTREE_MAP => Some(Self::Rust),
            _ => None,
        }
    }
}

/// The element of a container; `None` if it is no container that has such.
pub fn indexed(
    value: &Value,
    index: &Value,
    target: &dyn Target,
) -> Option<Result<Value, NotIndexed>> {
    let name = bare_name(value)?;
    let records = |all: Option<(Vec<Value>, u64)>| {
        let (values, length) = all?;
        Some((values.into_iter().map(Pair::Record).collect(), length))
    };
    let all: Option<(Vec<Pair>, u64)> = match Map::of(&name) {
        Some(Map::Tree) => records(tree_values(value, MOST_SEARCHED, target)),
        Some(Map::Hash) => records(hash_values(value, MOST_SEARCHED, target)),
        Some(Map::Rust) => {
            let all = rust_collections::entries(value, &name, MOST_SEARCHED, target);
            all.map(|(pairs, length)| (pairs.into_iter().map(Pair::Apart).collect(), length))
        }
        None => return numbered(value, &name, index, target),
    };
    Some(all.ok_or(NotIndexed::Unknown).and_then(|(pairs, length)| {
        keyed(&pairs, index, target)?.ok_or(match length {
            0 => NotIndexed::Length(0),
            _ if length > pairs.len() as u64 => NotIndexed::Large,
            _ => NotIndexed::Key,
        })
    }))
}

/// A key and what a map has for it.
enum Pair {
    /// A `std::pair` of them.
    Record(Value),
    /// Themselves.
    Apart((Value, Value)),
}

impl Pair {
    fn key(&self, target: &dyn Target) -> Option<Value> {
        match self {
            Self::Record(pair) => pair.member_named("first", target),
            Self::Apart((key, _)) => Some(key.clone()),
        }
    }

    fn content(&self, target: &dyn Target) -> Option<Value> {
        match self {
            Self::Record(pair) => pair.member_named("second", target),
            Self::Apart((_, content)) => Some(content.clone()),
        }
    }
}

/// The element of a sequence.
fn numbered(
    value: &Value,
    name: &str,
    index: &Value,
    target: &dyn Target,
) -> Option<Result<Value, NotIndexed>> {
    let length = length(value, name, target)?;
    if !index.of.is_integral() {
        return None;
    }
    let at = index.integer(target).ok().and_then(|at| u64::try_from(at).ok());
    let at = at.filter(|at| *at < length).ok_or(NotIndexed::Length(length));
    let element = |at| element(value, name, at, target).ok_or(NotIndexed::Unknown);
    Some(at.and_then(element))
}

/// How many elements a sequence has.
fn length(value: &Value, name: &str, target: &dyn Target) -> Option<u64> {
    match name {
        "std::array" => Some(value.member_named("_M_elems", target)?.length().unwrap_or(0)),
        "std::vector" if adaptors::is_of_bits(value, target) => adaptors::bit_count(value, target),
        "std::deque" => Deque::of(value, target).map(|deque| deque.length),
        VEC_DEQUE => Ring::of(value, target).map(|ring| ring.length),
        _ => run_of(value, name, target).map(|(.., length)| length),
    }
}

fn element(value: &Value, name: &str, at: u64, target: &dyn Target) -> Option<Value> {
    match name {
        "std::array" => value.member_named("_M_elems", target)?.element(at.into()),
        "std::vector" if adaptors::is_of_bits(value, target) => adaptors::bit_of(value, at, target),
        "std::deque" => Deque::of(value, target)?.element(at, target),
        VEC_DEQUE => Ring::of(value, target)?.element(at),
        _ => {
            let (of, start, _) = run_of(value, name, target)?;
            let address = start.checked_add(at.checked_mul(of.size()?)?)?;
            Some(Value::in_memory(of, address))
        }
    }
}

/// Elements that stand one behind the other: their type, the first's address, and how many
/// there are.
pub(super) fn run_of(value: &Value, name: &str, target: &dyn Target) -> Option<(Type, u64, u64)> {
    let at = |path: &[&str]| number(value, path, target);
    match name {
        "std::vector" => {
            let (of, start, length, _) = vector_parts(value, target)?;
            Some((of, start, length))
        }
        "std::__cxx11::basic_string" => {
            let start = at(&["_M_dataplus", "_M_p"])?;
            Some((value.argument(0)?, start, at(&["_M_string_length"])?))
        }
        "std::basic_string_view" => Some((value.argument(0)?, at(&["_M_str"])?, at(&["_M_len"])?)),
        _ => rust::run_of(value, name, target),
    }
}

/// A deque: buffers of so many elements, which a row of pointers leads to.
struct Deque {
    of: Type,
    /// Where the pointer to the first buffer is.
    node: u64,
    /// How many elements of that are before the first.
    skipped: u64,
    per_buffer: u64,
    length: u64,
}

impl Deque {
    fn of(value: &Value, target: &dyn Target) -> Option<Self> {
        let of = value.argument(0)?;
        let size = of.size()?.max(1);
        let per_buffer = if size < DEQUE_BUFFER { DEQUE_BUFFER / size } else { 1 };
        let at = |end, name| number(value, &["_M_impl", end, name], target);
        let place = |end| {
            let within = at(end, "_M_cur")?.checked_sub(at(end, "_M_first")?)? / size;
            Some((at(end, "_M_node")?, within))
        };
        let ((node, skipped), (last, behind)) = (place("_M_start")?, place("_M_finish")?);
        let buffers = last.checked_sub(node)? / 8;
        let length = buffers.checked_mul(per_buffer)?.checked_add(behind)?.checked_sub(skipped)?;
        Some(Self { of, node, skipped, per_buffer, length })
    }

    fn element(self, at: u64, target: &dyn Target) -> Option<Value> {
        let place = self.skipped.checked_add(at)?;
        let node = self.node.checked_add((place / self.per_buffer).checked_mul(8)?)?;
        let within = (place % self.per_buffer).checked_mul(self.of.size()?)?;
        let address = word(node, target)?.checked_add(within)?;
        Some(Value::in_memory(self.of, address))
    }
}

/// A number, or the address that a pointer holds.
fn key_number(value: &Value, target: &dyn Target) -> Option<i128> {
    let number = value.of.is_integral() || value.of.is_pointer();
    number.then(|| value.integer(target).ok())?
}

/// Whether a pointer is one to characters.
fn is_text(of: &Type) -> bool {
    of.target().is_some_and(|to| to.is_character() && to.size() == Some(1))
}

/// The characters of a string that tells its length.
fn string(value: &Value, target: &dyn Target) -> Option<Vec<u8>> {
    let name = bare_name(value)?;
    let (of, start, length) = run_of(value, &name, target)?;
    let text = of.size() == Some(1) && (of.is_character() || rust::is_text(&name));
    let length = usize::try_from(length.min(MAX_KEY)).ok()?;
    text.then(|| target.memory(start, length).into_iter().collect())?
}

/// The characters of a string of any kind.
fn text(value: &Value, target: &dyn Target) -> Option<Vec<u8>> {
    let all = match value.of.element() {
        Some((element, _)) if element.is_character() => value.bytes(target).all().ok()?.to_vec(),
        None if is_text(&value.of) => {
            let address = u64::try_from(value.integer(target).ok()?).ok()?;
            let memory = target.memory(address, MAX_KEY as usize);
            memory.into_iter().map_while(|byte| byte).collect()
        }
        _ => return string(value, target),
    };
    Some(all.into_iter().take_while(|byte| *byte != 0).collect())
}

/// The value that a map has for a key, among its pairs.
fn keyed(pairs: &[Pair], index: &Value, target: &dyn Target) -> Result<Option<Value>, NotIndexed> {
    let (number, text) = (key_number(index, target), text(index, target));
    for pair in pairs {
        let key = pair.key(target).ok_or(NotIndexed::Unknown)?;
        let same = match key_number(&key, target) {
            Some(own) => number.map(|number| number == own),
            None => text.as_ref().and_then(|text| Some(*text == string(&key, target)?)),
        };
        if same.ok_or_else(|| NotIndexed::Keys(key.of.name()))? {
            return Ok(pair.content(target));
        }
    }
    Ok(None)
}
