//! Binary floating-point numbers, exactly: also those that no `f64` holds.

use crate::symbols::datatypes::{Encoding, Shape, Type};
use std::cmp::Ordering;

/// How the bytes of a float are read.
///
/// Each has all numbers of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FloatFormat {
    /// IEEE 754 binary16.
    Half,
    /// IEEE 754 binary32.
    Single,
    /// IEEE 754 binary64.
    Double,
    /// x87's 80 bits, with or without padding.
    Extended,
    /// IEEE 754 binary128.
    Quad,
}

impl FloatFormat {
    /// That of a type of floats; `None` for others, and for floats of other sizes.
    pub fn of(of: &Type) -> Option<Self> {
        match of.stripped().shape() {
            Shape::Base { name, encoding: Encoding::Float, size } => Self::named(name, *size),
            _ => None,
        }
    }

    /// That of a base type of so many bytes: DWARF tells `long double` from `_Float128` by
    /// nothing but their names.
    pub fn named(name: &str, size: u64) -> Option<Self> {
        match size {
            2 if !name.contains("bf") => Some(Self::Half),
            4 => Some(Self::Single),
            8 => Some(Self::Double),
            16 if name.contains("128") => Some(Self::Quad),
            10 | 12 | 16 => Some(Self::Extended),
            _ => None,
        }
    }

    /// Significant decimal digits that tell its numbers apart: 1 + the significand's bits ·
    /// log₁₀ 2, rounded up.
    pub fn digits(self) -> usize {
        match self {
            Self::Half => 5,
            Self::Single => 9,
            Self::Double => 17,
            Self::Extended => 21,
            Self::Quad => 36,
        }
    }
}

/// `± significand · 2^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    /// Whether it is below zero, or the zero with a sign.
    pub negative: bool,
    /// The significant bits, as an integer.
    pub significand: u128,
    /// The exponent of two of the lowest of them.
    pub exponent: i32,
}

/// What the bytes of a float are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float {
    /// A number.
    Finite(Exact),
    /// An infinity.
    Infinite {
        /// Whether it is that below zero.
        negative: bool,
    },
    /// No number.
    Nan {
        /// Its sign.
        negative: bool,
        /// What tells it from others.
        payload: u128,
    },
}

/// The parts that a format's bits are made of.
struct Parts {
    negative: bool,
    /// As it stands there.
    exponent: u32,
    /// All bits set: no finite number.
    special: bool,
    /// Without what is implied.
    fraction: u128,
}

impl Float {
    /// What bytes are; `None` if there are too few.
    pub fn of(bytes: &[u8], format: FloatFormat) -> Option<Self> {
        let word = bytes.iter().take(16).rev().fold(0, |word, byte| word << 8 | u128::from(*byte));
        let ieee = |fraction_bits: u32, exponent_bits: u32| {
            let exponent = (word >> fraction_bits) as u32 & ((1 << exponent_bits) - 1);
            let parts = Parts {
                negative: word >> (fraction_bits + exponent_bits) & 1 != 0,
                exponent,
                special: exponent == (1 << exponent_bits) - 1,
                fraction: word & ((1 << fraction_bits) - 1),
            };
            parts.float(fraction_bits, (1 << (exponent_bits - 1)) - 1)
        };
        match format {
            FloatFormat::Half if bytes.len() == 2 => Some(ieee(10, 5)),
            FloatFormat::Single if bytes.len() == 4 => Some(ieee(23, 8)),
            FloatFormat::Double if bytes.len() == 8 => Some(ieee(52, 11)),
            FloatFormat::Quad if bytes.len() == 16 => Some(ieee(112, 15)),
            FloatFormat::Extended if bytes.len() >= 10 => Some(Self::extended(word)),
            _ => None,
        }
    }

    /// x87's 80 bits, which imply none.
    fn extended(word: u128) -> Self {
        let (significand, head) = (word & u128::from(u64::MAX), (word >> 64) as u32 & 0xffff);
        let (negative, exponent) = (head & 0x8000 != 0, head & 0x7fff);
        let fraction = significand & (u128::from(u64::MAX) >> 1);
        match (exponent == 0x7fff, fraction) {
            (true, 0) => Self::Infinite { negative },
            (true, _) => Self::Nan { negative, payload: significand },
            (false, _) => {
                let exponent = exponent.max(1).cast_signed() - 16383 - 63;
                Self::Finite(Exact { negative, significand, exponent })
            }
        }
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        self.parsed(f64::INFINITY, f64::NAN)
    }

    /// The nearest float.
    pub fn to_f32(self) -> f32 {
        self.parsed(f32::INFINITY, f32::NAN)
    }

    /// By way of its decimal digits, all of them: parsing rounds to the nearest.
    fn parsed<T>(self, infinite: T, nan: T) -> T
    where
        T: std::str::FromStr + std::ops::Neg<Output = T>,
    {
        let (negative, magnitude) = match self {
            Self::Nan { .. } => return nan,
            Self::Infinite { negative } => (negative, infinite),
            Self::Finite(exact) => {
                let (digits, point) = exact.decimal();
                let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
                (exact.negative, format!("0.{text}e{point}").parse().unwrap_or(infinite))
            }
        };
        if negative { -magnitude } else { magnitude }
    }

    /// In which order two stand; `None` if one is no number.
    pub fn order(self, other: Self) -> Option<Ordering> {
        let sign = |negative| if negative { Ordering::Less } else { Ordering::Greater };
        match (self, other) {
            (Self::Nan { .. }, _) | (_, Self::Nan { .. }) => None,
            (Self::Infinite { negative: a }, Self::Infinite { negative: b }) => Some(b.cmp(&a)),
            (Self::Infinite { negative }, _) => Some(sign(negative)),
            (_, Self::Infinite { negative }) => Some(sign(!negative)),
            (Self::Finite(a), Self::Finite(b)) => Some(a.order(b)),
        }
    }
}

impl Parts {
    fn float(self, fraction_bits: u32, bias: i32) -> Float {
        let Self { negative, exponent, special, fraction } = self;
        match (special, fraction) {
            (true, 0) => Float::Infinite { negative },
            (true, payload) => Float::Nan { negative, payload },
            (false, _) => {
                let implied = u128::from(exponent > 0) << fraction_bits;
                let exponent = exponent.max(1).cast_signed() - bias - fraction_bits.cast_signed();
                Float::Finite(Exact { negative, significand: fraction | implied, exponent })
            }
        }
    }
}

impl Exact {
    /// An integer.
    pub fn integer(value: i128) -> Self {
        Self { negative: value < 0, significand: value.unsigned_abs(), exponent: 0 }
    }

    /// Without its fraction; `None` if that does not fit.
    pub fn truncated(self) -> Option<i128> {
        let magnitude = match u32::try_from(self.exponent) {
            Ok(up) if self.significand != 0 => {
                (up < self.significand.leading_zeros()).then(|| self.significand << up)?
            }
            Ok(_) => 0,
            Err(_) => self.significand.checked_shr(self.exponent.unsigned_abs()).unwrap_or(0),
        };
        let magnitude = i128::try_from(magnitude).ok()?;
        Some(if self.negative { -magnitude } else { magnitude })
    }

    fn order(self, other: Self) -> Ordering {
        let side = |exact: Self| match (exact.significand, exact.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        let magnitudes = || match self.negative {
            true => other.magnitude().cmp(&self.magnitude()),
            false => self.magnitude().cmp(&other.magnitude()),
        };
        side(self).cmp(&side(other)).then_with(|| match side(self) {
            0 => Ordering::Equal,
            _ => magnitudes(),
        })
    }

    /// What orders numbers other than zero by their size: the exponent of two of the highest
    /// bit, and all bits behind that.
    fn magnitude(self) -> (i64, u128) {
        let zeros = self.significand.leading_zeros();
        let highest = i64::from(self.exponent) + 127 - i64::from(zeros);
        (highest, self.significand.checked_shl(zeros).unwrap_or(0))
    }

    /// Its decimal digits, and how many of them stand before the point.
    pub fn decimal(self) -> (Vec<u8>, i32) {
        // Digits to that base, lowest first. 2^-n = 5^n / 10^n.
        let mut limbs = Vec::new();
        let mut rest = self.significand;
        while rest > 0 {
            limbs.push((rest % u128::from(BASE)) as u64);
            rest /= u128::from(BASE);
        }
        let (factor, steps) = if self.exponent >= 0 { (2, 32) } else { (5, 13) };
        let mut left = self.exponent.unsigned_abs();
        while left > 0 {
            let step = left.min(steps);
            multiply(&mut limbs, u64::pow(factor, step));
            left -= step;
        }
        let text: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
        let text = text.trim_start_matches('0');
        let shift = self.exponent.min(0);
        (text.bytes().map(|digit| digit - b'0').collect(), text.len() as i32 + shift)
    }
}

/// What numbers are written to the base of for their decimal digits.
const BASE: u64 = 1_000_000_000;

/// Multiplies a number, its lowest digit first, by a factor below 2^33.
fn multiply(limbs: &mut Vec<u64>, factor: u64) {
    let mut carry = 0;
    for limb in &mut *limbs {
        let value = *limb * factor + carry;
        (*limb, carry) = (value % BASE, value / BASE);
    }
    while carry > 0 {
        limbs.push(carry % BASE);
        carry /= BASE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(value: f64) -> Float {
        Float::of(&value.to_le_bytes(), FloatFormat::Double).unwrap()
    }

    #[test]
    fn doubles_are_what_they_are() {
        for value in [0.0, -0.0, 1.1, -2.5, 1e300, 5e-324, f64::MIN_POSITIVE, f64::INFINITY] {
            assert_eq!(double(value).to_f64().to_bits(), value.to_bits(), "{value}");
        }
        assert!(double(f64::NAN).to_f64().is_nan());
        let all = [f64::NEG_INFINITY, -1e300, -1.5, -0.0, 5e-324, 1.0, 1.5, 1e300, f64::INFINITY];
        for (at, a) in all.iter().enumerate() {
            for (other, b) in all.iter().enumerate() {
                assert_eq!(double(*a).order(double(*b)), Some(at.cmp(&other)), "{a} {b}");
            }
        }
        assert_eq!(double(0.0).order(double(-0.0)), Some(Ordering::Equal));
        assert_eq!(double(1.0).order(double(f64::NAN)), None);
    }

    #[test]
    fn fractions_are_dropped_and_what_does_not_fit_is_none() {
        let truncated = |value: f64| match double(value) {
            Float::Finite(exact) => exact.truncated(),
            _ => None,
        };
        assert_eq!(truncated(-2.9), Some(-2));
        assert_eq!(truncated(0.0), Some(0));
        assert_eq!(truncated(5e-324), Some(0));
        assert_eq!(truncated(2f64.powi(126)), Some(1 << 126));
        assert_eq!(truncated(1e300), None);
    }

    #[test]
    fn what_no_double_holds_rounds_to_the_nearest() {
        // 1 + 2^-53 + 2^-63: above the middle between 1 and the next double.
        let above =
            Exact { negative: false, significand: (1 << 63) | (1 << 10) | 1, exponent: -63 };
        assert_eq!(Float::Finite(above).to_f64(), 1.0 + f64::EPSILON);
        let middle = Exact { significand: (1 << 63) | (1 << 10), ..above };
        assert_eq!(Float::Finite(middle).to_f64(), 1.0);
    }
}
