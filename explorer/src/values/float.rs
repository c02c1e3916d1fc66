//! Floating-point numbers as C's `%g` writes them, with as many digits as tell values apart.

/// Significant digits by size in bytes: 2 + the significand's bits · log₁₀ 2.
fn digits(size: usize) -> usize {
    match size {
        4 => 9,
        8 => 17,
        _ => 21,
    }
}

/// The text of a float's bytes: 4 and 8 (IEEE 754), 10, 12 and 16 (x87). `None` for others.
pub fn float_text(bytes: &[u8]) -> Option<String> {
    let number = match bytes.len() {
        4 => f64::from(f32::from_le_bytes(bytes.try_into().ok()?)),
        8 => f64::from_le_bytes(bytes.try_into().ok()?),
        10 | 12 | 16 => return extended_text(bytes),
        _ => return None,
    };
    if !number.is_finite() {
        return Some(special(number, bytes));
    }
    Some(general(&format!("{:.*e}", digits(bytes.len()) - 1, number)))
}

/// Infinities, and NaNs with their payload, as gdb writes them.
fn special(number: f64, bytes: &[u8]) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if number.is_infinite() {
        return format!("{sign}inf");
    }
    let payload = match <[u8; 4]>::try_from(bytes) {
        Ok(single) => u64::from(u32::from_le_bytes(single) & 0x7f_ffff),
        Err(_) => number.to_bits() & 0xf_ffff_ffff_ffff,
    };
    format!("{sign}nan(0x{payload:x})")
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

/// Sign, exponent of two of the lowest bit, and significand of x87's 80 bits.
fn extended_parts(bytes: &[u8]) -> Option<(bool, i32, u64)> {
    let significand = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let head = u16::from_le_bytes(bytes.get(8..10)?.try_into().ok()?);
    let exponent = i32::from(head & 0x7fff).max(1) - 16383 - 63;
    Some((head & 0x8000 != 0, exponent, significand))
}

/// The nearest double of x87's 80 bits.
pub fn extended_to_f64(bytes: &[u8]) -> Option<f64> {
    let (negative, exponent, significand) = extended_parts(bytes)?;
    let head = u16::from_le_bytes(bytes.get(8..10)?.try_into().ok()?) & 0x7fff;
    let magnitude = match (head, significand << 1) {
        (0x7fff, 0) => f64::INFINITY,
        (0x7fff, _) => f64::NAN,
        // In two steps: either factor alone may be out of a double's range.
        _ => significand as f64 * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2),
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn extended_text(bytes: &[u8]) -> Option<String> {
    let (negative, exponent, significand) = extended_parts(bytes)?;
    let sign = if negative { "-" } else { "" };
    let head = u16::from_le_bytes(bytes.get(8..10)?.try_into().ok()?) & 0x7fff;
    if head == 0x7fff {
        return Some(match significand << 1 {
            0 => format!("{sign}inf"),
            _ => format!("{sign}nan(0x{significand:x})"),
        });
    }
    if significand == 0 {
        return Some(format!("{sign}0"));
    }
    let (digits, point) = decimal(significand, exponent);
    Some(format!("{sign}{}", general(&scientific(&digits, point, self::digits(16)))))
}

/// `significand · 2^exponent`, exactly: its decimal digits, and how many stand before the point.
fn decimal(significand: u64, exponent: i32) -> (Vec<u8>, i32) {
    // Base 10⁹ digits, lowest first. 2^-n = 5^n / 10^n.
    let mut limbs = vec![significand % 1_000_000_000, significand / 1_000_000_000];
    let factor = if exponent >= 0 { 2 } else { 5 };
    for _ in 0..exponent.unsigned_abs() {
        let mut carry = 0;
        for limb in &mut limbs {
            let value = *limb * factor + carry;
            (*limb, carry) = (value % 1_000_000_000, value / 1_000_000_000);
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let text: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
    let text = text.trim_start_matches('0');
    let shift = if exponent < 0 { exponent } else { 0 };
    (text.bytes().map(|digit| digit - b'0').collect(), text.len() as i32 + shift)
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
        let double = |value: f64| float_text(&value.to_le_bytes()).unwrap();
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
        let single = |value: f32| float_text(&value.to_le_bytes()).unwrap();
        assert_eq!(single(1.0 / 3.0), "0.333333343");
        assert_eq!(single(1.5), "1.5");
    }

    #[test]
    fn x87_is_exact() {
        // 1.1L: significand 0x8ccccccccccccccd, exponent 0x3fff.
        let bytes = [0xcd, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0x8c, 0xff, 0x3f];
        assert_eq!(float_text(&bytes).unwrap(), "1.10000000000000000002");
        assert_eq!(extended_to_f64(&bytes), Some(1.1));
        let smallest = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(float_text(&smallest).unwrap(), "3.64519953188247460253e-4951");
        let two = [0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0x40];
        assert_eq!(float_text(&two).unwrap(), "2");
    }
}
