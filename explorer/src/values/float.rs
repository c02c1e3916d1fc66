//! Floating-point numbers as C's `%g` writes them, with as many digits as tell values apart.

use super::exact::{Exact, Float, FloatFormat};

/// The text of a float's bytes; `None` if there are too few.
pub fn float_text(bytes: &[u8], format: FloatFormat) -> Option<String> {
    let sign = |negative| if negative { "-" } else { "" };
    Some(match Float::of(bytes, format)? {
        Float::Infinite { negative } => format!("{}inf", sign(negative)),
        Float::Nan { negative, payload } => format!("{}nan(0x{payload:x})", sign(negative)),
        Float::Finite(exact) => format!("{}{}", sign(exact.negative), magnitude(exact, format)),
    })
}

fn magnitude(exact: Exact, format: FloatFormat) -> String {
    if exact.significand == 0 {
        return "0".to_owned();
    }
    let (digits, point) = exact.decimal();
    general(&scientific(&digits, point, format.digits()))
}

/// `%g` from scientific notation: the shorter of two styles, without trailing zeros.
fn general(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let precision = mantissa.len().saturating_sub(1) as i32;
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_end_matches('0');
    let significant = if significant.is_empty() { "0" } else { significant };
    if exponent < -4 || exponent >= precision.max(1) {
        let (first, rest) = significant.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{exponent_sign}{:02}", exponent.abs());
    }
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("{sign}0.{zeros}{significant}");
    }
    let whole = exponent as usize + 1;
    match significant.len() > whole {
        true => {
            let (before, after) = significant.split_at(whole);
            format!("{sign}{before}.{after}")
        }
        false => format!("{sign}{significant}{}", "0".repeat(whole - significant.len())),
    }
}

/// Digits, rounded half to even to `count`, in scientific notation.
fn scientific(digits: &[u8], point: i32, count: usize) -> String {
    let mut kept: Vec<u8> =
        digits.iter().copied().chain(std::iter::repeat(0)).take(count).collect();
    let mut point = point;
    let rest = digits.get(count..).unwrap_or_default();
    let odd = kept.last().is_some_and(|digit| digit % 2 == 1);
    let up = match rest.split_first() {
        Some((5, tail)) => tail.iter().any(|digit| *digit > 0) || odd,
        Some((first, _)) => *first > 5,
        None => false,
    };
    if up {
        let nines = kept.iter().rev().take_while(|digit| **digit == 9).count();
        let at = kept.len() - nines;
        kept.iter_mut().skip(at).for_each(|digit| *digit = 0);
        match at.checked_sub(1).and_then(|at| kept.get_mut(at)) {
            Some(digit) => *digit += 1,
            None => {
                kept.insert(0, 1);
                kept.pop();
                point += 1;
            }
        }
    }
    let text: String = kept.iter().map(|digit| char::from(b'0' + digit)).collect();
    let (first, rest) = text.split_at(1);
    format!("{first}.{rest}e{}", point - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_and_floats_as_gdb_writes_them() {
        let double = |value: f64| float_text(&value.to_le_bytes(), FloatFormat::Double).unwrap();
        assert_eq!(double(1.1), "1.1000000000000001");
        assert_eq!(double(1.0), "1");
        assert_eq!(double(-0.0), "-0");
        assert_eq!(double(1e100), "1e+100");
        assert_eq!(double(1e20), "1e+20");
        assert_eq!(double(1.0 / 3.0), "0.33333333333333331");
        assert_eq!(double(1e-5), "1.0000000000000001e-05");
        assert_eq!(double(123456.5), "123456.5");
        assert_eq!(double(1e16), "10000000000000000");
        assert_eq!(double(1e17), "1e+17");
        assert_eq!(double(f64::NEG_INFINITY), "-inf");
        assert_eq!(double(f64::NAN), "nan(0x8000000000000)");
        let single = |value: f32| float_text(&value.to_le_bytes(), FloatFormat::Single).unwrap();
        assert_eq!(single(1.0 / 3.0), "0.333333343");
        assert_eq!(single(1.5), "1.5");
    }

    #[test]
    fn x87_is_exact() {
        // 1.1L: significand 0x8ccccccccccccccd, exponent 0x3fff.
        let bytes = [0xcd, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0x8c, 0xff, 0x3f];
        let text = |bytes: &[u8]| float_text(bytes, FloatFormat::Extended).unwrap();
        assert_eq!(text(&bytes), "1.10000000000000000002");
        let nearest = |bytes| Float::of(bytes, FloatFormat::Extended).unwrap().to_f64();
        assert_eq!(nearest(&bytes), 1.1);
        let smallest = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(text(&smallest), "3.64519953188247460253e-4951");
        let two = [0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0x40];
        assert_eq!(text(&two), "2");
    }

    #[test]
    fn quads_are_exact() {
        let text = |word: u128| float_text(&word.to_le_bytes(), FloatFormat::Quad).unwrap();
        // What gdb shows of 1.1Q, 3Q and -inf.
        let tenth = 0x3fff_1999_9999_9999_9999_9999_9999_999a;
        assert_eq!(text(tenth), "1.10000000000000000000000000000000008");
        assert_eq!(text(0x4000_8000 << 96), "3");
        assert_eq!(text(0xffff << 112), "-inf");
        assert_eq!(text(1), "6.47517511943802511092443895822764655e-4966");
    }
}
