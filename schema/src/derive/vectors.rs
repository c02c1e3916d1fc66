//! Vector registers and masks that follow from vector registers: copies, and
//! arithmetic and comparisons of packed or single floating-point numbers.

use super::float::{DOUBLE, Environment, Format, SINGLE};
use crate::registers::Registers;

/// What is done with each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FloatOperation {
    /// First, as it is.
    Move,
    /// First + second.
    Add,
    /// First − second.
    Subtract,
    /// First × second.
    Multiply,
    /// MIN.
    Least,
    /// MAX.
    Greatest,
    /// ±(first × second) ± third, rounded once.
    MultiplyAdd {
        /// Of the product.
        negative: bool,
        /// The third is subtracted.
        subtract: bool,
    },
    /// Whether the predicate of this number holds for first and second (Intel SDM
    /// vol. 2, CMPPD, table 3-1).
    Compare(u8),
}

/// In place of a register's number: the memory operand.
pub const LOADED: u8 = 32;

/// What an instruction loaded from its memory operand.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    bytes: Vector,
    /// At most 64; 0: nothing.
    length: usize,
}

impl Default for Loaded {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl Loaded {
    /// Nothing was loaded; elements of it are zero.
    pub const NOTHING: Self = Self { bytes: [0; 64], length: 0 };

    /// These bytes, of which 64 count. One element stands for all.
    pub fn new(from: &[u8]) -> Self {
        let length = from.len().min(64);
        let mut bytes = [0; 64];
        bytes[..length].copy_from_slice(&from[..length]);
        Self { bytes, length }
    }

    fn element(&self, at: usize, size: usize) -> &[u8] {
        let at = if self.length == 0 { 0 } else { at % self.length };
        self.bytes.get(at..at + size).unwrap_or(&[])
    }
}

/// The state that a vector is derived from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The registers before the instruction.
    pub before: &'a Registers,
    /// Its memory operand.
    pub loaded: &'a Loaded,
}

impl Sources<'_> {
    /// `size` bytes of an operand, from byte `at` on.
    fn element(&self, operand: u8, at: usize, size: usize) -> u64 {
        let from = match operand {
            LOADED => self.loaded.element(at, size),
            register => &self.before.vector[usize::from(register & 31)][at..at + size],
        };
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(bytes)
    }
}

/// An instruction on floating-point elements of vector registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FloatVector {
    /// What is done.
    pub operation: FloatOperation,
    /// Elements of 8 bytes, not 4.
    pub double: bool,
    /// Bytes that are computed: one element, 16, 32 or 64.
    pub bytes: u8,
    /// Numbers of the registers with the operands, or [`LOADED`], in the operation's
    /// order.
    pub operands: [u8; 3],
    /// The mask register that chooses elements; 0: all of them.
    pub mask: u8,
}

/// A vector register that follows from vector registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DerivedVector {
    /// Its elements.
    pub elements: FloatVector,
    /// Its number.
    pub register: u8,
    /// Where bytes of its first 16 come from that are not computed.
    pub rest: u8,
    /// Elements that the mask leaves out become zero, not what they were.
    pub zeroing: bool,
    /// VEX and EVEX: the bytes above become zero. Legacy SSE: they stay.
    pub zero_upper: bool,
}

type Vector = [u8; 64];

impl FloatVector {
    fn size(&self) -> usize {
        if self.double { 8 } else { 4 }
    }

    fn count(&self) -> usize {
        (usize::from(self.bytes.min(64)) / self.size()).max(1)
    }

    /// Whether the mask chooses element `index`.
    fn chooses(&self, index: usize, before: &Registers) -> bool {
        self.mask == 0 || before.mask[usize::from(self.mask & 7)] >> index & 1 != 0
    }

    /// Element `index` of what the operation gives.
    fn element(&self, index: usize, sources: &Sources, environment: Environment) -> u64 {
        let size = self.size();
        let operand = self.operands.map(|operand| sources.element(operand, index * size, size));
        let format = if self.double { DOUBLE } else { SINGLE };
        self.operation.element(format, operand, environment)
    }

    /// The mask register that a comparison gives.
    pub fn mask(&self, sources: &Sources) -> u64 {
        let before = sources.before;
        let environment = Environment::of(before.mxcsr);
        let bit = |index: usize| {
            let holds =
                self.chooses(index, before) && self.element(index, sources, environment) != 0;
            u64::from(holds) << index
        };
        (0..self.count()).fold(0, |mask, index| mask | bit(index))
    }
}

impl DerivedVector {
    /// The whole register after the instruction.
    pub fn value(&self, sources: &Sources) -> Vector {
        let before = sources.before;
        let old = &before.vector[usize::from(self.register & 31)];
        let (elements, size) = (&self.elements, self.elements.size());
        let environment = Environment::of(before.mxcsr);
        let mut value = if self.zero_upper { [0; 64] } else { *old };
        let rest = usize::from(elements.bytes)..16;
        if let Some(bytes) = value.get_mut(rest.clone()) {
            bytes.copy_from_slice(&before.vector[usize::from(self.rest & 31)][rest]);
        }
        for index in 0..elements.count() {
            let at = index * size..index * size + size;
            let new = match elements.chooses(index, before) {
                true => elements.element(index, sources, environment).to_le_bytes(),
                false if self.zeroing => [0; 8],
                false => {
                    value[at.clone()].copy_from_slice(&old[at]);
                    continue;
                }
            };
            value[at].copy_from_slice(&new[..size]);
        }
        value
    }
}

impl FloatOperation {
    fn element(self, format: Format, operands: [u64; 3], environment: Environment) -> u64 {
        if self == Self::Move {
            return operands[0];
        }
        let operands = operands.map(|bits| format.taken(bits, environment));
        let [a, b, c] = operands;
        match self {
            Self::Least | Self::Greatest => self.chosen(format, a, b),
            Self::Compare(predicate) => {
                if compare(format, a, b, predicate) {
                    u64::MAX
                } else {
                    0
                }
            }
            _ => {
                let quick =
                    if environment.is_usual() { self.quick(format, operands) } else { None };
                let count = if let Self::MultiplyAdd { .. } = self { 3 } else { 2 };
                quick
                    .or_else(|| format.first_nan(&operands[..count]))
                    .unwrap_or_else(|| self.exact(format, [a, b, c], environment))
            }
        }
    }

    fn exact(self, format: Format, [a, b, c]: [u64; 3], environment: Environment) -> u64 {
        match self {
            Self::Add => format.add(a, b, environment),
            Self::Subtract => format.add(a, format.negative(b), environment),
            Self::MultiplyAdd { negative, subtract } => {
                let a = if negative { format.negative(a) } else { a };
                let c = if subtract { format.negative(c) } else { c };
                format.multiply_add(a, b, c, environment)
            }
            _ => format.multiply(a, b, environment),
        }
    }

    /// As this machine computes it; `None` if that is a NaN, for which machines
    /// have their own rules.
    fn quick(self, format: Format, [a, b, c]: [u64; 3]) -> Option<u64> {
        if format == DOUBLE {
            let [a, b, c] = [a, b, c].map(f64::from_bits);
            let result = match self {
                Self::Add => a + b,
                Self::Subtract => a - b,
                Self::MultiplyAdd { negative, subtract } => {
                    (if negative { -a } else { a }).mul_add(b, if subtract { -c } else { c })
                }
                _ => a * b,
            };
            return (!result.is_nan()).then_some(result.to_bits());
        }
        let [a, b, c] = [a, b, c].map(|bits| f32::from_bits(bits as u32));
        let result = match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::MultiplyAdd { negative, subtract } => {
                (if negative { -a } else { a }).mul_add(b, if subtract { -c } else { c })
            }
            _ => a * b,
        };
        (!result.is_nan()).then_some(result.to_bits().into())
    }

    /// MIN and MAX: the second where either is a NaN, or both are zero (Intel SDM
    /// vol. 2, MINPS).
    fn chosen(self, format: Format, a: u64, b: u64) -> u64 {
        let first = match order(format, a, b) {
            Some(order) if self == Self::Least => order.is_lt(),
            Some(order) => order.is_gt(),
            None => false,
        };
        if first { a } else { b }
    }
}

/// How two numbers compare; `None` if one is a NaN.
fn order(format: Format, a: u64, b: u64) -> Option<std::cmp::Ordering> {
    let wide = |bits: u64| match format {
        SINGLE => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    };
    wide(a).partial_cmp(&wide(b))
}

/// Predicates 0–31: the low three bits choose among eight, the next says what
/// becomes of NaNs; whether those signal makes no difference to the result.
fn compare(format: Format, a: u64, b: u64, predicate: u8) -> bool {
    let order = order(format, a, b);
    let (is, unordered) =
        (|test: fn(std::cmp::Ordering) -> bool| order.is_some_and(test), order.is_none());
    match predicate & 15 {
        0 => is(std::cmp::Ordering::is_eq),
        1 => is(std::cmp::Ordering::is_lt),
        2 => is(std::cmp::Ordering::is_le),
        3 => unordered,
        4 => unordered || is(std::cmp::Ordering::is_ne),
        5 => unordered || is(std::cmp::Ordering::is_ge),
        6 => unordered || is(std::cmp::Ordering::is_gt),
        7 => !unordered,
        8 => unordered || is(std::cmp::Ordering::is_eq),
        9 => unordered || is(std::cmp::Ordering::is_lt),
        10 => unordered || is(std::cmp::Ordering::is_le),
        11 => false,
        12 => is(std::cmp::Ordering::is_ne),
        13 => is(std::cmp::Ordering::is_ge),
        14 => is(std::cmp::Ordering::is_gt),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPERATIONS: [FloatOperation; 7] = [
        FloatOperation::Add,
        FloatOperation::Subtract,
        FloatOperation::Multiply,
        FloatOperation::MultiplyAdd { negative: false, subtract: false },
        FloatOperation::MultiplyAdd { negative: false, subtract: true },
        FloatOperation::MultiplyAdd { negative: true, subtract: false },
        FloatOperation::MultiplyAdd { negative: true, subtract: true },
    ];

    /// MXCSR as programs start with it.
    const USUAL: u32 = 0x1f80;

    /// Bits of a number, often at a bound or close to another's magnitude.
    fn bits() -> impl Strategy<Value = u64> {
        let near =
            (0u64..64, any::<u64>(), any::<bool>()).prop_map(|(exponent, fraction, sign)| {
                (fraction >> 12) & !0xffff | (992 + exponent) << 52 | u64::from(sign) << 63
            });
        prop_oneof![any::<u64>(), near, (0u64..4), Just(1 << 63), Just(0x7ff0_0000_0000_0000)]
    }

    fn check(format: Format, operands: [u64; 3]) {
        for operation in OPERATIONS {
            if let Some(quick) = operation.quick(format, operands) {
                let exact = operation.exact(format, operands, Environment::of(USUAL));
                assert_eq!(exact, quick, "{operation:?} of {operands:x?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn integers_and_this_machine_compute_alike(a in bits(), b in bits(), c in bits()) {
            if ![a, b, c].iter().any(|bits| DOUBLE.is_nan(*bits)) {
                check(DOUBLE, [a, b, c]);
            }
            let single = [a, b, c].map(|bits| u64::from((f64::from_bits(bits) as f32).to_bits()));
            if !single.iter().any(|bits| SINGLE.is_nan(*bits)) {
                check(SINGLE, single);
            }
        }
    }
}
