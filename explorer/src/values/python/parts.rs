//! Elements and attributes of CPython's objects, where they are kept in memory.

use super::{DICT, INT, LIST, Python, STR, TEXT, TUPLE, quoted};
use crate::symbols::datatypes::{Shape, Type};
use crate::values::pretty::NotIndexed;
use crate::values::{Target, Value};

/// Most entries of a dictionary that are looked through.
const MOST_ENTRIES: u64 = 1 << 16;

/// The bit of `tp_flags` that instances keep their attributes in front of them, and the version
/// that does so by two pointers (internal/pycore_object.h, 3.11).
const MANAGED: u64 = 1 << 4;
const TWO_POINTERS: u64 = 0x030b;

/// Offsets of `tp_dictoffset` and, in that version, `ht_cached_keys` in types.
const DICT_OFFSET: u64 = 288;
const CACHED_KEYS: u64 = 872;

/// What a key is compared with.
enum Key {
    Number(i128),
    /// As Python writes it.
    Text(String),
}

/// Whether it is `PyObject`, by the name of its structure.
pub fn is_object(of: &Type) -> bool {
    let of = of.stripped();
    matches!(of.shape(), Shape::Record(record) if record.name.as_deref() == Some("_object"))
}

/// The element of a list or tuple, or what a dictionary has for a key, which is a number or text,
/// where a pointer to `PyObject` points to one.
pub fn indexed(
    value: &Value,
    index: &Value,
    target: &dyn Target,
) -> Option<Result<Value, NotIndexed>> {
    value.of.target().filter(|to| value.of.is_pointer() && is_object(to))?;
    let object = u64::try_from(value.integer(target).ok()?).ok()?;
    let python = Python::known(target)?;
    let flags = python.class(object)?.flags;
    let key = key(index, target)?;
    let found = match (flags, &key) {
        (flags, Key::Number(number)) if flags & (LIST | TUPLE) != 0 => {
            python.row(object, flags).and_then(|(first, length)| match place(*number, length) {
                Some(at) => Some(Ok(first.checked_add(at.checked_mul(8)?)?)),
                None => Some(Err(NotIndexed::Length(length))),
            })
        }
        (flags, key) if flags & DICT != 0 => python.value_of(object, key),
        _ => return None,
    };
    let slot = found.unwrap_or(Err(NotIndexed::Unknown));
    Some(slot.map(|slot| Value::in_memory(value.of.clone(), slot)))
}

/// Where an element is in a row of so many: negative numbers count from its end.
fn place(number: i128, length: u64) -> Option<u64> {
    let number = if number < 0 { number + i128::from(length) } else { number };
    u64::try_from(number).ok().filter(|at| *at < length)
}

fn key(index: &Value, target: &dyn Target) -> Option<Key> {
    if index.of.is_integral() {
        return index.integer(target).ok().map(Key::Number);
    }
    index.of.element()?;
    let mut bytes = index.bytes(target).all().ok()?.to_vec();
    bytes.pop_if(|last| *last == 0);
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= TEXT)?;
    Some(Key::Text(quoted(&text)))
}

/// Where the pointer to an attribute that an object has of its own is kept.
pub fn attribute(object: u64, name: &str, target: &dyn Target) -> Option<u64> {
    let python = Python::known(target)?;
    let key = Key::Text(quoted(name));
    let class = python.at(object, 8)?;
    let flags = python.class(object)?.flags;
    let offset = python.at(class, DICT_OFFSET)?;
    if flags & MANAGED == 0 {
        let dict = (1..1 << 20).contains(&offset).then(|| python.at(object, offset))??;
        return python.value_of(dict, &key)?.ok();
    }
    if python.version != TWO_POINTERS {
        return None;
    }
    match python.word(object.checked_sub(24)?)? {
        0 => {
            let values = python.word(object.checked_sub(32)?)?;
            let keys = python.at(class, CACHED_KEYS)?;
            python.slot((keys, values), &key)?.ok()
        }
        dict => python.value_of(dict, &key)?.ok(),
    }
}

/// The name of the type of an object that is alive, with its module's: `shop.Counter`.
pub fn class_name(object: u64, target: &dyn Target) -> Option<String> {
    let python = Python::known(target)?;
    let references = python.bytes(object).map(u32::from_le_bytes)?;
    Some(python.class(object)?.name).filter(|_| references != 0)
}

impl Python<'_> {
    /// Where the elements of a list or tuple begin, and how many they are.
    fn row(&self, object: u64, flags: u64) -> Option<(u64, u64)> {
        let first = match flags & LIST != 0 {
            true => self.at(object, 24)?,
            false => object.checked_add(24)?,
        };
        Some((first, self.at(object, 16)?))
    }

    /// Where a dictionary keeps what it has for a key.
    fn value_of(&self, dict: u64, key: &Key) -> Option<Result<u64, NotIndexed>> {
        self.slot((self.at(dict, 32)?, self.at(dict, 40)?), key)
    }

    /// The same by its keys and its values, if these stand apart from them.
    fn slot(&self, (keys, values): (u64, u64), key: &Key) -> Option<Result<u64, NotIndexed>> {
        let [_, log2_indices, kind, _]: [u8; 4] = self.bytes(keys.checked_add(8)?)?;
        // The values of the newest version stand behind some bytes of their own.
        if kind > 2 || log2_indices > 40 || (values != 0 && self.version > 0x030c) {
            return None;
        }
        let (size, key_at) = if kind == 0 { (24, 8) } else { (16, 0) };
        let first = keys.checked_add(32)?.checked_add(1 << log2_indices)?;
        let entries = self.at(keys, 24)?;
        let mut unknown = false;
        for number in 0..entries.min(MOST_ENTRIES) {
            let entry = first.checked_add(number * size)?;
            let slot = match values {
                0 => entry.checked_add(key_at + 8)?,
                values => values.checked_add(number * 8)?,
            };
            let own = self.at(entry, key_at)?;
            if own == 0 || self.word(slot)? == 0 {
                continue;
            }
            match self.is_key(own, key) {
                Some(true) => return Some(Ok(slot)),
                Some(false) => {}
                None => unknown = true,
            }
        }
        // What cannot be read may have been the one.
        let missing = if entries > MOST_ENTRIES { NotIndexed::Large } else { NotIndexed::Key };
        (!unknown).then_some(Err(missing))
    }

    /// Whether an object is a key; `None` if that cannot be told.
    fn is_key(&self, object: u64, key: &Key) -> Option<bool> {
        let flags = self.class(object)?.flags;
        Some(match key {
            Key::Number(number) if flags & INT != 0 => self.integer(object)? == number.to_string(),
            Key::Text(text) if flags & STR != 0 => self.string(object)? == *text,
            _ => false,
        })
    }
}
