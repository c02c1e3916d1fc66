//! Looking for bytes in memory.

use super::Session;
use crate::timeline::{StateError, Timeline};
use rdb_schema::space::{Base, PAGE};

/// Bytes read at a time.
const PART: u64 = 1 << 18;

/// Most bytes that can be looked for.
pub const MAX_PATTERN: usize = 4096;

impl Session {
    /// Addresses from `from` on at which `pattern` stands in the memory of state `t`, ascending, at
    /// most `limit`; whether there may be more.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn find_bytes_at(
        &self,
        (t, from): (u64, u64),
        pattern: &[u8],
        limit: usize,
    ) -> Result<(Vec<u64>, bool), StateError> {
        let mut found = Vec::new();
        self.find_parts((t, from), pattern, &mut |part| {
            found.extend(part);
            found.len() <= limit
        })?;
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// How often `pattern` stands in the memory of state `t`.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn find_count_at(&self, t: u64, pattern: &[u8]) -> Result<u64, StateError> {
        let mut count = 0;
        self.find_parts((t, 0), pattern, &mut |part| {
            count += part.len() as u64;
            true
        })?;
        Ok(count)
    }

    /// Gives where `pattern` stands at state `t`, from an address on, to `take`, part by part of
    /// memory, as long as that wants more.
    fn find_parts(
        &self,
        (t, from): (u64, u64),
        pattern: &[u8],
        take: &mut dyn FnMut(Vec<u64>) -> bool,
    ) -> Result<(), StateError> {
        let space = self.timeline.space(t)?;
        let known = |base| !matches!(base, Base::Unreadable);
        for mapping in space.iter().filter(|mapping| known(mapping.base)) {
            let mut at = mapping.start.max(from);
            while at < mapping.end {
                self.interrupt.check()?;
                let length = (mapping.end - at).min(PART);
                let mut found = Vec::new();
                find_in(&self.timeline, (t, at), length, pattern, &mut found)?;
                if !take(found) {
                    return Ok(());
                }
                at += length;
            }
        }
        Ok(())
    }
}

/// Those that start at state `t` in the `length` bytes from `start`; they may end behind.
pub(super) fn find_in(
    timeline: &Timeline,
    (t, start): (u64, u64),
    length: u64,
    pattern: &[u8],
    found: &mut Vec<u64>,
) -> Result<(), StateError> {
    let more = pattern.len().saturating_sub(1);
    let memory = timeline.memory(t, start, length as usize + more)?;
    let is = |window: &[Option<u8>]| window.iter().zip(pattern).all(|(a, b)| *a == Some(*b));
    let places = memory.windows(pattern.len().max(1)).enumerate();
    let matching = places.filter(|(_, window)| is(window));
    found.extend(matching.map(|(offset, _)| start + offset as u64));
    Ok(())
}

/// What `text` means: `"a string"` (with C's escapes), bytes in hexadecimal
/// (`7f 45 4c 46`), or a number (`0x1234`), as many bytes as it needs: 1, 2, 4 or 8.
///
/// # Errors
/// What is wrong with it.
pub fn pattern(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    let bytes = if let Some(rest) = text.strip_prefix('"') {
        let inner = rest.strip_suffix('"').ok_or("the string does not end")?;
        unescape(inner)?
    } else if let Some(number) = text.strip_prefix("0x").filter(|n| !n.contains(' ')) {
        let value =
            u64::from_str_radix(number, 16).map_err(|_| format!("{text:?} is no number"))?;
        let size = [1, 2, 4].into_iter().find(|size| value >> (size * 8) == 0).unwrap_or(8);
        value.to_le_bytes().into_iter().take(size).collect()
    } else {
        let byte = |word: &str| u8::from_str_radix(word, 16).ok().filter(|_| word.len() <= 2);
        let bytes: Option<Vec<u8>> = text.split_whitespace().map(byte).collect();
        bytes.ok_or_else(|| format!("{text:?} is no \"string\", no number and no bytes"))?
    };
    match bytes.len() {
        1..=MAX_PATTERN => Ok(bytes),
        length => Err(format!("{length} bytes cannot be looked for (1 to {MAX_PATTERN})")),
    }
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let (escape, after) = rest.split_first().ok_or("the string ends in an escape")?;
        rest = after;
        bytes.push(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'0' => 0,
            b'\\' | b'"' => *escape,
            b'x' => {
                let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                rest = rest.get(2..).unwrap_or_default();
                byte.ok_or("two hexadecimal digits are needed after \\x")?
            }
            other => return Err(format!("no escape \\{}", char::from(*other))),
        });
    }
    Ok(bytes)
}

/// Pages are read whole, so parts begin at pages.
const _: () = assert!(PART.is_multiple_of(PAGE));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_strings_numbers_or_bytes() {
        assert_eq!(pattern(r#""a b\n\x7f\0""#), Ok(b"a b\n\x7f\0".to_vec()));
        assert_eq!(pattern("0x1234"), Ok(vec![0x34, 0x12]));
        assert_eq!(pattern("0x123456789"), Ok(vec![0x89, 0x67, 0x45, 0x23, 1, 0, 0, 0]));
        assert_eq!(pattern("7f 45 4c 46"), Ok(b"\x7fELF".to_vec()));
        for wrong in ["", "\"", "\"\"", "\"a", "xyz", "123", r#""\q""#, r#""\x1""#, r#""\"#, "0x"] {
            assert!(pattern(wrong).is_err(), "{wrong}");
        }
    }
}
