//! Arithmetic on floats as the program does it: rounded to the nearest, ties to even, to the
//! precision of the format.

use super::syntax::Binary;
use crate::values::FloatFormat;
use rustc_apfloat::ieee::{Double, Half, IeeeFloat, Quad, Semantics, Single, X87DoubleExtended};
use rustc_apfloat::{Float, FloatConvert};

/// Bits of x87's format; what stands behind them is padding.
const EXTENDED_BITS: u128 = (1 << 80) - 1;

/// A number to compute with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operand {
    /// The bits of a float.
    Float(FloatFormat, u128),
    /// An integer; of those without a sign, its bits.
    Integer { value: i128, signed: bool },
}

impl Operand {
    /// The float of these bytes.
    pub fn of_bytes(bytes: &[u8], format: FloatFormat) -> Self {
        Self::Float(format, bits(bytes))
    }

    /// The nearest number of a format, as its bits.
    pub fn bits_as(self, format: FloatFormat) -> u128 {
        match format {
            FloatFormat::Half => self.read::<Half>().to_bits(),
            FloatFormat::Single => self.read::<Single>().to_bits(),
            FloatFormat::Double => self.read::<Double>().to_bits(),
            FloatFormat::Extended => self.read::<X87DoubleExtended>().to_bits(),
            FloatFormat::Quad => self.read::<Quad>().to_bits(),
        }
    }

    fn read<F>(self) -> F
    where
        F: Float,
        Half: FloatConvert<F>,
        Single: FloatConvert<F>,
        Double: FloatConvert<F>,
        X87DoubleExtended: FloatConvert<F>,
        Quad: FloatConvert<F>,
    {
        match self {
            Self::Integer { value, signed: true } => F::from_i128(value).value,
            Self::Integer { value, .. } => F::from_u128(value.cast_unsigned()).value,
            Self::Float(format, bits) => match format {
                FloatFormat::Half => converted(Half::from_bits(bits)),
                FloatFormat::Single => converted(Single::from_bits(bits)),
                FloatFormat::Double => converted(Double::from_bits(bits)),
                FloatFormat::Extended => {
                    converted(X87DoubleExtended::from_bits(bits & EXTENDED_BITS))
                }
                FloatFormat::Quad => converted(Quad::from_bits(bits)),
            },
        }
    }
}

/// The bits of at most 16 bytes, little-endian.
pub(super) fn bits(bytes: &[u8]) -> u128 {
    bytes.iter().take(16).rev().fold(0, |bits, byte| bits << 8 | u128::from(*byte))
}

fn converted<T: Float, F: FloatConvert<T>>(from: F) -> T {
    from.convert(&mut false).value
}

/// The bits of `left operator right` in a format; `None` if the operator is none of arithmetic.
pub(super) fn apply(
    operator: Binary,
    left: Operand,
    right: Operand,
    format: FloatFormat,
) -> Option<u128> {
    match format {
        FloatFormat::Half => computed(operator, left.read::<Half>(), right.read()),
        FloatFormat::Single => computed(operator, left.read::<Single>(), right.read()),
        FloatFormat::Double => computed(operator, left.read::<Double>(), right.read()),
        FloatFormat::Extended => computed(operator, left.read::<X87DoubleExtended>(), right.read()),
        FloatFormat::Quad => computed(operator, left.read::<Quad>(), right.read()),
    }
}

fn computed<S: Semantics>(
    operator: Binary,
    left: IeeeFloat<S>,
    right: IeeeFloat<S>,
) -> Option<u128> {
    let result = match operator {
        Binary::Add => left + right,
        Binary::Subtract => left - right,
        Binary::Multiply => left * right,
        Binary::Divide => left / right,
        _ => return None,
    };
    let made = result.value.is_nan() && !left.is_nan() && !right.is_nan();
    // The processor's NaN of an invalid operation is negative (SDM volume 1, table 4-3).
    let value = if made { -IeeeFloat::NAN } else { result.value };
    Some(value.to_bits())
}

/// The bits of the `long double` nearest to a decimal number.
pub(super) fn extended(digits: &str) -> Option<u128> {
    digits.parse::<X87DoubleExtended>().ok().map(Float::to_bits)
}

/// The bits of the number of a format nearest to a hexadecimal one, `0x1.8p-3`.
pub(super) fn hexadecimal(text: &str, format: FloatFormat) -> Option<u128> {
    match format {
        FloatFormat::Half => text.parse::<Half>().ok().map(Float::to_bits),
        FloatFormat::Single => text.parse::<Single>().ok().map(Float::to_bits),
        FloatFormat::Double => text.parse::<Double>().ok().map(Float::to_bits),
        FloatFormat::Extended => text.parse::<X87DoubleExtended>().ok().map(Float::to_bits),
        FloatFormat::Quad => text.parse::<Quad>().ok().map(Float::to_bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn double(value: f64) -> Operand {
        Operand::Float(FloatFormat::Double, value.to_bits().into())
    }

    proptest! {
        #[test]
        fn doubles_are_computed_as_the_processor_does(a in any::<f64>(), b in any::<f64>()) {
            let of = |operator| {
                let bits = apply(operator, double(a), double(b), FloatFormat::Double);
                f64::from_bits(bits.unwrap() as u64)
            };
            let results = [
                (of(Binary::Add), a + b),
                (of(Binary::Subtract), a - b),
                (of(Binary::Multiply), a * b),
                (of(Binary::Divide), a / b),
            ];
            for (own, theirs) in results {
                prop_assert!(own.to_bits() == theirs.to_bits() || own.is_nan() && theirs.is_nan());
            }
            let single = double(a).bits_as(FloatFormat::Single) as u32;
            prop_assert!(single == (a as f32).to_bits() || a.is_nan());
        }
    }

    #[test]
    fn x87_rounds_to_its_64_bits() {
        let bits = |text| Operand::Float(FloatFormat::Extended, extended(text).unwrap());
        let sum = apply(Binary::Add, bits("1.1"), bits("1"), FloatFormat::Extended).unwrap();
        // 1.1L + 1: the lowest bit of 1.1L has no place in the sum.
        assert_eq!(sum, 0x4000_8666_6666_6666_6666);
        let nan = apply(Binary::Divide, bits("0"), bits("0"), FloatFormat::Extended).unwrap();
        assert_eq!(nan, 0xffff_c000_0000_0000_0000);
        assert_eq!(apply(Binary::BitAnd, bits("1"), bits("1"), FloatFormat::Extended), None);
        let most = Operand::Integer { value: -1, signed: false };
        assert_eq!(most.bits_as(FloatFormat::Extended), 0x407f_8000_0000_0000_0000);
    }
}
