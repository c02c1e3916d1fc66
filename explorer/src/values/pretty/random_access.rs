//! libstdc++'s random-access iterators: `__gnu_cxx::__normal_iterator` of vectors and strings,
//! which is a pointer, and `std::_Deque_iterator`, which is four. Their layout is part of its ABI.

use super::adaptors::{DEQUE_ITERATOR, POINTER_ITERATOR};
use super::bare_name;
use super::cpp::{number, word};
use crate::symbols::datatypes::POINTER_SIZE;
use crate::values::{Target, Value};

/// Where a deque's iterator is.
struct InDeque {
    /// The element.
    current: u64,
    /// The first of its buffer.
    first: u64,
    /// Where the pointer to the buffer is.
    node: u64,
    /// Bytes of an element.
    size: i128,
    /// Elements of a buffer.
    per_buffer: i128,
}

impl InDeque {
    fn of(iterator: &Value, target: &dyn Target) -> Option<Self> {
        let at = |name| number(iterator, &[name], target);
        let (first, last) = (at("_M_first")?, at("_M_last")?);
        let size = element_size(iterator, "_M_cur", target)?;
        let per_buffer = i128::from(last.checked_sub(first)?) / size;
        let (current, node) = (at("_M_cur")?, at("_M_node")?);
        (per_buffer > 0).then_some(Self { current, first, node, size, per_buffer })
    }

    /// Which element of its buffer it is at.
    fn within(&self) -> i128 {
        (i128::from(self.current) - i128::from(self.first)) / self.size
    }

    /// The bytes of the iterator `by` elements on: `_M_cur`, `_M_first`, `_M_last`, `_M_node`.
    fn moved(&self, by: i128, target: &dyn Target) -> Option<Vec<u8>> {
        let place = self.within().checked_add(by)?;
        let buffers = place.div_euclid(self.per_buffer);
        let node = displaced(self.node, buffers, POINTER_SIZE.into())?;
        let first = if buffers == 0 { self.first } else { word(node, target)? };
        let current = displaced(first, place.rem_euclid(self.per_buffer), self.size)?;
        let last = displaced(first, self.per_buffer, self.size)?;
        Some([current, first, last, node].iter().flat_map(|word| word.to_le_bytes()).collect())
    }

    /// How many elements it is behind `other`.
    fn behind(&self, other: &Self) -> Option<i128> {
        let buffers = (i128::from(self.node) - i128::from(other.node)) / i128::from(POINTER_SIZE);
        let whole = buffers.checked_mul(self.per_buffer)?;
        whole.checked_add(self.within())?.checked_sub(other.within())
    }
}

/// An address `count` times `size` bytes on.
fn displaced(address: u64, count: i128, size: i128) -> Option<u64> {
    u64::try_from(i128::from(address).checked_add(count.checked_mul(size)?)?).ok()
}

fn element_size(iterator: &Value, member: &str, target: &dyn Target) -> Option<i128> {
    let pointer = iterator.member_named(member, target)?;
    pointer.of.target()?.size().filter(|size| *size > 0).map(i128::from)
}

/// The iterator `by` elements on; `None` if it is none that can go there.
pub fn moved(iterator: &Value, by: i128, target: &dyn Target) -> Option<Value> {
    let bytes = match bare_name(iterator)?.as_str() {
        POINTER_ITERATOR => {
            let current = number(iterator, &["_M_current"], target)?;
            let size = element_size(iterator, "_M_current", target)?;
            displaced(current, by, size)?.to_le_bytes().to_vec()
        }
        DEQUE_ITERATOR => InDeque::of(iterator, target)?.moved(by, target)?,
        _ => return None,
    };
    let whole = iterator.of.size() == Some(bytes.len() as u64);
    whole.then(|| Value::computed(iterator.of.clone(), bytes))
}

/// How many elements an iterator is behind another of its kind.
pub fn between(iterator: &Value, other: &Value, target: &dyn Target) -> Option<i128> {
    match (bare_name(iterator)?.as_str(), bare_name(other)?.as_str()) {
        (POINTER_ITERATOR, POINTER_ITERATOR) => {
            let at = |value: &Value| number(value, &["_M_current"], target).map(i128::from);
            Some((at(iterator)? - at(other)?) / element_size(iterator, "_M_current", target)?)
        }
        (DEQUE_ITERATOR, DEQUE_ITERATOR) => {
            InDeque::of(iterator, target)?.behind(&InDeque::of(other, target)?)
        }
        _ => None,
    }
}
