//! Arithmetic as C does it: promotions, usual conversions, wrapping.

use super::syntax::Binary;
use super::{Fault, wide_float};
use crate::symbols::datatypes::{Encoding, Shape, Type};
use crate::values::{Target, Value};

/// A number with its type's width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Integer { value: i128, size: u64, signed: bool },
    Float { value: f64, size: u64 },
}

impl Number {
    /// C's `int`.
    pub fn int(value: i128) -> Self {
        Self::Integer { value, size: 4, signed: true }
    }

    /// The number a value is; `None` if it is none. Not of those that no double holds.
    pub fn of(value: &Value, target: &dyn Target) -> Result<Option<Self>, Fault> {
        let of = value.of.stripped();
        if wide_float::is_wide(&of) {
            return Err(wide_float::refused(&of));
        }
        if of.is_float() {
            let bytes = value.bytes(target);
            let bytes = bytes.all()?;
            return Ok(float(bytes).map(|value| Self::Float { value, size: bytes.len() as u64 }));
        }
        if !of.is_integral() {
            return Ok(None);
        }
        let number = value.integer(target)?;
        let size = of.size().unwrap_or(4);
        let boolean = matches!(of.shape(), Shape::Base { encoding: Encoding::Bool, .. });
        let signed = of.is_signed() && !boolean;
        // A bit-field is promoted to int, if that has all its values (C17, 6.3.1.1).
        if value.bits.is_some_and(|bits| bits.size < 32 || bits.size == 32 && signed) {
            return Ok(Some(Self::int(number)));
        }
        Ok(Some(Self::Integer { value: number, size, signed }))
    }

    /// Of the type that arithmetic with another has (C17, 6.3.1.8).
    pub fn converted(self, other: Self) -> Self {
        let (own, other) = (self.promoted(), other.promoted());
        match (own, other) {
            (
                Self::Integer { value, size, signed },
                Self::Integer { size: wide, signed: with_sign, .. },
            ) => {
                let (size, signed) = usual((size, signed), (wide, with_sign));
                Self::Integer { value: wrap(value, size, signed), size, signed }
            }
            _ => {
                let value = own.double();
                let size = own.float_size().max(other.float_size());
                let value = if size == 4 { f64::from(value as f32) } else { value };
                Self::Float { value, size }
            }
        }
    }

    /// The bytes of a float, 0 of an integer.
    fn float_size(self) -> u64 {
        match self {
            Self::Float { size, .. } => size,
            Self::Integer { .. } => 0,
        }
    }

    /// After integer promotion (C17, 6.3.1.1).
    pub fn promoted(self) -> Self {
        match self {
            Self::Integer { value, size, .. } if size < 4 => Self::int(value),
            other => other,
        }
    }

    /// With the other sign.
    pub fn negated(self) -> Self {
        match self {
            Self::Integer { value, size, signed } => {
                let value = wrap(value.wrapping_neg(), size, signed);
                Self::Integer { value, size, signed }
            }
            Self::Float { value, size } => Self::Float { value: -value, size },
        }
    }

    /// Whether it is not zero.
    pub fn is_true(self) -> bool {
        match self {
            Self::Integer { value, .. } => value != 0,
            Self::Float { value, .. } => value != 0.0,
        }
    }

    /// As an integer; fractions are dropped.
    pub fn integer(self) -> i128 {
        match self {
            Self::Integer { value, .. } => value,
            Self::Float { value, .. } => value as i128,
        }
    }

    fn double(self) -> f64 {
        match self {
            Self::Integer { value, .. } => value as f64,
            Self::Float { value, .. } => value,
        }
    }

    /// As a value of the type C gives it.
    pub fn value(self) -> Value {
        match self {
            Self::Integer { value, size, signed } => {
                let of = integer_type(size, signed);
                Value::computed(of, integer_bytes(value, size))
            }
            Self::Float { value, size: 4 } => Value::computed(
                Type::base("float", 4, Encoding::Float),
                (value as f32).to_le_bytes().into(),
            ),
            Self::Float { value, .. } => Value::computed(
                Type::base("double", 8, Encoding::Float),
                value.to_le_bytes().into(),
            ),
        }
    }

    /// Whether its integral part is no value of an integral type: what a conversion gives then
    /// is undefined (C17, 6.3.1.4).
    pub fn is_outside(self, of: &Type) -> bool {
        let Self::Float { value, .. } = self else { return false };
        let boolean = matches!(of.stripped().shape(), Shape::Base { encoding: Encoding::Bool, .. });
        // Casts to i128 saturate, at what no smaller type has.
        let fits = value.is_finite() && in_range(value as i128, of);
        of.is_integral() && !boolean && !fits
    }

    /// The bytes of this number as another type's value.
    pub fn bytes_as(self, of: &Type) -> Option<Vec<u8>> {
        let stripped = of.stripped();
        let size = stripped.size()?;
        if stripped.is_float() {
            return match size {
                4 => Some((self.double() as f32).to_le_bytes().into()),
                8 => Some(self.double().to_le_bytes().into()),
                _ => None,
            };
        }
        let boolean = matches!(stripped.shape(), Shape::Base { encoding: Encoding::Bool, .. });
        let value = if boolean { i128::from(self.is_true()) } else { self.integer() };
        (size <= 16).then(|| integer_bytes(value, size))
    }
}

fn float(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => Some(f64::from(f32::from_le_bytes(bytes.try_into().ok()?))),
        8 => Some(f64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

/// Whether an integer is one of a type's values.
pub(super) fn in_range(value: i128, of: &Type) -> bool {
    let bits = of.size().unwrap_or(8).clamp(1, 16) * 8;
    match (bits, of.is_signed()) {
        (128, true) => !matches!(value, i128::MIN | i128::MAX),
        (128, false) => (0..i128::MAX).contains(&value),
        (_, true) => (-(1i128 << (bits - 1))..1 << (bits - 1)).contains(&value),
        (_, false) => (0..1 << bits).contains(&value),
    }
}

/// The low bytes of an integer.
pub(super) fn integer_bytes(value: i128, size: u64) -> Vec<u8> {
    value.to_le_bytes().get(..size.min(16) as usize).unwrap_or_default().to_vec()
}

/// C's type of a width.
pub(super) fn integer_type(size: u64, signed: bool) -> Type {
    let name = match (size, signed) {
        (4, true) => "int",
        (4, false) => "unsigned int",
        (8, true) => "long",
        (8, false) => "unsigned long",
        (_, true) => "__int128",
        (_, false) => "unsigned __int128",
    };
    Type::base(name, size, if signed { Encoding::Signed } else { Encoding::Unsigned })
}

/// `left operator right`.
pub(super) fn apply(operator: Binary, left: Number, right: Number) -> Result<Number, Fault> {
    let (left, right) = (left.promoted(), right.promoted());
    match (left, right) {
        (Number::Integer { .. }, Number::Integer { .. }) => integers(operator, left, right),
        _ => floats(operator, left, right),
    }
}

fn integers(operator: Binary, left: Number, right: Number) -> Result<Number, Fault> {
    let (
        Number::Integer { value: a, size, signed },
        Number::Integer { value: b, size: other, signed: s },
    ) = (left, right)
    else {
        return Err(Fault::Incomplete);
    };
    let is_shift = matches!(operator, Binary::ShiftLeft | Binary::ShiftRight);
    // Shifts keep the left operand's type.
    let (size, signed) = if is_shift { (size, signed) } else { usual((size, signed), (other, s)) };
    let (a, b) = (wrap(a, size, signed), if is_shift { b } else { wrap(b, size, signed) });
    let truth = |truth: bool| Ok(Number::int(i128::from(truth)));
    let shift = || u32::try_from(b).ok().filter(|count| u64::from(*count) < size * 8);
    let unsigned = |value: i128| value.cast_unsigned();
    let value = match operator {
        Binary::Multiply => a.wrapping_mul(b),
        Binary::Divide | Binary::Remainder if b == 0 => return Err(Fault::DivisionByZero),
        Binary::Divide if signed => a.wrapping_div(b),
        Binary::Divide => (unsigned(a) / unsigned(b)).cast_signed(),
        Binary::Remainder if signed => a.wrapping_rem(b),
        Binary::Remainder => (unsigned(a) % unsigned(b)).cast_signed(),
        Binary::Add => a.wrapping_add(b),
        Binary::Subtract => a.wrapping_sub(b),
        Binary::ShiftLeft => shift().map_or(0, |count| a.wrapping_shl(count)),
        Binary::ShiftRight if signed => {
            shift().map_or(if a < 0 { -1 } else { 0 }, |count| a >> count)
        }
        Binary::ShiftRight => shift().map_or(0, |count| (unsigned(a) >> count).cast_signed()),
        Binary::BitAnd => a & b,
        Binary::BitXor => a ^ b,
        Binary::BitOr => a | b,
        Binary::Less => return truth(less(a, b, signed)),
        Binary::Greater => return truth(less(b, a, signed)),
        Binary::LessEqual => return truth(!less(b, a, signed)),
        Binary::GreaterEqual => return truth(!less(a, b, signed)),
        Binary::Equal => return truth(a == b),
        Binary::NotEqual => return truth(a != b),
        _ => return Err(Fault::Operand("these operands cannot be combined".to_owned())),
    };
    Ok(Number::Integer { value: wrap(value, size, signed), size, signed })
}

/// The size of two integers' common type, and whether it has a sign: the usual arithmetic
/// conversions (C17, 6.3.1.8).
fn usual((size, signed): (u64, bool), (other, with_sign): (u64, bool)) -> (u64, bool) {
    match size.cmp(&other) {
        std::cmp::Ordering::Greater => (size, signed),
        std::cmp::Ordering::Less => (other, with_sign),
        std::cmp::Ordering::Equal => (size, signed && with_sign),
    }
}

fn less(a: i128, b: i128, signed: bool) -> bool {
    if signed { a < b } else { a.cast_unsigned() < b.cast_unsigned() }
}

/// A value modulo its width.
pub(super) fn wrap(value: i128, size: u64, signed: bool) -> i128 {
    let unused = 128u32.saturating_sub(u32::try_from(size * 8).unwrap_or(128)).min(127);
    let shifted = value << unused;
    match signed {
        true => shifted >> unused,
        false => (shifted.cast_unsigned() >> unused).cast_signed(),
    }
}

fn floats(operator: Binary, left: Number, right: Number) -> Result<Number, Fault> {
    let (a, b) = (left.double(), right.double());
    let size = left.float_size().max(right.float_size());
    let truth = |truth: bool| Ok(Number::int(i128::from(truth)));
    let value = match operator {
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Less => return truth(a < b),
        Binary::Greater => return truth(a > b),
        Binary::LessEqual => return truth(a <= b),
        Binary::GreaterEqual => return truth(a >= b),
        Binary::Equal => return truth(a == b),
        Binary::NotEqual => return truth(a != b),
        _ => return Err(Fault::Operand("integers are needed here".to_owned())),
    };
    let value = if size == 4 { f64::from(value as f32) } else { value };
    Ok(Number::Float { value, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn unsigned(value: i128) -> Number {
        Number::Integer { value, size: 4, signed: false }
    }

    #[test]
    fn conversions_do_not_leave_a_types_range() {
        let outside = |value, of: &Type| Number::Float { value, size: 8 }.is_outside(of);
        let of = |size, encoding| Type::base("a type", size, encoding);
        let byte = of(1, Encoding::Signed);
        assert!(!outside(-128.9, &byte) && !outside(127.9, &byte));
        assert!(outside(-129.0, &byte) && outside(128.0, &byte) && outside(f64::NAN, &byte));
        assert!(!outside(255.0, &of(1, Encoding::Unsigned)));
        assert!(outside(-1.0, &of(1, Encoding::Unsigned)));
        let widest = of(16, Encoding::Signed);
        assert!(outside(1e300, &widest) && outside(-1e300, &widest) && !outside(1e38, &widest));
        // A type of a size that no type has.
        assert!(outside(1e300, &of(0, Encoding::Signed)));
        assert!(
            !outside(1e300, &of(1, Encoding::Bool)) && !outside(1e300, &of(4, Encoding::Float))
        );
    }

    #[test]
    fn arithmetic_wraps_and_converts_as_in_c() {
        let int = Number::int;
        assert_eq!(
            apply(Binary::Add, int(i128::from(i32::MAX)), int(1)),
            Ok(int(i128::from(i32::MIN)))
        );
        assert_eq!(apply(Binary::Subtract, unsigned(0), int(1)), Ok(unsigned(0xffff_ffff)));
        assert_eq!(apply(Binary::Less, int(-1), unsigned(1)), Ok(int(0)));
        assert_eq!(apply(Binary::Divide, int(-7), int(2)), Ok(int(-3)));
        assert_eq!(apply(Binary::Divide, int(1), int(0)), Err(Fault::DivisionByZero));
        assert_eq!(apply(Binary::ShiftRight, int(-8), int(1)), Ok(int(-4)));
        assert_eq!(apply(Binary::ShiftLeft, int(1), int(100)), Ok(int(0)));
        let half = Number::Float { value: 0.5, size: 8 };
        assert_eq!(
            apply(Binary::Multiply, half, int(4)),
            Ok(Number::Float { value: 2.0, size: 8 })
        );
        assert!(apply(Binary::BitAnd, half, int(4)).is_err());
    }
}
