//! Objects of CPython, as Python writes them: the layouts of its headers (cpython/object.h,
//! longintrepr.h, unicodeobject.h, listobject.h, tupleobject.h, setobject.h,
//! internal/pycore_dict.h) from
//! 3.11 to 3.13, for 64-bit machines.

mod parts;

pub use parts::{attribute, class_name, indexed, is_object};

use super::Target;
use std::cell::Cell;

/// The versions whose layouts are known, as `Py_Version` has them: major, minor.
const KNOWN: std::ops::RangeInclusive<u64> = 0x030b..=0x030d;

/// The first version with tagged integers and shorter strings.
const TAGGED: u64 = 0x030c;

/// Deepest nesting that is shown, elements of one container, and objects in all.
const DEPTH: u32 = 4;
const ELEMENTS: u64 = 20;
const OBJECTS: u32 = 200;

/// Bytes of a string, and digits of an integer, that are shown.
const TEXT: u64 = 200;
const DIGITS: u64 = 4;

/// The hash of a deleted entry of a set; no object has it.
const DELETED: u64 = u64::MAX;

/// Longest name of a type.
const NAME: usize = 100;

/// Bits of `tp_flags`.
const LIST: u64 = 1 << 25;
const TUPLE: u64 = 1 << 26;
const BYTES: u64 = 1 << 27;
const STR: u64 = 1 << 28;
const DICT: u64 = 1 << 29;
const TYPE: u64 = 1 << 31;
const INT: u64 = 1 << 24;
/// Of a type that the program made: one called like a type of Python's own is another.
const HEAP: u64 = 1 << 9;

/// The object at `address` as text; `None` if there is none that can be read.
pub fn text(address: u64, target: &dyn Target) -> Option<String> {
    Python::known(target)?.object(address, 0)
}

struct Python<'t> {
    target: &'t dyn Target,
    version: u64,
    /// Objects that may still be shown.
    left: Cell<u32>,
}

/// What an object's type says.
struct Class {
    name: String,
    flags: u64,
}

impl<'t> Python<'t> {
    /// That of a version whose layouts are known.
    fn known(target: &'t dyn Target) -> Option<Self> {
        let version = target.python_version()? >> 16;
        let python = Self { target, version, left: Cell::new(OBJECTS) };
        KNOWN.contains(&version).then_some(python)
    }

    fn bytes<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let bytes: Option<Vec<u8>> = self.target.memory(address, N).into_iter().collect();
        bytes?.try_into().ok()
    }

    fn word(&self, address: u64) -> Option<u64> {
        self.bytes(address).map(u64::from_le_bytes)
    }

    /// The word at an offset of an object.
    fn at(&self, object: u64, offset: u64) -> Option<u64> {
        self.word(object.checked_add(offset)?)
    }

    fn flags(&self, class: u64) -> Option<u64> {
        self.at(class, 168)
    }

    /// The type of an object; `None` if what stands there is none.
    fn class(&self, object: u64) -> Option<Class> {
        let class = self.at(object, 8)?;
        // The type of a type is a type of types.
        if self.flags(self.at(class, 8)?)? & TYPE == 0 {
            return None;
        }
        let name = self.target.memory(self.at(class, 24)?, NAME);
        let name: Vec<u8> = name.into_iter().map_while(|byte| byte.filter(|b| *b != 0)).collect();
        let name = String::from_utf8(name).ok().filter(|name| !name.is_empty())?;
        Some(Class { name, flags: self.flags(class)? })
    }

    fn object(&self, object: u64, depth: u32) -> Option<String> {
        if object == 0 {
            return Some("<NULL>".to_owned());
        }
        let Some(left) = self.left.get().checked_sub(1).filter(|_| depth <= DEPTH) else {
            return Some("...".to_owned());
        };
        self.left.set(left);
        let class = self.class(object)?;
        let name = class.name.as_str();
        let is = |flag, exact| class.flags & flag != 0 && name == exact;
        let own = |exact| class.flags & HEAP == 0 && name == exact;
        let shown = match () {
            () if own("NoneType") => Some("None".to_owned()),
            () if own("float") => self.word(object.checked_add(16)?).map(float),
            () if is(INT, "bool") => self.integer(object).map(|text| truth(&text)),
            () if is(INT, "int") => self.integer(object),
            () if is(STR, "str") => self.string(object),
            () if is(BYTES, "bytes") => self.byte_string(object),
            () if is(LIST, "list") => self.list(object, depth),
            () if is(TUPLE, "tuple") => self.tuple(object, depth),
            () if is(DICT, "dict") => self.dictionary(object, depth),
            () if own("set") || own("frozenset") => self.set(object, name, depth),
            () => None,
        };
        Some(shown.unwrap_or_else(|| format!("<{name} object>")))
    }

    fn integer(&self, object: u64) -> Option<String> {
        let size = self.at(object, 16)?;
        let (negative, digits) = if self.version >= TAGGED {
            (size & 3 == 2, if size & 3 == 1 { 0 } else { size >> 3 })
        } else {
            ((size as i64) < 0, (size as i64).unsigned_abs())
        };
        if digits > DIGITS {
            return Some(format!("<int of {digits} digits of 30 bits>"));
        }
        let mut value = 0u128;
        for index in (0..digits).rev() {
            let digit = self.bytes(object.checked_add(24 + index * 4)?).map(u32::from_le_bytes)?;
            value = value << 30 | u128::from(digit);
        }
        Some(format!("{}{value}", if negative { "-" } else { "" }))
    }

    fn string(&self, object: u64) -> Option<String> {
        let (length, state) = (self.at(object, 16)?, self.at(object, 32)?);
        let (kind, compact, ascii) = (state >> 2 & 7, state >> 5 & 1 == 1, state >> 6 & 1 == 1);
        let start = match (self.version >= TAGGED, ascii) {
            _ if !compact => return None,
            (false, true) => 48,
            (false, false) => 72,
            (true, true) => 40,
            (true, false) => 56,
        };
        let shown = length.min(TEXT);
        let bytes = usize::try_from(shown * kind).ok()?;
        let memory = self.target.memory(object.checked_add(start)?, bytes);
        let bytes: Vec<u8> = memory.into_iter().collect::<Option<_>>()?;
        let code = |unit: &[u8]| unit.iter().rev().fold(0, |code, b| code << 8 | u32::from(*b));
        let text: Option<String> = match kind {
            1 | 2 | 4 => {
                bytes.chunks(kind as usize).map(|unit| char::from_u32(code(unit))).collect()
            }
            _ => None,
        };
        Some(quoted(&text?) + cut(length > shown))
    }

    fn byte_string(&self, object: u64) -> Option<String> {
        let length = self.at(object, 16)?;
        let shown = length.min(TEXT);
        let memory = self.target.memory(object.checked_add(32)?, shown as usize);
        let bytes: Vec<u8> = memory.into_iter().collect::<Option<_>>()?;
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        Some(format!("b{}{}", quoted_ascii(&text), cut(length > shown)))
    }

    /// The objects that pointers in a row point to.
    fn elements(&self, first: u64, length: u64, depth: u32) -> Option<String> {
        let shown = 0..length.min(ELEMENTS);
        let one = |index| self.object(self.at(first, index * 8)?, depth + 1);
        let mut texts = shown.map(one).collect::<Option<Vec<_>>>()?;
        if length > ELEMENTS {
            texts.push(format!("... ({length} in all)"));
        }
        Some(texts.join(", "))
    }

    fn list(&self, object: u64, depth: u32) -> Option<String> {
        let elements = self.elements(self.at(object, 24)?, self.at(object, 16)?, depth)?;
        Some(format!("[{elements}]"))
    }

    fn tuple(&self, object: u64, depth: u32) -> Option<String> {
        let length = self.at(object, 16)?;
        let elements = self.elements(object.checked_add(24)?, length, depth)?;
        Some(format!("({elements}{})", if length == 1 { "," } else { "" }))
    }

    /// A combined table; one whose values stand apart (of instances) is only counted.
    fn dictionary(&self, object: u64, depth: u32) -> Option<String> {
        let (used, keys) = (self.at(object, 16)?, self.at(object, 32)?);
        let kinds: [u8; 4] = self.bytes(keys.checked_add(8)?)?;
        let [_, log2_indices, kind, _] = kinds;
        if self.at(object, 40)? != 0 || kind > 1 || log2_indices > 40 {
            return Some(format!("<dict of {used}>"));
        }
        // With general keys, their hashes stand before them.
        let (size, key_at) = if kind == 0 { (24, 8) } else { (16, 0) };
        let first = keys.checked_add(32)?.checked_add(1 << log2_indices)?;
        let (mut texts, mut entry) = (Vec::new(), first);
        // Deleted entries are left out, but not without end.
        for _ in 0..self.at(keys, 24)?.min(ELEMENTS * 16) {
            let (key, value) = (self.at(entry, key_at)?, self.at(entry, key_at + 8)?);
            entry = entry.checked_add(size)?;
            if value == 0 {
                continue;
            }
            if texts.len() as u64 >= ELEMENTS {
                break;
            }
            let (key, value) = (self.object(key, depth + 1)?, self.object(value, depth + 1)?);
            texts.push(format!("{key}: {value}"));
        }
        if used > texts.len() as u64 {
            texts.push(format!("... ({used} in all)"));
        }
        Some(format!("{{{}}}", texts.join(", ")))
    }

    /// The table of a set, in its order, which is that of Python's loops.
    fn set(&self, object: u64, name: &str, depth: u32) -> Option<String> {
        let (used, mask, table) =
            (self.at(object, 24)?, self.at(object, 32)?, self.at(object, 40)?);
        let mut texts = Vec::new();
        // Empty and deleted entries are left out, but not without end.
        for number in 0..=mask.min(ELEMENTS * 16) {
            let entry = table.checked_add(number * 16)?;
            let (key, hash) = (self.word(entry)?, self.at(entry, 8)?);
            if key == 0 || hash == DELETED {
                continue;
            }
            if texts.len() as u64 >= ELEMENTS {
                break;
            }
            texts.push(self.object(key, depth + 1)?);
        }
        if used > texts.len() as u64 {
            texts.push(format!("... ({used} in all)"));
        }
        let elements = texts.join(", ");
        Some(match (name, used) {
            (name, 0) => format!("{name}()"),
            ("set", _) => format!("{{{elements}}}"),
            (name, _) => format!("{name}({{{elements}}})"),
        })
    }
}

fn truth(number: &str) -> String {
    if number == "0" { "False" } else { "True" }.to_owned()
}

fn cut(is_cut: bool) -> &'static str {
    if is_cut { "..." } else { "" }
}

/// As `repr` writes a float: the shortest digits that mean it.
fn float(bits: u64) -> String {
    let text = format!("{:?}", f64::from_bits(bits)).to_lowercase();
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{}e{sign}{exponent:0>2}", digits.trim_end_matches(".0"))
        }
    }
}

/// As `repr` writes a string.
fn quoted(text: &str) -> String {
    quoted_with(text, |c| if c.is_control() { None } else { Some(c) })
}

/// As `repr` writes bytes, behind the `b`.
fn quoted_ascii(text: &str) -> String {
    quoted_with(text, |c| Some(c).filter(|c| c.is_ascii() && !c.is_control()))
}

fn quoted_with(text: &str, plain: impl Fn(char) -> Option<char>) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            '\\' => shown.push_str("\\\\"),
            c if c == quote => shown.extend(['\\', c]),
            c => match (plain(c), u32::from(c)) {
                (Some(c), _) => shown.push(c),
                (None, code @ 0..=0xff) => shown.push_str(&format!("\\x{code:02x}")),
                (None, code) => shown.push_str(&format!("\\u{code:04x}")),
            },
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_and_strings_as_python_writes_them() {
        let text = |value: f64| float(value.to_bits());
        assert_eq!(
            ["2.5", "1e+16", "1e-05", "-inf", "nan"],
            [text(2.5), text(1e16), text(1e-5), text(f64::NEG_INFINITY), text(f64::NAN)]
        );
        assert_eq!(quoted("it's\n"), "\"it's\\n\"");
        assert_eq!(quoted("\"'é\u{1}"), "'\"\\'é\\x01'");
        assert_eq!(quoted_ascii("a\u{e9}\0"), "'a\\xe9\\x00'");
    }
}
