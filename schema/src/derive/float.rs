//! Floating point as SSE and AVX compute it, in integers: add, multiply and fused
//! multiply-add under any rounding mode, with flushing and NaNs (Intel SDM vol. 1,
//! 4.8.3.5, 4.8.4 and 10.2.3; IEEE 754-2019, 4.3 and 7.5 with tininess detected
//! after rounding). What the CPU says of exceptions in MXCSR is not computed here.

/// How MXCSR has the CPU compute (Intel SDM vol. 1, 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Environment {
    rounding: Rounding,
    /// Results too small for a normal number become zero.
    flushes: bool,
    /// Operands too small for a normal number count as zero.
    ignores_small: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    Nearest,
    Down,
    Up,
    Zero,
}

impl Environment {
    /// What MXCSR's control bits say.
    pub fn of(mxcsr: u32) -> Self {
        let rounding = match mxcsr >> 13 & 3 {
            0 => Rounding::Nearest,
            1 => Rounding::Down,
            2 => Rounding::Up,
            _ => Rounding::Zero,
        };
        // Flushing works as long as underflow is masked.
        let flushes = mxcsr & 1 << 15 != 0 && mxcsr & 1 << 11 != 0;
        Self { rounding, flushes, ignores_small: mxcsr & 1 << 6 != 0 }
    }

    /// Whether it is the one that programs start with.
    pub fn is_usual(self) -> bool {
        self.rounding == Rounding::Nearest && !self.flushes && !self.ignores_small
    }

    /// Whether a magnitude is rounded away from zero: `kept` is odd, and what it
    /// loses compares to a half as `rest` says, exactly zero where `exact`.
    fn rounds_up(self, negative: bool, odd: bool, rest: std::cmp::Ordering, exact: bool) -> bool {
        match self.rounding {
            Rounding::Nearest => rest.is_gt() || rest.is_eq() && odd,
            Rounding::Zero => false,
            Rounding::Down => negative && !exact,
            Rounding::Up => !negative && !exact,
        }
    }
}

/// A binary interchange format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Bits of the fraction.
    fraction: u32,
    /// Bits of the exponent.
    exponent: u32,
}

/// binary32.
pub const SINGLE: Format = Format { fraction: 23, exponent: 8 };

/// binary64.
pub const DOUBLE: Format = Format { fraction: 52, exponent: 11 };

/// A number that is no NaN.
#[derive(Clone, Copy, Debug)]
enum Number {
    Infinite,
    /// This times a power of two.
    Finite(u64, i32),
}

#[derive(Clone, Copy, Debug)]
struct Signed {
    negative: bool,
    number: Number,
}

impl Format {
    fn sign(self) -> u64 {
        1 << (self.fraction + self.exponent)
    }

    fn infinity(self) -> u64 {
        (1 << (self.fraction + self.exponent)) - (1 << self.fraction)
    }

    fn quiet(self) -> u64 {
        1 << (self.fraction - 1)
    }

    /// The exponent of the last bit of the smallest numbers.
    fn least(self) -> i32 {
        2 - (1 << (self.exponent - 1)) - self.fraction as i32
    }

    /// Whether `bits` is a NaN.
    pub fn is_nan(self, bits: u64) -> bool {
        bits & !self.sign() > self.infinity()
    }

    /// `bits` as an operation takes it: zero in place of a small one, where the
    /// environment says so.
    pub fn taken(self, bits: u64, environment: Environment) -> u64 {
        let small = bits & self.infinity() == 0;
        if small && environment.ignores_small { bits & self.sign() } else { bits }
    }

    /// The first NaN among operands, quiet.
    pub fn first_nan(self, operands: &[u64]) -> Option<u64> {
        operands.iter().find(|bits| self.is_nan(**bits)).map(|bits| bits | self.quiet())
    }

    /// What an invalid operation gives: the "QNaN floating-point indefinite".
    fn indefinite(self) -> u64 {
        self.sign() | self.infinity() | self.quiet()
    }

    fn unpack(self, bits: u64) -> Signed {
        let negative = bits & self.sign() != 0;
        let fraction = bits & ((1 << self.fraction) - 1);
        let number = match (bits & self.infinity()) >> self.fraction {
            0 => Number::Finite(fraction, self.least()),
            field if field << self.fraction == self.infinity() => Number::Infinite,
            field => Number::Finite(fraction | 1 << self.fraction, self.least() + field as i32 - 1),
        };
        Signed { negative, number }
    }

    fn signed(self, negative: bool, magnitude: u64) -> u64 {
        if negative { self.sign() | magnitude } else { magnitude }
    }

    /// `left × right`; neither is a NaN.
    pub fn multiply(self, left: u64, right: u64, environment: Environment) -> u64 {
        let (a, b) = (self.unpack(left), self.unpack(right));
        let negative = a.negative != b.negative;
        match product(a.number, b.number) {
            None => self.indefinite(),
            Some(Product::Infinite) => self.signed(negative, self.infinity()),
            Some(Product::Finite(0, _)) => self.signed(negative, 0),
            Some(Product::Finite(value, exponent)) => {
                self.round(negative, Exact { value, exponent, more: false }, environment)
            }
        }
    }

    /// `left + right`; neither is a NaN.
    pub fn add(self, left: u64, right: u64, environment: Environment) -> u64 {
        let one = (1 << (self.exponent - 1)) - 1;
        self.multiply_add(left, one << self.fraction, right, environment)
    }

    /// The negative of `bits`.
    pub fn negative(self, bits: u64) -> u64 {
        bits ^ self.sign()
    }

    /// `left × right + addend`, rounded once; none is a NaN.
    pub fn multiply_add(self, left: u64, right: u64, addend: u64, environment: Environment) -> u64 {
        let (a, b, c) = (self.unpack(left), self.unpack(right), self.unpack(addend));
        let negative = a.negative != b.negative;
        let (value, exponent) = match (product(a.number, b.number), c.number) {
            (None, _) => return self.indefinite(),
            (Some(Product::Infinite), Number::Infinite) if negative != c.negative => {
                return self.indefinite();
            }
            (Some(Product::Infinite), _) => return self.signed(negative, self.infinity()),
            (_, Number::Infinite) => return self.signed(c.negative, self.infinity()),
            (Some(Product::Finite(value, exponent)), Number::Finite(..)) => (value, exponent),
        };
        let Number::Finite(other, other_exponent) = c.number else { return self.indefinite() };
        let terms = [
            Term { negative, value, exponent },
            Term { negative: c.negative, value: other.into(), exponent: other_exponent },
        ];
        match sum(terms) {
            Some((negative, exact)) => self.round(negative, exact, environment),
            // Zeros of two signs, or what cancels out.
            None if negative == c.negative => self.signed(negative, 0),
            None => self.signed(environment.rounding == Rounding::Down, 0),
        }
    }

    fn round(self, negative: bool, exact: Exact, environment: Environment) -> u64 {
        let precision = self.fraction as i32 + 1;
        let leading = exact.exponent + 127 - exact.value.leading_zeros() as i32;
        let unbounded = leading + 1 - precision;
        let least = self.least();
        if environment.flushes && unbounded < least {
            let (kept, _) = exact.at(unbounded, negative, environment);
            // One that rounds up to the smallest normal number is not tiny.
            if unbounded + i32::from(kept >> precision != 0) < least {
                return self.signed(negative, 0);
            }
        }
        let last = unbounded.max(least);
        let (mut kept, mut last) = exact.at(last, negative, environment);
        if kept >> precision != 0 {
            (kept, last) = (kept >> 1, last + 1);
        }
        if kept >> self.fraction == 0 {
            return self.signed(negative, kept);
        }
        let field = (last - least + 1) as u64;
        if field << self.fraction >= self.infinity() {
            return self.signed(negative, self.overflow(negative, environment));
        }
        let fraction = kept & ((1 << self.fraction) - 1);
        self.signed(negative, field << self.fraction | fraction)
    }

    fn overflow(self, negative: bool, environment: Environment) -> u64 {
        let largest = self.infinity() - 1;
        match environment.rounding {
            Rounding::Nearest => self.infinity(),
            Rounding::Zero => largest,
            Rounding::Down if negative => self.infinity(),
            Rounding::Up if !negative => self.infinity(),
            Rounding::Down | Rounding::Up => largest,
        }
    }
}

/// A positive number: `value × 2^exponent`, and if there is `more`, less than one
/// unit of it above. Then `value` has far more bits than any format.
#[derive(Clone, Copy, Debug)]
struct Exact {
    value: u128,
    exponent: i32,
    more: bool,
}

impl Exact {
    /// Rounded to a multiple of `2^last`: that multiple, and `last`.
    fn at(self, last: i32, negative: bool, environment: Environment) -> (u64, i32) {
        let shift = last - self.exponent;
        if shift <= 0 {
            return ((self.value << -shift) as u64, last);
        }
        let kept = self.value.checked_shr(shift as u32).unwrap_or(0);
        let lost = self.value ^ kept.checked_shl(shift as u32).unwrap_or(0);
        let half = 1u128.checked_shl(shift as u32 - 1).unwrap_or(0);
        let rest = match half {
            0 => std::cmp::Ordering::Less,
            half if self.more && lost == half => std::cmp::Ordering::Greater,
            half => lost.cmp(&half),
        };
        let exact = lost == 0 && !self.more;
        let up = environment.rounds_up(negative, kept & 1 != 0, rest, exact);
        (kept as u64 + u64::from(up), last)
    }
}

enum Product {
    Infinite,
    Finite(u128, i32),
}

/// `None`: infinity times zero.
fn product(left: Number, right: Number) -> Option<Product> {
    match (left, right) {
        (Number::Finite(a, m), Number::Finite(b, n)) => {
            Some(Product::Finite(u128::from(a) * u128::from(b), m + n))
        }
        (Number::Finite(0, _), _) | (_, Number::Finite(0, _)) => None,
        _ => Some(Product::Infinite),
    }
}

#[derive(Clone, Copy, Debug)]
struct Term {
    negative: bool,
    value: u128,
    exponent: i32,
}

/// Where a term's leading bit stands: a sum has room above it, and below it more
/// bits than a term may have.
const LEADING: u32 = 120;

impl Term {
    fn aligned(self) -> Self {
        let shift = self.value.leading_zeros().saturating_sub(127 - LEADING);
        Self { value: self.value << shift, exponent: self.exponent - shift as i32, ..self }
    }
}

/// The sum of two terms; `None` if it is zero.
fn sum(terms: [Term; 2]) -> Option<(bool, Exact)> {
    let [a, b] = terms.map(Term::aligned);
    let (large, small) = match (a.value, b.value) {
        (0, 0) => return None,
        (_, 0) => (a, b),
        (0, _) => (b, a),
        _ if (b.exponent, b.value) > (a.exponent, a.value) => (b, a),
        _ => (a, b),
    };
    let distance = if small.value == 0 { 0 } else { (large.exponent - small.exponent) as u32 };
    let shifted = small.value.checked_shr(distance).unwrap_or(0);
    let more = small.value != shifted.checked_shl(distance).unwrap_or(0);
    let value = if large.negative == small.negative {
        large.value + shifted
    } else {
        large.value - shifted - u128::from(more)
    };
    let exact = Exact { value, exponent: large.exponent, more };
    (value != 0 || more).then_some((large.negative, exact))
}
