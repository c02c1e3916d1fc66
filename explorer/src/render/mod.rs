//! Text for people: pages, styles, tables. JSON is serde's.

mod brief;
mod page;
mod table;
mod wrap;

pub use brief::brief;
pub use page::{Flow, Page, Style, escape};
pub use table::{Table, cut};

/// An address as all output shows it.
pub fn hex(address: u64) -> String {
    format!("{address:#x}")
}

/// For serde: an address as a hexadecimal string, which no JSON reader rounds.
pub fn serialize_hex<S: serde::Serializer>(address: &u64, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&hex(*address))
}

/// For serde: an address that may be missing, as [`hex`].
///
/// # Errors
/// The serializer's.
pub fn serialize_some_hex<S: serde::Serializer>(
    address: &Option<u64>,
    out: S,
) -> Result<S::Ok, S::Error> {
    match address {
        Some(address) => serialize_hex(address, out),
        None => out.serialize_none(),
    }
}

/// For serde: whether a number need not be written.
pub fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// For serde: an address that [`serialize_hex`] wrote.
pub fn deserialize_hex<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(from)?;
    let digits = text.strip_prefix("0x");
    let address = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    address.ok_or_else(|| serde::de::Error::custom("not an address"))
}

/// A number with its thousands apart: `1,234,567`.
pub fn thousands(number: u64) -> String {
    with_thousands(number, str::to_owned)
}

/// The same, for those who keep it elsewhere.
pub fn with_thousands<T>(number: u64, take: impl FnOnce(&str) -> T) -> T {
    // At most 20 digits, and 6 commas.
    let (mut left, mut digits) = (number, [0u8; 26]);
    let mut start = digits.len();
    for (place, to) in digits.iter_mut().rev().enumerate() {
        if place % 4 == 3 {
            *to = b',';
        } else {
            (*to, left) = (b'0' + (left % 10) as u8, left / 10);
        }
        start -= 1;
        if left == 0 {
            break;
        }
    }
    let text = digits.get(start..).and_then(|digits| std::str::from_utf8(digits).ok());
    take(text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart_from_the_right() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(100_000), "100,000");
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
    }
}
