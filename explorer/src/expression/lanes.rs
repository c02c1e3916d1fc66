//! Vector registers as arrays of numbers, by gdb's names: `$xmm0.v4_float`, `$ymm1.v8_int32`.

use crate::symbols::datatypes::{Encoding, Type};
use crate::values::{Place, Value};

/// What lanes are called behind the count, their type's name, and its bytes.
const KINDS: [(&str, &str, u64, Encoding); 6] = [
    ("int8", "int8_t", 1, Encoding::Signed),
    ("int16", "int16_t", 2, Encoding::Signed),
    ("int32", "int", 4, Encoding::Signed),
    ("int64", "long", 8, Encoding::Signed),
    ("float", "float", 4, Encoding::Float),
    ("double", "double", 8, Encoding::Float),
];

/// The lanes of this name, if `of` is a vector register that has them.
pub(super) fn lanes(of: &Value, name: &str) -> Option<Value> {
    let bytes = of.size().filter(|bytes| matches!(bytes, 16 | 32 | 64))?;
    if !matches!(of.place, Place::Register(_)) || of.of.element().is_none() {
        return None;
    }
    if name == "uint128" && bytes == 16 {
        return Some(of.retyped(Type::base("uint128_t", 16, Encoding::Unsigned)));
    }
    let (count, kind) = name.strip_prefix('v')?.split_once('_')?;
    let (_, of_c, size, encoding) = KINDS.into_iter().find(|(name, ..)| *name == kind)?;
    let count: u64 = count.parse().ok()?;
    let fits = count.checked_mul(size) == Some(bytes);
    fits.then(|| of.retyped(Type::base(of_c, size, encoding).array(count)))
}
