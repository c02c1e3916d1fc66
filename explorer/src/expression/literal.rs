//! C's literals.

use super::syntax::Node;
use super::{Fault, rounded};
use crate::values::{FloatFormat, Wide};

/// A number as C and gdb write it: decimal, 0x hexadecimal, 0 octal.
pub fn number(text: &str) -> Option<u64> {
    u64::try_from(integer(text)?).ok()
}

fn integer(text: &str) -> Option<u128> {
    let text = text.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return parse(digits, radix);
        }
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => parse(digits, 8),
        _ => parse(&text, 10),
    }
}

/// Without a sign, which `from_str_radix` would take.
fn parse(digits: &str, radix: u32) -> Option<u128> {
    let digits = digits.replace('\'', "");
    digits.chars().next().filter(char::is_ascii_alphanumeric)?;
    u128::from_str_radix(&digits, radix).ok()
}

/// A numeric literal with its suffixes.
pub(super) fn numeric(text: &str) -> Result<Node, Fault> {
    let bad = || Fault::Literal(format!("{text:?} is not a number"));
    let lower = text.to_ascii_lowercase();
    let hexadecimal = lower.starts_with("0x");
    if hexadecimal && lower.contains(['.', 'p']) {
        return hexadecimal_float(&lower).ok_or_else(bad);
    }
    let floating = !hexadecimal && (lower.contains('.') || lower.contains('e'));
    if floating {
        if let Some(digits) = lower.strip_suffix('l') {
            let digits = digits.strip_suffix('.').unwrap_or(digits);
            return rounded::extended(digits).map(Node::LongDouble).ok_or_else(bad);
        }
        let digits = lower.trim_end_matches('f');
        let single = lower.ends_with('f');
        let value: f64 = digits.parse().map_err(|_| bad())?;
        return Ok(Node::Float {
            value: if single { f64::from(value as f32) } else { value },
            single,
        });
    }
    let digits = lower.trim_end_matches(['u', 'l']);
    let suffix = lower.get(digits.len()..).unwrap_or_default();
    if !["", "u", "l", "ul", "lu", "ll", "ull", "llu"].contains(&suffix) {
        return Err(bad());
    }
    let value = integer(digits).ok_or_else(bad)?;
    if value > u128::from(u64::MAX) {
        return Err(Fault::Literal(format!("{text} does not fit 64 bits")));
    }
    let decimal = !digits.starts_with('0') || digits == "0";
    Ok(Node::Integer { value, unsigned: suffix.contains('u'), long: suffix.contains('l'), decimal })
}

/// A float in hexadecimal (C17, 6.4.4.2). As in gdb, the exponent may be left out: what stands
/// last is a digit then, and no suffix.
fn hexadecimal_float(text: &str) -> Option<Node> {
    let (significand, exponent) = text.split_once('p').unwrap_or((text, "0"));
    let digits = exponent.trim_end_matches(['f', 'l']);
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let (format, single) = match exponent.get(digits.len()..)? {
        "" => (FloatFormat::Double, false),
        "f" => (FloatFormat::Single, true),
        "l" => (FloatFormat::Extended, false),
        _ => return None,
    };
    let bits = rounded::hexadecimal(&format!("{significand}p{digits}"), format)?;
    Some(match format {
        FloatFormat::Extended => Node::LongDouble(bits),
        FloatFormat::Single => Node::Float { value: f32::from_bits(bits as u32).into(), single },
        _ => Node::Float { value: f64::from_bits(bits as u64), single },
    })
}

/// The bytes of a text between `quote`s, and how many bytes of `text` they take; `text` begins
/// behind the opening quote.
pub(super) fn quoted(text: &str, quote: char) -> Option<(Vec<u8>, usize)> {
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        let c = rest.chars().next()?;
        let after = rest.get(c.len_utf8()..)?;
        if c == quote {
            return Some((bytes, text.len() - after.len()));
        }
        if c == '\\' {
            let (byte, length) = escape(after)?;
            bytes.push(byte);
            rest = after.get(length..)?;
        } else {
            bytes.extend(c.to_string().bytes());
            rest = after;
        }
    }
}

/// The units of a text of wide characters, likewise.
pub(super) fn quoted_wide(text: &str, quote: char, wide: Wide) -> Option<(Vec<u32>, usize)> {
    let mut units = Vec::new();
    let mut rest = text;
    loop {
        let c = rest.chars().next()?;
        let after = rest.get(c.len_utf8()..)?;
        if c == quote {
            return Some((units, text.len() - after.len()));
        }
        if c == '\\' {
            let (unit, length) = wide_escape(after)?;
            units.push(unit);
            rest = after.get(length..)?;
        } else {
            match wide.size {
                2 => units.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| u32::from(*unit))),
                _ => units.push(c.into()),
            }
            rest = after;
        }
    }
}

/// What stands behind a backslash between wide quotes: the unit, and how long it is.
fn wide_escape(text: &str) -> Option<(u32, usize)> {
    let first = text.chars().next()?;
    let most = match first {
        'x' | 'U' => 8,
        'u' => 4,
        _ => return escape(text).map(|(byte, length)| (byte.into(), length)),
    };
    let digits = text.get(1..)?.chars().take(most).take_while(char::is_ascii_hexdigit).count();
    Some((u32::from_str_radix(text.get(1..1 + digits)?, 16).ok()?, 1 + digits))
}

/// What stands behind a backslash: the byte, and how long it is.
fn escape(text: &str) -> Option<(u8, usize)> {
    let first = text.chars().next()?;
    let digits = |text: &str, radix: u32, most: usize| {
        text.chars().take(most).take_while(|c| c.is_digit(radix)).count()
    };
    if first == 'x' {
        let length = digits(text.get(1..)?, 16, 2);
        return Some((u8::from_str_radix(text.get(1..1 + length)?, 16).ok()?, 1 + length));
    }
    if first.is_digit(8) {
        let length = digits(text, 8, 3);
        return Some(((u32::from_str_radix(text.get(..length)?, 8).ok()? & 0xff) as u8, length));
    }
    let byte = match first {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        'a' => 7,
        'b' => 8,
        'v' => 11,
        'f' => 12,
        'e' => 27,
        c if c.is_ascii() => c as u8,
        _ => return None,
    };
    Some((byte, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_radices() {
        assert_eq!(number("0x10"), Some(16));
        assert_eq!(number("010"), Some(8));
        assert_eq!(number("0b101"), Some(5));
        assert_eq!(number("10"), Some(10));
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("08"), None);
        assert_eq!(number("0x+1"), None);
        assert_eq!(number("99999999999999999999"), None);
    }

    #[test]
    fn quoted_texts_end_at_their_quote() {
        assert_eq!(quoted(r#"a\n\x41\101" rest"#, '"'), Some((b"a\nAA".to_vec(), 12)));
        assert_eq!(quoted("never", '"'), None);
        assert_eq!(quoted("\\", '"'), None);
    }
}
