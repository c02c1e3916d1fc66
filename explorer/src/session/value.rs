//! What memory or a register holds, as far as it is known.

/// Bytes, of which some may not be known; few are kept without a place of their own, as long
/// lists have millions.
pub type Bytes = smallvec::SmallVec<[Option<u8>; 8]>;

/// So many bytes, none of them known.
pub fn unknown(length: usize) -> Bytes {
    Bytes::from_elem(None, length)
}

/// A value of at most 8 bytes as a number, a longer one as its bytes in the order
/// of memory; unknown ones as `??`.
pub fn value_text(value: &[Option<u8>]) -> String {
    let digits = |byte: &Option<u8>| byte.map_or("??".to_owned(), |byte| format!("{byte:02x}"));
    if value.len() <= 8 {
        let text: String = value.iter().rev().map(digits).collect();
        let short = text.trim_start_matches('0');
        let short = if short.is_empty() { "0" } else { short };
        return format!("0x{}", if short.starts_with('?') { &text } else { short });
    }
    let bytes: Vec<String> = value.iter().map(digits).collect();
    bytes.join(" ")
}

/// For serde: [`value_text`].
pub fn serialize_value<S: serde::Serializer>(value: &Bytes, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&value_text(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_are_numbers_and_long_ones_bytes() {
        let known = |bytes: &[u8]| bytes.iter().copied().map(Some).collect::<Vec<_>>();
        assert_eq!(value_text(&known(&[0x34, 0x12, 0, 0])), "0x1234");
        assert_eq!(value_text(&known(&[0])), "0x0");
        assert_eq!(value_text(&[Some(1), None]), "0x??01");
        assert_eq!(value_text(&known(&[1; 9])), "01 01 01 01 01 01 01 01 01");
    }
}
